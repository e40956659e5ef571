"""Prompts are filled once: material stays material."""

import pytest

from rightly.errors import InputError
from rightly.prompting import fill


def test_fill_does_not_expand_fields_in_inserted_text():
    assert fill("{{a}}|{{b}}", {"a": "{{b}} {x} \\1", "b": "B"}) == "{{b}} {x} \\1|B"


@pytest.mark.parametrize("fields", [{"a": ""}, {"a": "", "b": "", "c": ""}])
def test_fill_refuses_missing_and_unused_fields(fields):
    with pytest.raises(InputError, match="differ in"):
        fill("{{a}}{{b}}", fields)
