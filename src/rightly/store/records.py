"""Record files: append-only JSON lines, each known by the content that it was made from."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Generic, Self, TypeVar

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.types import Record

R = TypeVar("R", bound=Record)


class RecordFile(Generic[R]):
    """An append-only file of records of one kind.

    A process killed in the middle leaves at most one torn last line, which is dropped on opening; the work behind it is done
    again. Records lie in the order of their completion: arithmetic must not depend on it.

    Args:
        path: The ``.jsonl`` file; made when missing.
        model: The class of its records.
        before_first: Called before the first record of this process is written.
    """

    def __init__(self, path: Path, model: type[R], before_first: Callable[[], None] = lambda: None) -> None:
        self.path, self._model, self._before_first = path, model, before_first
        self._file: BinaryIO | None = None

    def append(self, record: R) -> None:
        """Write one record; it survives the death of this process once this returns."""
        if self._file is None:
            self._before_first()
            _drop_torn_line(self.path)
            self._file = self.path.open("ab")
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()

    def __iter__(self) -> Iterator[R]:
        """All records, oldest first; a torn last line is none."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield self._model.model_validate_json(line)
                except ValidationError as error:
                    problem = str(error.errors()[0]["msg"])
                    raise InputError(
                        f"not a {self._model.__name__} record ({problem})",
                        where=f"{self.path}:{number}",
                        fix="delete this line to have its work done again",
                    ) from error

    def done(self) -> set[str]:
        """Keys of the work that need not be done again."""
        keys: set[str] = set()
        for record in self:
            (keys.discard if record.retry else keys.add)(record.key)
        return keys

    def latest(self) -> list[R]:
        """One record for each piece of work, the newest, sorted by key: the same whatever the order of completion."""
        newest = {record.key: record for record in self}
        return [newest[key] for key in sorted(newest)]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        position = size
        while position > 0:
            step = min(1 << 16, position)
            file.seek(position - step)
            newline = file.read(step).rfind(b"\n")
            if newline >= 0:
                position = position - step + newline + 1
                break
            position -= step
        if position < size:
            file.truncate(position)
