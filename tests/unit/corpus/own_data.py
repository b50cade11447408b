"""Both stages of the corpora, on data that the demo kit has not made: of these, too, the tests look at every count."""

from pathlib import Path

from synthnotes.machinery.files import read_json
from synthnotes.stages import cohort
from synthnotes.stages import corpus as preparation

ROOT = Path(__file__).parents[3]


def parameters_of_own_data(minimum_patients=1):
    """params.yaml for own data, with results that may rest on that many patients."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    own = {"demo: true": "demo: false", "minimum_patients: 10": f"minimum_patients: {minimum_patients}"}
    for there, changed in own.items():
        assert there in text
        text = text.replace(there, changed)
    return text


def prepare(folder, corpus):
    """Runs the stage `corpus` on the folder of that name; what it writes lies in `out`."""
    names = ("notes", "codes.csv", "records", "facts.json")
    return preparation.main(corpus, folder / corpus, *(folder / "out" / name for name in names))


def describe(folder, corpus):
    """Runs the stage `cohort` on what `prepare` has written; its results."""
    names = ("notes", "codes.csv", "facts.json", "r.json", "attrition.csv")
    cohort.main(corpus, *(folder / "out" / name for name in names))
    return read_json(folder / "out/r.json")
