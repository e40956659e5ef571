"""Record files: append-only JSON lines, each identified by the content that it was made from."""

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

    A process killed during a write leaves at most one incomplete last line, which is dropped on opening; its work is repeated.
    Records are in the order of their completion, and computations must not depend on it.

    Args:
        path: The ``.jsonl`` file; created if missing.
        model: Class of the records.
        before_first: Callback before the first record of this process is written.
    """

    def __init__(self, path: Path, model: type[R], before_first: Callable[[], None] = lambda: None) -> None:
        self.path, self._model, self._before_first = path, model, before_first
        self._file: BinaryIO | None = None

    def append(self, record: R) -> None:
        """Write one record. Once this returns, the record survives a crash of this process."""
        if self._file is None:
            self._before_first()
            _drop_torn_line(self.path)
            self._file = self.path.open("ab")
        self._file.write(record.model_dump_json().encode() + b"\n")
        self._file.flush()

    def __iter__(self) -> Iterator[R]:
        """All records, oldest first, without an incomplete last line."""
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
                        fix="delete this line; its work is then repeated",
                    ) from error

    def done(self) -> set[str]:
        """Keys of the completed work."""
        keys: set[str] = set()
        for record in self:
            (keys.discard if record.retry else keys.add)(record.key)
        return keys

    def latest(self) -> list[R]:
        """The newest record of each piece of work, sorted by key, so independent of the order of completion."""
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
