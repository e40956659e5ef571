"""Read the published files of data sets: tables and JSON, gzipped or not."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rightly.errors import InputError


def read_text(path: str | Path) -> str:
    """The text of a file; a name that ends in ``.gz`` is unpacked, and of ``FILE`` and ``FILE.gz`` the one that exists is read.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    path = Path(path)
    if not path.exists() and path.with_name(f"{path.name}.gz").exists():
        path = path.with_name(f"{path.name}.gz")
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig", errors="replace")
    except (OSError, EOFError) as error:
        raise InputError(getattr(error, "strerror", None) or "cannot be read", where=str(path)) from None


def read_table(path: str | Path, columns: Sequence[str], *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a table with a header.

    Args:
        path: File, as for `read_text`.
        columns: Columns that it must have.
        delimiter: Between two columns. Tables with tabs have no quotes.

    Raises:
        InputError: The file cannot be read or lacks a column.
    """
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, quoting=quoting)
    missing = sorted(set(columns) - set(reader.fieldnames or ()))
    if missing:
        raise InputError(f"has no column {missing[0]!r}", where=str(path), fix="use the file as published")
    for row in reader:
        if any(row[column] is None for column in columns):
            raise InputError(
                "lacks a column in this row", where=f"{path}:{reader.line_num}", fix="use the file as published"
            )
        yield row


def read_json(path: str | Path) -> Any:
    """The value of a JSON file.

    Raises:
        InputError: The file cannot be read or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", where=str(path), fix="use the file as published") from None


def read_json_lines(path: str | Path) -> Iterator[tuple[str, Any]]:
    """The place (``FILE:LINE``) and the value of every line.

    Raises:
        InputError: The file cannot be read, or a line is not JSON.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except ValueError as error:
                raise InputError(f"is not JSON ({error})", where=f"{path}:{number}") from None
