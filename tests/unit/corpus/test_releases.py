"""Releases are found wherever PhysioNet's files have been put, and two of one product are refused."""

import pytest

from synthnotes.corpus.releases import MIMIC_IV, MIMIC_IV_NOTE, find_releases, read_checksums, require_release
from synthnotes.machinery.files import UserError


def put(root, product, ending=".csv.gz", names=None):
    for name in names or product.files:
        path = root / (name + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize(
    ("place", "version"),
    [
        ("", None),
        ("physionet.org/files/mimiciv/3.1", "3.1"),
        ("mimic-iv-2.2", "2.2"),
        ("mimic-iv-3.0/mimic-iv-3.0", "3.0"),
        ("files/10.1/hospital", "10.1"),
        ("physionet.org", None),
    ],
)
@pytest.mark.parametrize("ending", [".csv.gz", ".csv"])
def test_one_release_wherever_it_lies(tmp_path, place, version, ending):
    put(tmp_path / place, MIMIC_IV, ending)
    put(tmp_path / "mimic-iv-note-2.2", MIMIC_IV_NOTE)
    release = require_release(tmp_path, MIMIC_IV)
    assert release.version == version
    assert release.root == tmp_path / place
    assert release.files == {name: tmp_path / place / (name + ending) for name in MIMIC_IV.files}
    assert release.label == f"MIMIC-IV {version or '(version not named)'}"
    assert require_release(tmp_path, MIMIC_IV_NOTE).label == "MIMIC-IV-Note 2.2"


def test_the_compressed_file_goes_before_the_unpacked_one(tmp_path):
    put(tmp_path, MIMIC_IV_NOTE)
    put(tmp_path, MIMIC_IV_NOTE, ".csv")
    assert require_release(tmp_path, MIMIC_IV_NOTE).files == {"note/discharge": tmp_path / "note/discharge.csv.gz"}


def test_two_releases_are_refused_and_named(tmp_path):
    for version in ("10.0", "2.2", "3.1"):
        put(tmp_path / version, MIMIC_IV)
    assert [release.version for release in find_releases(tmp_path, MIMIC_IV)] == ["10.0", "2.2", "3.1"]
    with pytest.raises(UserError, match=r"3 releases of MIMIC-IV: 10.0 in .*2.2 in .*3.1 in .*Leave the one to use"):
        require_release(tmp_path, MIMIC_IV)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such file as note/discharge.csv.gz. Get MIMIC-IV-Note from PhysioNet"):
        require_release(tmp_path, MIMIC_IV_NOTE)
    put(tmp_path / "3.1", MIMIC_IV, names=["hosp/diagnoses_icd", "hosp/d_icd_diagnoses"])
    assert find_releases(tmp_path, MIMIC_IV)[0].missing == ["hosp/procedures_icd", "hosp/d_icd_procedures"]
    with pytest.raises(UserError, match=r"3.1/hosp/procedures_icd.csv.gz: no such file, though MIMIC-IV 3.1 is there"):
        require_release(tmp_path, MIMIC_IV)
    assert find_releases(tmp_path / "absent", MIMIC_IV) == []


def test_links_are_followed_but_not_for_ever_and_hidden_folders_are_not_searched(tmp_path):
    put(tmp_path / "elsewhere/3.1", MIMIC_IV)
    for nowhere in (".demo-1", "$RECYCLE.BIN/S-1", "lost+found", "@eaDir", "__MACOSX"):
        put(tmp_path / "data" / nowhere / "3.1", MIMIC_IV)
    (tmp_path / "data/physionet").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert require_release(tmp_path / "data", MIMIC_IV).root == tmp_path / "data/physionet/3.1"
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(find_releases(tmp_path / "data", MIMIC_IV)) >= 1


def test_checksums_of_a_release(tmp_path):
    put(tmp_path, MIMIC_IV_NOTE)
    release = require_release(tmp_path, MIMIC_IV_NOTE)
    assert read_checksums(release).get("note/discharge.csv.gz") is None
    for name in ("note/discharge.csv.gz", "./note/discharge.csv.gz", "*note/discharge.csv.gz\r"):  # sha256sum's own
        for mark in ("", "\ufeff"):
            (tmp_path / "SHA256SUMS.txt").write_text(f"{mark}AB12 LICENSE.txt\nAB34  {name}\n", encoding="utf-8")
            assert read_checksums(release).get("note/discharge.csv.gz") == "ab34"


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"\xff\xfea\0", b"ab12  \xe5.csv\n", b"\x1f\x8b\x08\0"])
def test_a_list_of_checksums_that_is_none_is_told(tmp_path, content):
    put(tmp_path, MIMIC_IV_NOTE)
    (tmp_path / "SHA256SUMS.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"SHA256SUMS.txt: (it is|not text)"):
        read_checksums(require_release(tmp_path, MIMIC_IV_NOTE))
