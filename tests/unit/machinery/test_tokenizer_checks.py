"""Tokenizers that do not fit their vocabulary, as people have them: what they lose is told, and is counted."""

import json
import shutil
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import FILLERS, make_generator, save_encoder, save_tokenizer

from synthnotes.generation.generators import load_tokenizer
from synthnotes.machinery.files import UserError
from synthnotes.machinery.tokenizer_checks import load, require_ids, require_known, unknown_share

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "the",
    "patient",
    "was",
    "admitted",
    "with",
    "pain",
    "in",
    "chest",
    "and",
    "fever",
    "since",
    "days",
    "sleeps",
    "well",
    "at",
    "home",
    "heart",
    "lung",
]
SWEDISH = ["för", "andnöd", "på", "natten", "åter", "söker", "hjärtat", "är", "vården", "över", "från", "två", "år"]
LETTERS = [*string.ascii_lowercase, *string.digits, *string.punctuation]
NOTES = ["The Patient Was admitted With Pain", "Chest Pain since two Days", "heart and Lung"]


def word_piece(folder, cased=True, letters="", **settings):
    """A BERT's vocabulary and settings, as old folders have them: no tokenizer.json."""
    folder.mkdir(exist_ok=True)
    capitals = [*string.ascii_uppercase, *map(str.title, [*WORDS, *(SWEDISH if letters else [])])] if cased else []
    words = [
        *LETTERS,
        *letters,
        *WORDS,
        *(SWEDISH if letters else []),
        *capitals,
        *(c.upper() for c in letters if cased),
    ]
    vocabulary = dict.fromkeys([*SPECIAL, *words, *(f"##{c}" for c in (*LETTERS[:36], *letters))])
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    values = {"tokenizer_class": "BertTokenizer"} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize(
    ("vocabulary", "settings"),
    [
        ({"cased": True}, {"do_lower_case": False}),
        ({"cased": False}, {"do_lower_case": True}),
        ({"cased": True, "letters": "åäö"}, {"do_lower_case": False}),
        ({"cased": False, "letters": "åäö"}, {"do_lower_case": True, "strip_accents": False}),
    ],
)
def test_a_tokenizer_that_fits_its_vocabulary_passes(tmp_path, vocabulary, settings):
    tokenizer = load(word_piece(tmp_path / "m", **vocabulary, **settings), "encoder")
    assert unknown_share(tokenizer, NOTES) == 0


