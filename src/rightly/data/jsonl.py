r"""Read JSON Lines, plain or gzipped, and arrays of objects, tolerating the irregularities of real files.

Lines end only at ``\n``: U+2028, U+2029 and U+0085 are legal inside JSON text, and text-mode line splitting (Python's
``str.splitlines``) breaks rows there. A byte order mark, ``\r\n`` and blank lines are accepted. Lone surrogates
(``"\ud800"``), which JSON can express and UTF-8 cannot, become U+FFFD.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rightly.data.fields import Row, came
from rightly.errors import InputError

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_lines(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """Yield the objects of a JSONL file, each with its line number (from 1).

    Args:
        path: The file; gzip is recognised by its first bytes.
        name: Name of the file in errors.

    Raises:
        InputError: A line is not UTF-8, not JSON, truncated or not an object; or the file cannot be read.
    """
    for line, raw in _raw_lines(path, name):
        yield line, _object(_parsed(raw, name, line), name, line)


def read_array(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """Yield the objects of a ``.json`` file, each with its position (from 1).

    The file holds one array, an object of arrays, or one object per line. Arrays are read completely into memory; lines are
    streamed.
    """
    first = next(_raw_lines(path, name), (0, b""))[1].strip()
    if not (first.startswith(b"[") or first == b"{"):
        yield from read_lines(path, name)
        return
    whole = b"".join(raw for _, raw in _raw_lines(path, name))
    found = _parsed(whole.rstrip() + b"\n", name, 1)
    parts = [found] if isinstance(found, list) else list(found.values())
    if not all(isinstance(part, list) for part in parts):
        raise InputError("one object, expected an array of objects", where=f"{name}:1", fix="write one object per line")
    rows = [row for part in parts for row in part]
    for place, row in enumerate(rows, start=1):
        yield place, _object(row, name, place)


def _raw_lines(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    line = 0
    try:
        with _opened(path) as file:
            for line, found in enumerate(file, start=1):
                raw = found.removeprefix(_BOM) if line == 1 else found
                if raw.strip():
                    yield line, raw
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            "the gzip file is truncated or damaged", where=f"{name}:{line + 1}", fix="download it again"
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=name) from None


def _opened(path: Path) -> BinaryIO:
    file = path.open("rb")
    if file.peek(2)[:2] != _GZIP:
        return file
    file.close()
    return gzip.open(path, "rb")  # pyright: ignore[reportReturnType]


def _parsed(raw: bytes, name: str, line: int) -> Any:
    where = f"{name}:{line}"
    try:
        value = json.loads(raw.decode("utf-8"))
    except RecursionError:
        raise InputError("nested too deeply to read", where=where, fix="correct or remove the row") from None
    except ValueError as error:
        if not raw.endswith(b"\n") and raw.lstrip().startswith(b"{"):
            raise InputError(
                "the last row is truncated", where=where, fix="remove it or write the file again"
            ) from None
        if isinstance(error, UnicodeDecodeError):
            raise InputError(
                f"byte {error.start + 1} is not UTF-8", where=where, fix="save the file as UTF-8"
            ) from None
        problem = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(f"not JSON: {problem}", where=where, fix="write one JSON object per line") from None
    return without_surrogates(value) if _SURROGATE_ESCAPE.search(raw) else value


def _object(value: Any, name: str, place: int) -> Row:
    if not isinstance(value, dict):
        raise InputError(
            f"the row is {came(value)}, expected an object",
            where=f"{name}:{place}",
            fix="a file that is one array must be called .json" if isinstance(value, list) else "correct the row",
        )
    return value


def without_surrogates(value: Any) -> Any:
    """A JSON value with U+FFFD for every half of a character."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value
