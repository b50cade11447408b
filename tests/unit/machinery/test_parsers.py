"""Whatever bytes a file holds, its parser gives a value or a `UserError` that names it: never another exception."""

from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parsers import documents, parsers


@pytest.mark.parametrize("name", parsers())
def test_a_good_file_is_read(name):
    parser = parsers()[name]
    assert parser.refuses(parser.good) is None


@pytest.mark.parametrize("name", parsers())
@given(data=st.data())
@settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
def test_any_bytes_give_a_value_or_one_clear_error(name, data):
    parser = parsers()[name]
    message = parser.refuses(data.draw(documents(parser)))
    if message is not None:
        assert str(Path(gettempdir())) in message  # the file, or the model's folder
        assert len(message) < 5000