@pytest.mark.parametrize(
    ("vocabulary", "settings", "message"),
    [
        ({"cased": True}, {"do_lower_case": True}, r"has capitals, .* Set do_lower_case: false in tok"),
        ({"cased": True, "letters": "åäö"}, {}, "or å, ä or ö, .* Set do_lower_case: false and strip_accents: false"),
        ({"cased": False, "letters": "åäö"}, {"do_lower_case": True}, "has å, ä or ö, .* Set strip_accents: false in"),
        (
            {"cased": True, "letters": "åäö"}, {"do_lower_case": False, "strip_accents": True},
            "has å, ä or ö, .* Set strip_accents: false in",
        ),
        ({"cased": False}, {"do_lower_case": False}, "the vocabulary has no capitals.* Set do_lower_case: true"),
        (
            {"cased": False, "letters": "åäö"}, {"do_lower_case": False, "strip_accents": False},
            "the vocabulary has no capitals",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("saved", [False, True])
def test_a_vocabulary_of_another_case_is_refused(tmp_path, vocabulary, settings, message, saved):
    """Whether the setting stands in tokenizer_config.json or has come into a tokenizer.json."""
    folder = word_piece(tmp_path / "m", **vocabulary, **settings)
    if saved:
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
        (folder / "vocab.txt").unlink()
    with pytest.raises(UserError, match=message):
        load(folder, "encoder")


def test_unknown_tokens_are_counted_and_too_many_refused(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = load(tmp_path, "encoder")
    known = " ".join(FILLERS)
    assert unknown_share(tokenizer, [known]) == 0
    assert unknown_share(tokenizer, ["the patient never"]) == pytest.approx(1 / 3)
    assert require_known(tokenizer, [known] * 250, tmp_path) == (
        "0.00% of the tokens of 100 notes are unknown to the tokenizer"
    )
    with pytest.raises(UserError, match=r"does not know 50\.0% of the tokens of 2 notes .*do_lower_case") as told:
        require_known(tokenizer, ["the secret", "patient Diagnosis"], tmp_path)
    assert "secret" not in str(told.value)
    assert unknown_share(tokenizer, []) == 0


@given(st.lists(st.sampled_from([*FILLERS, "unheard", "Östra", "§"]), min_size=1, max_size=30))
def test_the_share_is_that_of_the_words_that_are_not_in_the_vocabulary(tmp_path_factory, words):
    folder = tmp_path_factory.getbasetemp() / "tokenizer"
    if not folder.exists():
        folder.mkdir()
        save_tokenizer(folder)
    share = unknown_share(load(folder, "encoder"), [" ".join(words)])
    assert share == pytest.approx(sum(word not in FILLERS for word in words) / len(words))


def test_letters_that_a_tokenizer_drops_count_as_unknown(tmp_path):
    """A BPE without an unknown token says nothing of a letter that it does not have."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE(vocab={"<p>": 0, "a": 1, "b": 2}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<p>", unk_token="<p>")
    assert unknown_share(tokenizer, ["ab å", "ab"]) == pytest.approx(1 / 5)


# Files.


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return make_generator(tmp_path_factory.mktemp("models") / "generator")


@pytest.fixture
def copy(generator, tmp_path):
    return shutil.copytree(generator, tmp_path / "generator")


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def inside(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def no_vocabulary(folder):
    (folder / "tokenizer.json").unlink()


def only_specials(folder):
    no_vocabulary(folder)
    (folder / "vocab.txt").write_text("\n".join(SPECIAL))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')


def no_merges(folder):
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    no_vocabulary(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))


def llama_over_bytes(folder):
    """The class of SentencePiece over a vocabulary that writes spaces otherwise."""

    def change(values):
        values["pre_tokenizer"] = None
        values["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}

    inside(folder / "tokenizer.json", change)  # fmt: skip


def a_class_of_llama(folder):
    edit(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizerFast")


def lower_case(folder):
    inside(folder / "tokenizer.json", lambda values: values.update(normalizer={"type": "Lowercase"}))


def ascii_only(folder):
    change = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}
    inside(folder / "tokenizer.json", lambda values: values.update(normalizer=change))


def squeezed(folder):
    change = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    inside(folder / "tokenizer.json", lambda values: values.update(normalizer=change))


def no_digits(folder):
    change = {"type": "Replace", "pattern": {"Regex": r"\d"}, "content": "0"}
    inside(folder / "tokenizer.json", lambda values: values.update(normalizer=change))


def truncating(folder):
    change = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    inside(folder / "tokenizer.json", lambda values: values.update(truncation=change))


def broken(folder):
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_vocabulary, r"none of tokenizer\.json, vocab\.json"),
        (only_specials, "knows no words, only special tokens"),
        (no_merges, r"vocab\.json without merges\.txt"),
        (llama_over_bytes, "the tokenizer loses .*spaces"),
        (a_class_of_llama, "the tokenizer loses .*spaces"),
        (lower_case, "capitals"),
        (ascii_only, "has å, ä or ö, which|loses å"),
        (squeezed, "loses .*line breaks"),
        (no_digits, "loses digits"),
        (broken, "no tokenizer that transformers can load"),
    ],
)
def test_a_generator_s_tokenizer_must_give_texts_back(copy, damage, message):
    damage(copy)
    with pytest.raises(UserError, match=message):
        load_tokenizer(copy)


def test_truncation_in_a_tokenizer_s_file_is_not_followed(copy):
    truncating(copy)
    assert len(load_tokenizer(copy)("the patient was admitted with fever")["input_ids"]) > 4


@pytest.mark.parametrize("role", ["encoder", "generator"])
def test_ids_beyond_the_embeddings_are_refused_and_their_number_does_not_matter(copy, role):
    """A vocabulary with holes has fewer tokens than its largest id says."""
    tokenizer = load(copy, "generator")
    rows = len(tokenizer)
    require_ids(tokenizer, rows, copy)
    vocabulary = json.loads((copy / "tokenizer.json").read_text())["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.get)
    inside(copy / "tokenizer.json", lambda values: values["model"]["vocab"].update({last: 9000}))
    with pytest.raises(UserError, match=rf"the tokenizer's largest id is 9000, the model only {rows} embeddings"):
        load(copy, "generator", rows)


def test_a_tokenizer_of_a_model_with_fewer_tokens_is_refused(copy):
    """As of Llama 2, with 32,000, in a folder of Llama 3, with 128,256: no id is too large, and no text is lost."""
    tokens = len(load(copy, "generator"))
    load(copy, "generator", 2 * tokens)
    with pytest.raises(UserError, match=rf"largest id is {tokens - 1}, the model has {4 * tokens} .*not of one model"):
        load(copy, "generator", 4 * tokens)


@pytest.mark.parametrize(("line_end", "share", "version"), [("\n", 1, 1), ("\r\n", 1, 1), ("\n", 1, 0), ("\n", 0.5, 1)])
def test_merges_must_be_whole_however_they_are_written(copy, line_end, share, version):
    model = json.loads((copy / "tokenizer.json").read_text())["model"]
    no_vocabulary(copy)
    (copy / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [" ".join(pair) for pair in model["merges"]]
    lines = ["#version: 0.2"] * version + merges[: int(share * len(merges))]
    (copy / "merges.txt").write_bytes("".join(line + line_end for line in lines).encode())
    edit(copy / "tokenizer_config.json", tokenizer_class="GPT2Tokenizer", unk_token="</s>")
    if share == 1:
        load(copy, "generator")
        return
    with pytest.raises(
        UserError, match=r"merges\.txt: \d+ merges, where .*vocab\.json has \d+ tokens of several letters"
    ):
        load(copy, "generator")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "tokenizer.json"])
def test_a_byte_order_mark_is_told(copy, name):
    (copy / name).write_bytes(b"\xef\xbb\xbf" + (copy / name).read_bytes())
    with pytest.raises(UserError, match=rf"{name}: begins with a byte order mark"):
        load(copy, "generator")


def test_tiktoken_s_file_beside_tokenizer_json_does_no_harm(copy):
    (copy / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\n")
    load(copy, "generator")
    (copy / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.model: it is plain text, where a file of the tokenizer"):
        load(copy, "generator")


def test_a_mask_without_an_embedding_does_no_harm_but_padding_does(tmp_path):
    folder = save_encoder(tmp_path / "e")
    tokenizer = load(folder, "encoder")
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"mask_token": "<mask>"})
    assert tokenizer.mask_token_id == rows
    require_ids(tokenizer, rows, folder)
    tokenizer.add_special_tokens({"pad_token": "[more]"})
    with pytest.raises(UserError, match=f"largest id is {rows + 1}, of the pad token, the model only {rows}"):
        require_ids(tokenizer, rows, folder)


def test_an_encoder_s_tokenizer_must_tell_words_apart_and_pad(copy):
    with pytest.raises(UserError, match="no padding token"):
        load(copy, "encoder")
    edit(copy / "tokenizer_config.json", pad_token="</s>")
    load(copy, "encoder")
    llama_over_bytes(copy)
    with pytest.raises(UserError, match="the tokenizer loses spaces"):
        load(copy, "encoder")
