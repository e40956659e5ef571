"""Fill prompt files in one pass, so that braces or markers in the data can neither break nor inject a field."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from rightly.errors import InputError

_FIELD = re.compile(r"\{\{(\w+)\}\}")


@cache
def load_prompt(package: str, name: str) -> str:
    """The text of the prompt file ``prompts/<name>.txt`` of a package."""
    return resources.files(package).joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8")


def fields_of(template: str) -> set[str]:
    """Names of the fields that a template uses."""
    return set(_FIELD.findall(template))


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Insert the fields into the template; inserted text is not searched for fields.

    Raises:
        InputError: The template uses a field that is not given, or does not use a given one.

    >>> fill("{{a}} and {{b}}", {"a": "{{b}}", "b": "x"})
    '{{b}} and x'
    """
    asked = fields_of(template)
    if asked != fields.keys():
        odd = ", ".join(sorted(asked ^ fields.keys()))
        raise InputError(f"prompt and fields differ in: {odd}", fix=f"the prompt must use {', '.join(sorted(fields))}")
    return _FIELD.sub(lambda field: fields[field.group(1)], template)
