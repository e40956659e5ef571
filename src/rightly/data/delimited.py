"""Rows of a CSV file: the first line names the columns, an empty value is none, and every value is text.

The exception are the columns that hold numbers in every family, because a CSV file does not tell text from numbers.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from rightly.data.fields import Row
from rightly.errors import InputError

_NUMBERS = {
    *("score_chosen", "score_rejected", "target", "margin", "weight", "overall_preference", "label"),
    *("annotator1", "annotator2", "annotator3", "winner_model_a", "winner_model_b", "winner_tie"),
}
_UNREADABLE = re.compile("[\udc80-\udcff]")
"""What ``surrogateescape`` makes of bytes that are not UTF-8; without it an error precedes the row by a whole buffer."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LONGEST = 2**31 - 1
_SEPARATORS = {";": "';'", "\t": "a tab"}


def read_csv(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV file (RFC 4180, UTF-8, optionally gzipped), with their numbers; the header is row 0.

    Blank lines are skipped and not counted.

    Args:
        path: File to read.
        name: Name of the file in errors.

    Raises:
        InputError: The file cannot be read, is not UTF-8, is not separated by commas, or a row has another number of values
            than the header.
    """
    number = 0
    csv.field_size_limit(_LONGEST)  # the default, 131,072 characters, is less than a long response
    try:
        open_text = gzip.open if path.name.lower().endswith(".gz") else open
        with open_text(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            rows = filter(None, csv.reader(lines, strict=True))
            header = _checked(next(rows, []), name)
            for number, row in enumerate(rows, start=1):
                if any(map(_UNREADABLE.search, row)):
                    raise InputError("not UTF-8", where=f"{name}:{number}", fix="convert it to UTF-8")
                if len(row) != len(header):
                    problem = f"{len(row)} values, and the header has {len(header)}"
                    raise InputError(problem, where=f"{name}:{number}", fix="quote values that contain commas")
                yield number, {column: _value(column, text) for column, text in zip(header, row, strict=True)}
    except csv.Error as error:
        raise InputError(f"not CSV ({error})", where=f"{name}:{number + 1}", fix="correct the row") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read ({error})", where=name) from None


def _checked(header: list[str], name: str) -> list[str]:
    if any(map(_UNREADABLE.search, header)):
        raise InputError("the header is not UTF-8", where=name, fix="convert it to UTF-8")
    if len(set(header)) < len(header):
        raise InputError("two columns have the same name", where=name, fix="rename one of them")
    other = next((mark for mark in _SEPARATORS if len(header) == 1 and mark in header[0]), None)
    if other is not None:
        problem = f"the header is separated by {_SEPARATORS[other]}"
        raise InputError(problem, where=name, fix="separate the values by commas")
    return header


def _value(column: str, text: str) -> str | float | None:
    if column not in _NUMBERS or not _NUMBER.fullmatch(text):
        return text or None
    return int(text) if text.isdigit() else float(text)
