"""Prompts are filled once: material stays material."""

import pytest

from rightly.errors import InputError
from rightly.prompting import fill


def test_material_that_looks_like_a_field_is_left_alone():
    assert fill("{{a}}|{{b}}", {"a": "{{b}} {x} \\1", "b": "B"}) == "{{b}} {x} \\1|B"


@pytest.mark.parametrize("fields", [{"a": ""}, {"a": "", "b": "", "c": ""}])
def test_missing_and_unused_fields_are_refused(fields):
    with pytest.raises(InputError, match="differ in"):
        fill("{{a}}{{b}}", fields)
