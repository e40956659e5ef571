"""Rows of a CSV file: the first line names the columns, every value is text, an empty one is none."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from rightly.data.fields import Row
from rightly.errors import InputError


def read_csv(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV file (RFC 4180, UTF-8, optionally gzipped), with their numbers; the header is row 0.

    Args:
        path: File to read.
        name: Name of the file in errors.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or a row has another number of values than the header.
    """
    number = 0
    try:
        open_text = gzip.open if path.name.lower().endswith(".gz") else open
        with open_text(path, "rt", encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines, strict=True)
            header = next(rows, [])
            if len(set(header)) < len(header):
                raise InputError("two columns have the same name", where=name, fix="rename one of them")
            for number, row in enumerate(rows, start=1):
                if len(row) != len(header):
                    problem = f"{len(row)} values, and the header has {len(header)}"
                    raise InputError(problem, where=f"{name}:{number}", fix="quote values that contain commas")
                yield number, {column: value or None for column, value in zip(header, row, strict=True)}
    except UnicodeDecodeError:
        raise InputError("not UTF-8", where=f"{name}:{number + 1}", fix="convert it to UTF-8") from None
    except csv.Error as error:
        raise InputError(f"not CSV ({error})", where=f"{name}:{number + 1}", fix="correct the row") from None
    except (OSError, EOFError) as error:
        raise InputError(f"cannot be read ({error})", where=name) from None
