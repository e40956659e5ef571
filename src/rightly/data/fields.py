"""Read one column of a row strictly: the right type, or an error that says what came.

Real files hold booleans where text is expected, NaN where a label is, numbers as text. Each of these would otherwise turn
into a plausible wrong pair, so nothing is converted that is not certain.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rightly.errors import InputError
from rightly.types import Choice, Message, PreferencePair

Row = Mapping[str, Any]
"""One record of a file: column name to JSON value."""

_ROLES = ("system", "user", "assistant", "tool")


def came(value: Any) -> str:
    """A short description of a value for an error message.

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
    """The text of a column; empty text is text, anything else is an error."""
    value = row.get(column)
    if not isinstance(value, str):
        raise InputError(
            f"column {column!r} is {came(value)}, expected text", fix="write it as text or leave the row out"
        )
    return value


def optional_text(row: Row, column: str) -> str | None:
    """The text of a column; ``None`` where the column is missing or null."""
    return None if row.get(column) is None else text(row, column)


def one_of(row: Row, *columns: str) -> str | None:
    """The one of these columns that the row fills, or ``None`` where it fills none.

    Raises:
        InputError: It fills several.
    """
    filled = [column for column in columns if row.get(column) is not None]
    if len(filled) > 1:
        raise InputError(f"the columns {' and '.join(filled)} say the same thing", fix="keep one of them")
    return filled[0] if filled else None


def identity(row: Row, *columns: str) -> str | None:
    """The row's id from the first of these columns that is filled (text or a whole number), else ``None``."""
    for column in columns:
        value = row.get(column)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise InputError(
                f"id in column {column!r} is {came(value)}, expected text or a whole number",
                fix="drop the column to have ids made from the content",
            )
        return str(value)
    return None


def number(row: Row, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """The finite number of a column, within ``[low, high]``; ``None`` where the column is missing or null."""
    value = row.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise InputError(f"column {column!r} is {came(value)}, expected a finite number or null")
    if not low <= value <= high:
        raise InputError(f"column {column!r} is {came(value)}, out of range {low:g} to {high:g}")
    return float(value)


def choice(row: Row, column: str, meanings: Mapping[str | int, Choice]) -> Choice | None:
    """What a label column means; ``None`` where it is null.

    Args:
        row: The row.
        column: The label's column.
        meanings: Every value that may stand there and the choice that it means.

    Raises:
        InputError: Any other value stands there: a boolean, NaN, an unknown word.
    """
    value = row.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in meanings:
        offered = ", ".join(repr(meaning) for meaning in meanings)
        raise InputError(f"label in column {column!r} is {came(value)}, expected one of {offered}, or null")
    return meanings[value]  # pyright: ignore[reportArgumentType]


def records(row: Row, column: str) -> list[Row]:
    """The objects of a list column; ``[]`` where the column is missing or null."""
    value = row.get(column)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise InputError(f"column {column!r} is {came(value)}, expected a list of objects")
    return value


def texts(row: Row, column: str) -> list[str]:
    """The texts of a list column; ``[]`` where the column is missing or null."""
    value = row.get(column)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"column {column!r} is {came(value)}, expected a list of texts")
    return value


def conversation(row: Row, column: str) -> tuple[Message, ...]:
    """The messages of a column: a message list as it is, text as one user message, ``()`` where missing or null."""
    value = row.get(column)
    if value is None:
        return ()
    if isinstance(value, str):
        return (Message(role="user", content=value),)
    return tuple(_message(turn, column) for turn in records(row, column))


def make_pair(
    row_id: str | None, context: tuple[Message, ...], responses: Sequence[str], **rest: Any
) -> PreferencePair:
    """A pair; without an id of its own it is named by its content, so by the same id in every file."""
    return named(PreferencePair(id=row_id or "?", context=context, responses=tuple(responses), **rest), row_id)


def named(pair: PreferencePair, row_id: str | None) -> PreferencePair:
    """The pair as it is where the row had an id, else under the key of its content."""
    return pair if row_id else pair.model_copy(update={"id": pair.content_key})


def _message(turn: Row, column: str) -> Message:
    role = turn.get("role")
    if role not in _ROLES:
        raise InputError(
            f"column {column!r} has a message with role {came(role)}, expected one of {', '.join(_ROLES)}",
            fix='messages are {"role": ..., "content": ...}',
        )
    _refuse_tool_calls(turn, column)
    return Message(role=role, content=_content(turn.get("content"), column))


def _refuse_tool_calls(turn: Row, column: str) -> None:
    """A message's text alone would lose the calls: two responses that call different tools would be equal."""
    calls = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if not calls:
        return
    first = calls[0] if isinstance(calls, Sequence) else calls
    parts = first.get("function", first) if isinstance(first, Mapping) else None
    name = parts.get("name") if isinstance(parts, Mapping) else None
    raise InputError(
        f"column {column!r} has a message that calls {name or 'a tool'}, and tool calls are not read",
        fix="write the call as text into the content, or leave the row out",
    )


def _content(content: Any, column: str) -> str:
    # Newer arena files give content as parts: {"type": "text", "text": ...}; pictures cannot be judged here.
    if isinstance(content, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        return "\n".join(text(part, "text") for part in content)
    if not isinstance(content, str):
        raise InputError(f"column {column!r} has a message whose content is {came(content)}, expected text")
    return content


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the range of floats
        return False
