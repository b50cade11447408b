"""What the documents name is there: modules, files, targets of make, parameters."""

import re

import pytest
from ruamel.yaml import YAML

from pipeline import ROOT
from synthnotes.machinery import params
from synthnotes.machinery.files import read_yaml

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/design.md", "docs/method.md")
ENDINGS = ("html", "pdf", "py")
FOLDERS = (ROOT, ROOT / "src" / "synthnotes", ROOT / "src")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_is_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    sources = set(re.findall(r"`([\w/.-]+\.(?:py|yaml|toml|md))`", text))
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}
    here = (ROOT / document).parent
    assert not [name for name in sources if not any((folder / name).exists() for folder in FOLDERS)]
    assert not [link for link in links if not (here / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_says_to_type_is_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`(?:\w+=\S+ )?make ([a-z-]+)", text)) <= targets
    known = params.read(ROOT / "params.yaml").model_dump()
    for section, name in re.findall(r"`([a-z_]+)\.([a-z_]+)`", text):
        if name not in ENDINGS and isinstance(known.get(section), dict):
            assert name in known[section], f"{section}.{name}"


def test_the_declaration_that_the_readme_shows_is_valid():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"### A corpus of your own\n.*?```yaml\n(.*?)```", text, re.DOTALL)[1]
    values = read_yaml(ROOT / "params.yaml")
    values["corpora"] |= YAML(typ="safe", pure=True).load(shown)
    found = params.validate(values, "README.md", params.Params).of("klinik")
    assert (found.corpus.minimum_notes_per_code, found.generate.max_new_tokens) == (5, 512)
