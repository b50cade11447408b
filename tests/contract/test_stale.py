"""What an edit makes stale: `dvc status` of a copy in which every stage has run, as far as DVC can tell.

The copy holds a file for every input and output, which `dvc commit` takes for what the stages read and wrote. No stage
is run. Stages that `dvc status` names have changed themselves; those that follow on them are found in DVC's own graph.
"""

import re
import shutil
import subprocess
from contextlib import chdir

import networkx
import pytest
from dvc.repo import Repo

from pipeline import ROOT, stages

MAKING = {"corpus", "finetune", "merge", "generate", "variants", "synthetic", "coding", "noise"}
CODERS = {"coding", "noise"}
OF_CODERS = {"utility", "significance", "errors", "hypotheses", "ablation"}
AT_THE_END = {"headline", "report"}
MODULE = {stage.name: stage.module for stage in stages()}


class Copy:
    """A copy of the project whose stages are all up to date."""

    def __init__(self, folder):
        self.folder = folder
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split("\n")  # fmt: skip
        for name in filter(None, tracked):
            if (ROOT / name).is_file() and not name.startswith(("results/", "tests/", "dvc.lock", "data.dvc")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        for stage in stages():
            for path in (*stage.deps, *(output.path for output in stage.outputs)):
                self.fill(folder / path)
        with chdir(folder), Repo() as repo:
            repo.commit(force=True)
        assert self.changed() == set()

    def fill(self, path):
        if not path.exists():
            file = path if path.suffix else path / "file"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(path.relative_to(self.folder)))

    def status(self):
        """The stages that `dvc status` names."""
        with chdir(self.folder), Repo() as repo:
            return set(repo.status())

    def changed(self):
        """The modules of those stages."""
        return {MODULE[name] for name in self.status() if name in MODULE}

    def stages_after(self, file, old, new):
        """The stages that an edit changes; the edit is taken back."""
        path = self.folder / file
        before = path.read_text(encoding="utf-8")
        assert old in before, f"{file} has no {old!r}"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
        try:
            return self.status() & MODULE.keys()
        finally:
            path.write_text(before, encoding="utf-8")

    def after(self, file, old, new):
        """The modules of those stages."""
        return {MODULE[name] for name in self.stages_after(file, old, new)}

    def following(self, module):
        """The modules of all stages that follow on those of one."""
        with chdir(self.folder), Repo() as repo:
            readers = repo.index.graph.reverse()
            of_module = [stage for stage in readers if MODULE.get(stage.addressing) == module]
            following = set().union(*(networkx.descendants(readers, stage) for stage in of_module))
        return {MODULE[stage.addressing] for stage in following if stage.addressing in MODULE}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("copy"))


DOCSTRING = ('"""', '"""Really: ')


def test_a_word_in_the_machinery_makes_nothing_stale(copy):
    modules = [path for path in (copy.folder / "src/synthnotes/machinery").glob("*.py") if path.name != "__init__.py"]
    before = {path: path.read_text(encoding="utf-8") for path in modules}
    for path, source in before.items():
        assert source.startswith('"""')
        path.write_text(source.replace(*DOCSTRING, 1), encoding="utf-8")
    changed = copy.changed()
    for path, source in before.items():
        path.write_text(source, encoding="utf-8")
    assert len(modules) > 10
    assert changed == set()


def test_how_it_is_computed_makes_nothing_stale(copy):
    path = copy.folder / "machine.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"\b\d+\b", "7", before), encoding="utf-8")  # every number of it
    changed = copy.changed()
    path.write_text(before, encoding="utf-8")
    assert changed == set()
    assert copy.after("configs/accelerate/ddp.yaml", "MULTI_GPU", "MULTI_CPU") == set()


def test_the_minimum_of_patients_concerns_measures_alone(copy):
    changed = copy.after("params.yaml", "minimum_patients: 10", "minimum_patients: 20")
    assert changed >= {"cohort", "fidelity", "utility", "errors", "privacy"}
    assert not changed & MAKING


def test_the_words_of_a_metric_train_no_coder(copy):
    changed = copy.after("src/synthnotes/coding/metrics.py", *DOCSTRING)
    assert changed == {"utility", "significance", "errors", "hypotheses"}


def test_a_stop_word_samples_nothing(copy):
    changed = copy.after("languages/en.yaml", "the of and", "the of other and")
    assert "generation" in changed
    assert not changed & MAKING


def test_the_words_of_the_report_rebuild_the_report(copy):
    assert copy.after("src/synthnotes/report/privacy.py", *DOCSTRING) == {"report"}
    assert copy.after("paper/privacy.qmd.j2", "a", "aa") == {"report"}


def test_the_epochs_of_coders_concern_coders_and_what_follows_on_them(copy):
    assert copy.after("params.yaml", "  epochs: 5", "  epochs: 4") == CODERS | {"report"}  # which lists all parameters
    assert copy.following("coding") == OF_CODERS | {"published"} | AT_THE_END


def test_a_parameter_of_privacy_concerns_privacy_and_what_reads_it(copy):
    changed = copy.after("params.yaml", "overlap_n: 8", "overlap_n: 7")
    assert changed == {"privacy", "report"}
    assert copy.following("privacy") == {"detection"} | AT_THE_END
    assert copy.after("params.yaml", "planted_notes: 40", "planted_notes: 30") == {"privacy", "detection", "report"}


def test_a_value_of_one_corpus_concerns_that_corpus(copy):
    status = copy.stages_after("params.yaml", "finetune: {}", "finetune: {epochs: 2.0}")
    assert {name for name in status if MODULE.get(name) in MAKING} == {"finetune@sepr"}


def test_the_wording_of_a_questionnaire_trains_and_samples_nothing(copy):
    changed = copy.after("languages/sv.yaml", "Att läsa journalanteckningar", "Att bedöma journalanteckningar")
    assert changed == {"questionnaire", "generation", "report"}  # generation tells all languages of the folder apart


def test_the_prompt_of_a_language_makes_the_records_of_its_corpora_anew(copy):
    status = copy.stages_after("languages/sv.yaml", "### Svar:", "### Anteckning:")
    assert {name for name in status if MODULE.get(name) in MAKING} == {"corpus@sepr"}


def test_a_further_level_of_noise_trains_no_other_coder(copy):
    path = copy.folder / "params.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("noise_levels: [20, 50]", "noise_levels: [20, 50, 70]"), encoding="utf-8")
    status = copy.status()
    path.write_text(before, encoding="utf-8")
    assert {name for name in status if name.startswith("noise@")} == {
        "noise@mimic-h1-70-1337",
        "noise@mimic-h2-70-1337",
    }
