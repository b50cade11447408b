"""Loading a file can run no code and fetch nothing: what a module may use for it, read from its syntax."""

import ast

import pytest

from pipeline import modules, tree

MODULES = pytest.mark.parametrize("module", modules(), ids=str)
# Formats that run code when they are read, in the standard library and beside it.
PICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "copyreg"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
FORBIDDEN = {"read_pickle", "to_pickle", "unsafe_load", "full_load", "unsafe_load_all"}
UNPACKING = {"extract", "extractall", "unpack_archive"}
XML_PARSERS = {"fromstring", "fromstringlist", "parse", "iterparse", "XML", "XMLParser", "XMLPullParser"}
SAFE_YAML = {"safe_load", "safe_dump", "YAMLError", "MarkedYAMLError"}
# What a call must say, by the last part of its name: transformers, for one, asks at the terminal whether to run code.
REQUIRED = {
    "from_pretrained": {"trust_remote_code": False},
    "from_config": {"trust_remote_code": False},
}
WEIGHTS = {"AutoModelForCausalLM": {"use_safetensors": True}, "AutoModel": {"weights_only": True}}


def calls(module):
    """Every call: the dotted name of what is called, and the call."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def says(call, wanted):
    """Whether a call gives these keywords these values."""
    given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
    return all(given.get(name) is value for name, value in wanted.items())


@MODULES
def test_nothing_is_pickled(module):
    for node in ast.walk(tree(module)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not PICKLING & {name.split(".")[0] for name in names}
    for name, call in calls(module):
        last = name.rpartition(".")[2]
        assert name not in BUILT_IN, name
        assert last not in FORBIDDEN, name
        assert last not in UNPACKING, f"{name}: archives are read, member by member and with a limit, never unpacked"
        if name in {"np.load", "numpy.load"}:
            assert says(call, {"allow_pickle": False}), name
        if name == "torch.load":
            assert says(call, {"weights_only": True}), name


@MODULES
def test_models_bring_no_code_and_generators_no_pickled_weights(module):
    for name, call in calls(module):
        owner, _, last = name.rpartition(".")
        if owner == "PeftModel":
            continue  # an adapter has no code; `check_adapter` has seen to its weights
        assert says(call, REQUIRED.get(last, {})), name
        if last == "from_pretrained":
            assert says(call, WEIGHTS.get(owner, {})), name


@MODULES
def test_documents_are_read_by_safe_parsers(module):
    for name, call in calls(module):
        owner, _, last = name.rpartition(".")
        assert owner != "yaml" or last in SAFE_YAML, name
        assert not (owner in {"ET", "ElementTree", "minidom"} and last in XML_PARSERS), f"{name}: use defusedxml"
        if name == "YAML" and module.name not in {"configure.py", "tidy.py"}:  # editors of what was read safely before
            assert call.keywords[0].value.value == "safe"


@MODULES
def test_templates_escape_and_come_from_no_data(module):
    for name, call in calls(module):
        if name.rpartition(".")[2] == "Environment":
            finalize = next((k.value.id for k in call.keywords if k.arg == "finalize"), None)
            assert says(call, {"autoescape": True}) or finalize == "escape"


def test_the_tests_see_what_they_look_for():
    assert any(name == "np.load" for module in modules() for name, _ in calls(module))
    assert any(name == "torch.load" for module in modules() for name, _ in calls(module))
    assert sum(name.endswith("from_pretrained") for module in modules() for name, _ in calls(module)) >= 6
    assert any(name.endswith("Environment") for module in modules() for name, _ in calls(module))
