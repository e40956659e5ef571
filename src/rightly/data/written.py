"""Lists that a file can only hold as text: messages in a CSV cell or a JSON string, and lists beside them.

Read as they are, they would be one plain text each, so that a whole dialogue becomes a response.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from rightly.data.fields import Row
from rightly.data.jsonl import without_surrogates
from rightly.errors import InputError

_MESSAGES = re.compile(r"""\s*\[\s*\{\s*["'](role|content|from|value)["']\s*:.*\]\s*""", re.DOTALL)
_LISTS = ("history", "rationales", "responses", "images", "videos", "audios")
"""Columns that never hold a text."""


def with_lists(row: Row) -> Row:
    """The row with its written lists as lists: messages in any column, and JSON lists in columns that never hold a text.

    Raises:
        InputError: A column holds messages as Python prints them, whose quotes do not say where a text ends.
    """
    found = {name: _found(name, value) for name, value in row.items() if isinstance(value, str)}
    lists = {name: value for name, value in found.items() if value is not None}
    return {**row, **lists} if lists else row


def _found(column: str, text: str) -> list[Any] | None:
    if column in _LISTS:
        value = _json(text)
        return value if isinstance(value, list) else None
    if not _MESSAGES.fullmatch(text):
        return None
    value = _json(text)
    if value is None:
        raise InputError(f"column {column!r} holds messages that are not JSON", fix="write them with json.dumps")
    return value if all(map(_is_message, value)) else None


def _is_message(value: object) -> bool:
    return isinstance(value, Mapping) and ({"role", "content"} <= value.keys() or {"from", "value"} <= value.keys())


def _json(text: str) -> Any:
    try:
        return without_surrogates(json.loads(text))
    except (ValueError, RecursionError):
        return None
