"""Read one column of a row strictly: the right type, or an error that states the received value.

Real files contain booleans instead of text, NaN as a label, numbers as text. Each of these would otherwise become a
plausible wrong pair, so only unambiguous values are converted.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rightly.errors import InputError
from rightly.types import Choice, Message, PreferencePair

Row = Mapping[str, Any]
"""One record of a file: column name to JSON value."""

_ROLES = ("system", "user", "assistant", "tool")
ADD_PROMPT = "add a column 'prompt' (text, messages, or null if there is none)"
"""Cure of a row without a prompt."""
_MOST = 99
"""Responses of a pair; they are named by letters, and judgments are counted by them."""


def came(value: Any) -> str:
    """A short description of a value, for an error message.

    >>> came(True), came(float("nan")), came([1, 2]), came(None)
    ('true', 'NaN', 'a list of 2', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, int | float):
        return f"the number {value:.6g}" if abs(value) < 1e300 else "a number beyond range"
    if isinstance(value, str):
        return f"the text {value if len(value) <= 40 else value[:37] + '...'!r}"
    if isinstance(value, Mapping):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, Sequence) else f"a {type(value).__name__}"


def text(row: Row, column: str) -> str:
    """The text of a column; empty text is allowed, any other type is an error."""
    value = row.get(column)
    if not isinstance(value, str):
        raise InputError(f"column {column!r} is {came(value)}, expected text", fix="write it as text or remove the row")
    return value


def optional_text(row: Row, column: str) -> str | None:
    """The text of a column; ``None`` if the column is missing or null."""
    return None if row.get(column) is None else text(row, column)


def one_of(row: Row, *columns: str) -> str | None:
    """The only one of these columns that the row fills, or ``None`` if it fills none.

    Raises:
        InputError: The row fills several of them.
    """
    filled = [column for column in columns if row.get(column) is not None]
    if len(filled) > 1:
        raise InputError(f"the columns {' and '.join(filled)} have the same meaning", fix="keep one of them")
    return filled[0] if filled else None


def identity(row: Row, *columns: str) -> str | None:
    """The row's id from the first filled one of these columns (text or a whole number), else ``None``."""
    for column in columns:
        value = row.get(column)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise InputError(
                f"id in column {column!r} is {came(value)}, expected text or a whole number",
                fix="remove the column; ids are then made from the content",
            )
        return str(value)
    return None


def number(row: Row, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """The finite number of a column, within ``[low, high]``; ``None`` if the column is missing or null."""
    value = row.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise InputError(f"column {column!r} is {came(value)}, expected a finite number or null")
    if not low <= value <= high:
        raise InputError(f"column {column!r} is {came(value)}, out of range {low:g} to {high:g}")
    return float(value)


def choice(row: Row, column: str, meanings: Mapping[str | int, Choice]) -> Choice | None:
    """The meaning of a label column; ``None`` if it is null.

    Args:
        row: The row to read.
        column: Column of the label.
        meanings: Valid values and the choice that each means.

    Raises:
        InputError: The column holds any other value: a boolean, NaN, an unknown word.
    """
    value = row.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in meanings:
        offered = ", ".join(repr(meaning) for meaning in meanings)
        raise InputError(
            f"label in column {column!r} is {came(value)}, expected one of {offered}, or null", fix="write one of them"
        )
    return meanings[value]  # pyright: ignore[reportArgumentType]


def records(row: Row, column: str) -> list[Row]:
    """The objects of a list column; ``[]`` if the column is missing or null."""
    value = row.get(column)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise InputError(f"column {column!r} is {came(value)}, expected a list of objects")
    return value


def texts(row: Row, column: str) -> list[str]:
    """The texts of a list column; ``[]`` if the column is missing or null."""
    value = row.get(column)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"column {column!r} is {came(value)}, expected a list of texts")
    return value


def conversation(row: Row, column: str) -> tuple[Message, ...]:
    """The messages of a column: a message list unchanged, text as one user message, ``()`` if missing or null."""
    value = row.get(column)
    if value is None:
        return ()
    if isinstance(value, str):
        return (Message(role="user", content=value),)
    return tuple(message(turn, column) for turn in records(row, column))


def asked(row: Row) -> tuple[Message, ...]:
    """The conversation that the responses answer, from ``prompt`` or ``question``; ``()`` if the column is null.

    Raises:
        InputError: The row has neither column, or fills both.
    """
    column = one_of(row, "prompt", "question")
    if column is None and "prompt" not in row and "question" not in row:
        raise InputError("there is no prompt", fix=ADD_PROMPT)
    return () if column is None else conversation(row, column)


def make_pair(
    row_id: str | None, context: tuple[Message, ...], responses: Sequence[str], **rest: Any
) -> PreferencePair:
    """Make a pair; without its own id it gets a content hash, which is the same id in every file."""
    if len(responses) > _MOST:
        raise InputError(f"{len(responses)} responses, at most {_MOST} are read", fix="keep fewer responses in the row")
    return named(PreferencePair(id=row_id or "?", context=context, responses=tuple(responses), **rest), row_id)


def named(pair: PreferencePair, row_id: str | None) -> PreferencePair:
    """The pair unchanged if the row had an id, else with its content hash as id."""
    return pair if row_id else pair.model_copy(update={"id": pair.content_key})


def message(turn: Row, column: str) -> Message:
    """A message of a column; the role ``developer`` is ``system``.

    Raises:
        InputError: The role is unknown, the message calls a tool, or its content is not text.
    """
    role = "system" if turn.get("role") == "developer" else turn.get("role")
    if role not in _ROLES:
        raise InputError(
            f"column {column!r} has a message with role {came(role)}, expected one of {', '.join(_ROLES)}",
            fix='messages are {"role": ..., "content": ...}',
        )
    _refuse_tool_calls(turn, column)
    return Message(role=role, content=_content(turn.get("content"), column))


def _refuse_tool_calls(turn: Row, column: str) -> None:
    """Reject tool calls: without them two responses that call different tools would be equal."""
    calls = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if not calls:
        return
    first = calls[0] if isinstance(calls, Sequence) else calls
    parts = first.get("function", first) if isinstance(first, Mapping) else None
    name = parts.get("name") if isinstance(parts, Mapping) else None
    raise InputError(
        f"column {column!r} has a message that calls {name or 'a tool'}, and tool calls are not read",
        fix="write the call as text into the content, or remove the row",
    )


def _content(content: Any, column: str) -> str:
    # Newer arena files give content as parts: {"type": "text", "text": ...}; images are not supported.
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        other = next((part.get("type") for part in content if part.get("type") != "text"), "text")
        if other != "text":
            raise InputError(
                f"column {column!r} has a message with a part of type {other!r}, and only text is read",
                fix="remove the row",
            )
        return "\n".join(text(part, "text") for part in content)
    if not isinstance(content, str):
        raise InputError(f"column {column!r} has a message whose content is {came(content)}, expected text")
    return content


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the range of floats
        return False
