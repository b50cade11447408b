"""Reads what the report writes, as its reader would."""

import re
import subprocess
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "col", "input", "rect"}
WRITTEN = ("report.html", "report.pdf", "quarto", "provenance.json", "numbers.json", "numbers.tex")


def shown(markdown):
    """What a reader sees of a line of markdown with links to origins."""
    text = re.sub(r"\[((?:[^\[\]\\]|\\.)*)\]\[[\w.-]+\]", r"\1", markdown)
    return text.replace("\\", "").replace("\u00a0", " ")


def outputs(folder):
    """The paths that the stage writes."""
    return [folder / name for name in WRITTEN]


@dataclass(frozen=True)
class Segment:
    """A piece of text, the target of the link that it is, and the tags and classes that it stands in."""

    text: str
    link: str | None
    inside: frozenset


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.segments, self.titles = [], [], {}

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "a" and "title" in values:
            self.titles[values["href"]] = values["title"]
        if tag not in VOID:
            classes = (values.get("class") or "").split()
            self.open.append((tag, values.get("href"), {tag, *classes, f"#{values.get('id')}"}))

    def handle_endtag(self, tag):
        if tag not in VOID:
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, text):
        link = next((href for tag, href, _ in reversed(self.open) if tag == "a"), None)
        inside = frozenset().union(*(names for _, _, names in self.open))
        if text.strip() and not inside & {"style", "script", "title"}:
            self.segments.append(Segment(" ".join(text.replace("\u00a0", " ").split()), link, inside))


def read(html):
    """The segments of a page's text, and the hover text of each link."""
    reader = _Reader()
    reader.feed(html)
    return reader.segments, reader.titles


def words(html):
    """A page's text in one line."""
    html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", html).replace("\u00a0", " ").split())


def lines(html):
    """A page's text, a piece of it per line, with what its links lead to and what they say on hover."""
    segments, titles = read(html)
    for segment in segments:
        hover = f" ({titles[segment.link]})" if segment.link in titles else ""
        yield segment.text + (f" -> {segment.link}{hover}" if segment.link else "")


def structure(html):
    """What two renderers of one source must agree on: the texts of headings, of captions, and of references."""
    html = re.sub(r"<(nav|header|style|script)\b.*?</\1>", "", unescape(html), flags=re.DOTALL)
    headings = [words(text) for _, text in re.findall(r"<h([1-6])\b[^>]*>(.*?)</h\1>", html, re.DOTALL)]
    captions = re.findall(
        r"<(figcaption|div)\b[^>]*caption[^>]*>(.*?)</\1>|<figcaption>(.*?)</figcaption>", html, re.DOTALL
    )
    texts = [words(first or second) for _, first, second in captions]
    references = re.findall(r'<a href="#((?:fig|tbl|sec|eq)-[\w-]+)"[^>]*>(.*?)</a>', html, re.DOTALL)
    return headings, [text for text in texts if re.match(r"(Figure|Table) \d+: ", text)], [
        (target, words(text)) for target, text in references
    ]  # fmt: skip


def pdf_words(path):
    """The words of a PDF, in the order of reading."""
    done = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, text=True, check=True)
    return done.stdout.split()
