"""The stage: what stands in the report, and what it does where results are missing, old, empty or broken."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from reading import outputs, read, shown, words

from synthnotes.machinery import pipeline
from synthnotes.machinery.files import UserError, read_csv, read_json, write_csv, write_json
from synthnotes.machinery.language import Language
from synthnotes.machinery.params import COMPARED_SETS, TRAINING_SETS
from synthnotes.report.kit import render, style
from synthnotes.stages.report import main

ROOT = Path(__file__).parents[3]


def test_the_whole_report(whole):
    figures = int(whole.summary.split()[0])
    assert figures >= 16
    assert (whole.out / "report.pdf").read_bytes().startswith(b"%PDF")
    html = (whole.out / "report.html").read_text(encoding="utf-8")
    assert len(html) < 5 * 2**20
    assert html.count("data:image/svg+xml") == html.count('id="fig-') == figures
    text = words(html)
    assert "This report was built from artificial data." in text
    assert not re.search(r"\bnan\b|Undefined|>None<", html)
    assert "no text | {{&lt; meta title &gt;}} @tbl-none" in text
    tables = html[html.index('id="tbl-ratings"') : html.index('id="fig-published-answers"')]
    compared = re.findall(r"<td[^>]*>(?:<strong>)?(equal|differs|within interval)(?:</strong>)?</td>", tables)
    assert compared == ["equal"] * (22 + 14)  # quantities, Swedish medians included, and pairs: every published number


def test_references_links_and_captions_are_whole(whole):
    html = (whole.out / "report.html").read_text(encoding="utf-8")
    segments, _ = read(html)
    text = " ".join(segment.text for segment in segments if "math" not in segment.inside)
    text = text.replace("{{< meta title >}} @tbl-none", "")
    assert not re.search(r"\?@|Unable to resolve|\]\[|\{\{|\}\}|:::|(Figure|Table|Section|Equation) \?", text)
    identifiers = re.findall(r'\bid="([^"]+)"', re.sub(r'src="data:[^"]*"', "", html))
    assert not [name for name, count in Counter(identifiers).items() if count > 1]
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(identifiers)
    captions = re.findall(
        r"<figcaption[^>]*>(.*?)</figcaption>|-caption\" class=\"table-caption\">(.*?)</div>", html, re.S
    )
    assert len(captions) > 40
    for caption in map(words, map("".join, captions)):
        assert re.match(r"(Figure|Table) \d+: .{10,}", caption), caption
    assert all(text.strip() for text in re.findall(r'<img[^>]*\balt="([^"]*)"', html))


def test_the_source_is_the_same_when_it_is_written_again(whole, paper, tmp_path, monkeypatch):
    """Text, figures and provenance; that rendering gives the same bytes is tested with the renderer."""
    monkeypatch.setattr(render, "render", lambda project, engine: (b"", b""))
    main(paper, whole.results, ROOT / "params.yaml", ROOT / "languages", *outputs(tmp_path))
    files = [path.relative_to(whole.out) for path in (whole.out / "quarto").rglob("*.*")]
    assert len(files) > 20
    for file in [*files, "provenance.json"]:
        assert (tmp_path / file).read_bytes() == (whole.out / file).read_bytes(), file


def test_a_corpus_that_is_not_rebuilt_is_left_out(fill):
    text = shown(fill(corpora=["sepr"])[0])
    for word in ("| MIMIC-L | tunes", "Trained on real notes with noise", "Edin et al. report"):
        assert word not in text
    assert "| SEPR-L " in text
    assert "English study" in text  # both studies' ratings are published


@pytest.mark.parametrize("corpora", [["codiesp"], ["mimic", "sepr", "codiesp"]])
def test_a_declared_corpus_has_its_place_among_one_or_three(fill, corpora):
    source, told = fill(corpora=corpora, disclosure={"demo": False})
    text = shown(source)
    assert "CodiEsp is in Spanish: notes of CodiEsp" in " ".join(text.replace("**", "").split())
    assert source.count("@miranda2020") == 1
    assert ("@johnson2023note" in source, "@dalianis2015" in source) == ("mimic" in corpora, "sepr" in corpora)
    assert f"| {'CodiEsp'}-L " in text
    assert source.count("#fig-attrition-") == len(corpora)
    assert set(told["params"]["values"]["corpora"]) == set(corpora)


def test_a_study_of_ones_own_stands_beside_the_published_one(fill):
    studies = {"published": "paper/published/ratings.csv", "own": "data/answers"}
    source, _ = fill(corpora=["sepr"], ratings={"studies": studies})
    assert "Answers of the study" in source
    for view in ("boxes", "answers", "differences", "correlation"):
        assert f"{{#fig-own-{view}" in source
    assert shown(source).count("(12 interviews, of which 1 test; 1 without any whole pair)") == 4


def test_the_ablation_shows_when_it_is_switched_on(fill):
    assert "Repetition penalty and temperature" not in fill()[0]
    source = fill(ablation={"repetition_penalties": [1.0, 1.5], "temperatures": [0.8]})[0]
    assert "Repetition penalty and temperature" in source
    assert source.count("[77.5][") == 4  # two pairs of values in two corpora


@pytest.mark.parametrize(
    ("seeds", "larger", "metrics", "trained"),
    [
        ([1], [1], "metrics of one seed", ""),
        (
            [1, 2],
            [3, 4],
            "means ± standard deviations over 2 seeds",
            "Every coder is trained 2 times, with other seeds",
        ),
        (
            [1, 2],
            [1],
            "means ± standard deviations over 2 seeds for real S and synthetic S, and metrics of one seed for the "
            "other training sets",
            "The coders of real S and of synthetic S, whose comparison is the question, are trained 2 times, those of "
            "the other training sets once. Another seed",
        ),
        (
            [1],
            [1, 2, 3],
            "metrics of one seed for real S and synthetic S, and means ± standard deviations over 3 seeds for the "
            "other training sets",
            "are trained once, those of the other training sets 3 times. Another seed",
        ),
    ],
)
def test_the_text_says_how_many_seeds_each_coder_has(fill, seeds, larger, metrics, trained):
    source, told = fill(corpora=["sepr"], seeds=seeds, larger_seeds=larger)
    text = " ".join(shown(source).split())
    varied = "patients and seeds" if min(len(seeds), len(larger)) > 2 else "patients"
    varied += ", and seeds where there are three" if varied == "patients" and max(len(seeds), len(larger)) > 2 else ""
    assert f"@tbl-coding gives the result: {metrics}, and intervals over {varied} (" in text
    assert f"over the codes that occur there: {metrics}, with intervals of" in text
    assert trained in text
    assert bool(trained) == bool(re.search(r"(is|are) trained (\d+ times|once)", text))
    assert ("each run of one with each of the other" in text) == (len(seeds) != len(larger))
    assert ("nothing is concluded about the sets" in text) == (min(len(seeds), len(larger)) < 3)
    assert ("The decisions are those of the first seed," in text) == (len(seeds + larger) > 2)
    counts = {n["formula"]: n["value"] for n in told["numbers"].values() if "number of params." in n.get("formula", "")}
    assert counts == {
        f"number of params.{name}": len(of)
        for name, of in {"seeds": seeds, "larger_seeds": larger}.items()
        if len(of) > 1 and (name == "seeds" or len(seeds) != len(larger))
    }
    with_deviation = [name for name in TRAINING_SETS if f"utility.sepr.{name}.micro.f1.sd" in told["numbers"]]
    assert with_deviation == [n for n in TRAINING_SETS if len(seeds if n in COMPARED_SETS else larger) > 1]


def test_too_few_seeds_bring_no_verdict(fill):
    """The first page and the chapters say so, link to where it stands, and tell how many seeds would bring one."""
    source, told = fill(corpora=["mimic"])
    text = " ".join(shown(source).split())
    assert text.count("**no verdict about the sets**: micro-F1") == 1
    assert "with these coders; the margin is 0.05; with so large a difference, 7 seeds of each set would decide" in text
    assert "**no verdict about the kinds**: of these coders, H2 at 35 % is nearest" in text
    assert (
        "there is **no verdict about the kinds** of noise: synthetic S has 2 and each noise 1 of the three seeds"
        in text
    )
    rows = [row for row in text.split("synthetic S − ")[1:] if "too few seeds" in row]
    assert rows
    for key in ("significance.mimic.pairs.synthetic_s_against_real_s.non_inferiority.micro_f1.verdict",
                "hypotheses.mimic.winner.verdict"):  # fmt: skip
        assert f"][{key}]" in source
        assert told["numbers"][key]["value"] == "too few seeds"


def test_three_seeds_each_bring_verdicts(fill):
    three = [1, 2, 3]
    source, _ = fill(corpora=["mimic"], seeds=three, larger_seeds=three, noise={"seeds": three})
    text = " ".join(shown(source).split())
    assert "with these coders" not in text
    assert "of these coders" not in text
    assert "too few seeds" not in text
    assert "**not decided**: micro-F1" in text
    assert "**concentrated**: H2 at 35 % is nearest, 0.140 in F1 away; the other stays 0.070" in text
    assert "What ails the synthetic notes, by this criterion: **concentrated**." in text


def test_the_families_of_tests_stand_where_their_p_values_do(fill):
    """Four pairs: of five metrics in the artificial results, of two F1, and of decisions."""
    text = " ".join(shown(fill(corpora=["mimic"])[0]).split())
    assert "each in a family of all pairs and metrics of a corpus (on MIMIC 20 and 8 tests)" in text
    assert "by Holm's correction over the pairs of a corpus (on MIMIC 4)" in text
    assert "cannot fall below 0.0001; where no toss reached the difference, this times the number of tests" in text
    assert "Each end of the interval is a one-sided test at 2.5 %." in text


def test_real_data_are_not_called_artificial(fill):
    text = shown(fill(corpora=["mimic"], disclosure={"demo": False})[0])
    text = " ".join(text.split())
    assert "artificial" not in text.replace("Infections of an artificial kind", "")
    assert "This report was built from MIMIC-IV, under the licences" in text


def test_a_missing_result_fails_and_leaves_nothing(run_of, fill, tmp_path):
    run = run_of()
    (run[1] / "hypotheses" / "mimic.json").unlink()
    with pytest.raises(UserError, match=r"hypotheses/mimic\.json.*the stage 'hypotheses' writes it"):
        fill(run)
    assert not (tmp_path / "out").exists()


def test_a_result_of_an_older_form_names_the_number_and_its_file(run_of, fill):
    run = run_of()
    content = json.loads((run[1] / "generation" / "mimic.json").read_text(encoding="utf-8"))
    write_json(run[1] / "generation" / "mimic.json", content | {"merge": {"share": 1.0}})
    key = "generation.mimic.merge.share_same_next_token"
    with pytest.raises(UserError, match=rf"generation/mimic\.json holds no number '{re.escape(key)}'"):
        fill(run)


def test_a_null_is_shown_as_such_and_never_as_a_number(run_of, fill):
    run, key = run_of(corpora=["sepr"]), "privacy.sepr.rouge.recall.control.all.mean"
    content = json.loads((run[1] / "privacy" / "sepr.json").read_text(encoding="utf-8"))
    content["rouge"]["recall"]["control"]["all"]["mean"] = None
    write_json(run[1] / "privacy" / "sepr.json", content)
    source, told = fill(run)
    assert set(re.findall(rf"\[([^\[\]]*)\]\[{key}\]", source)) == {"–"}
    (definition,) = re.findall(rf'^\[{key}\]: #origin-{key} "(.*)"$', source, re.MULTILINE)
    assert shown(definition).endswith(
        "privacy/sepr.json: rouge.recall.control.all.mean = null (stage privacy, seed 1337; privacy.rouge.evaluate)"
    )
    assert told["numbers"][key]["value"] is None


def test_a_figure_without_rows_says_so_in_its_place(run_of, fill, monkeypatch):
    drawn, draw = {}, style.draw

    def keep(drawing, path):
        drawn[path.stem] = drawing
        draw(drawing, path)

    monkeypatch.setattr(style, "draw", keep)
    run = run_of(corpora=["sepr"])
    only_heading(run[1] / "errors" / "sepr-length.csv")
    source, _ = fill(run)
    assert "**No data:** results/errors/sepr-length.csv has no rows" in shown(source)
    assert "{#fig-length" in source  # so that references to it still resolve


def test_a_table_without_rows_says_so(run_of, fill):
    run = run_of(corpora=["sepr"])
    only_heading(run[1] / "errors" / "sepr-codes.csv")
    source, _ = fill(run)
    losses = source[: source.index("{#tbl-f1-changes")]
    assert losses.rsplit("|\n", 1)[0].rsplit("\n| ", 1)[1].startswith("none ")


def only_heading(path):
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"), [("bin,x\n1,2\n", "no column or entry"), ("", "is empty"), ('"', "not a well-formed")]
)
def test_a_broken_table_is_named(run_of, fill, tmp_path, content, message):
    run = run_of(corpora=["sepr"])
    (run[1] / "privacy" / "sepr-recall.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"privacy/sepr-recall\.csv: .*{message}"):
        fill(run)
    assert not (tmp_path / "out").exists()


def test_a_coder_without_a_curve_is_named(run_of, fill):
    run = run_of(corpora=["sepr"], seeds=[1, 2], larger_seeds=[1])
    path = run[1] / "utility" / "sepr-curves.csv"
    curves = read_csv(path)
    write_csv(path, curves[(curves["training"] != "synthetic_s") | (curves["seed"] != 2)])
    with pytest.raises(UserError, match=r"'coding': results/utility/sepr-curves\.csv: .*\('synthetic_s', 2\)"):
        fill(run)


def test_every_repair_has_its_entry():
    repairs = yaml.safe_load((ROOT / "paper" / "repairs.yaml").read_text(encoding="utf-8"))
    assert [repair["id"] for repair in repairs] == list("abcdefghijklmnopqrstuvwxy")
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    parameters["languages"] = Language.model_fields
    for repair in repairs:
        assert set(repair) == {"id", "chapter", "published", "here", "effect", "parameter"}
        if repair["parameter"]:
            section, name = repair["parameter"].split(".")
            assert name in parameters[section]


def test_the_report_loads_no_torch():
    code = "import sys, synthnotes.stages.report as r; print({'torch', 'transformers', 'vllm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# small numbers that tell of nobody
SETTINGS = {"seeds", "coders", "significance_level", "n", "params", "pairs", "raters", "words"}


def with_gaps(found, name=""):
    """Results without their small counts and their extremes, as they are of real data."""
    if isinstance(found, dict):
        return {key: with_gaps(value, key) for key, value in found.items()}
    few = type(found) is int and 0 < found < 10 and name not in SETTINGS
    return None if few or name in ("min", "max", "maximum", "recall", "passage_words") else found


@pytest.mark.slow
def test_a_report_of_real_data_shows_what_is_left(tmp_path, paper):
    """The committed results with gaps as if their patients were real: every table and every figure bears them."""
    for file in pipeline.result_files(pipeline.stages(ROOT)):
        path, target = ROOT / "results" / file, tmp_path / "results" / file
        tells_of_no_patient = path.parent.name in ("questionnaire", "ratings", "published")
        if path.suffix == ".json":
            write_json(target, read_json(path) if tells_of_no_patient else with_gaps(read_json(path)))
        else:
            table = read_csv(path)
            counts = [name for name in ("patients", "decisions", "notes") if name in table and not tells_of_no_patient]
            write_csv(target, table[~table[counts].lt(15).any(axis=1)] if counts else table)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["disclosure"]["demo"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    shutil.copyfile(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
    summary = main(
        paper, tmp_path / "results", tmp_path / "params.yaml", ROOT / "languages", *outputs(tmp_path / "out")
    )
    assert "figures" in summary
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")
