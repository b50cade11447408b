"""Loading a file can run no code and fetch nothing: what ruff's rules (S, TID251) cannot tell of such calls."""

import ast

from pipeline import modules, tree

# What a call must say, by the last part of its name: transformers, for one, asks at the terminal whether to run code.
REQUIRED = {
    "from_pretrained": {"trust_remote_code": False},
    "from_config": {"trust_remote_code": False},
}
WEIGHTS = {"AutoModelForCausalLM": {"use_safetensors": True}, "AutoModel": {"weights_only": True}}
EXPLICIT = {"np.load": {"allow_pickle": False}, "torch.load": {"weights_only": True}}  # whatever the defaults are
EDITORS = {"configure.py", "pipeline.py"}  # of YAML that was read safely before


def calls():
    """Every call of the package: where, the dotted name of what is called, and the call."""
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call):
                yield f"{module}:{node.lineno}", ast.unparse(node.func), node


def says(call, wanted):
    """Whether a call gives these keywords these values."""
    given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
    return all(given.get(name) == value for name, value in wanted.items())


def test_arrays_and_tensors_are_loaded_without_pickles():
    found = [(place, name, call) for place, name, call in calls() if name in EXPLICIT]
    assert {name for _, name, _ in found} >= {"np.load", "torch.load"}
    assert not [place for place, name, call in found if not says(call, EXPLICIT[name])]


def test_models_bring_no_code_and_generators_no_pickled_weights():
    found = [(place, *name.rpartition(".")[::2], call) for place, name, call in calls()]
    # An adapter has no code; `check_adapter` has seen to its weights.
    found = [
        (place, owner, last, call) for place, owner, last, call in found if last in REQUIRED and owner != "PeftModel"
    ]
    assert len(found) >= 6
    for place, owner, last, call in found:
        wanted = REQUIRED[last] | (WEIGHTS.get(owner, {}) if last == "from_pretrained" else {})
        assert says(call, wanted), place


def test_yaml_is_read_as_plain_values():
    found = [(place, call) for place, name, call in calls() if name == "YAML"]
    assert found
    for place, call in found:
        assert says(call, {"typ": "safe"}) or any(editor in place for editor in EDITORS), place


def test_templates_escape_and_come_from_no_data():
    found = [(place, call) for place, name, call in calls() if name.rpartition(".")[2] == "Environment"]
    assert found
    for place, call in found:
        finalize = next((k.value.id for k in call.keywords if k.arg == "finalize"), None)
        assert says(call, {"autoescape": True}) or finalize == "escape", place
