"""The batches under way, on disk, so that a batch that was paid for is collected by whoever asks the same questions next.

They are kept beside the answer cache (``answers.db.batches/``) and not in a run folder, since they keep the cache's promise:
no answer is requested twice, by any process that shares the cache. A batch is known by a random name, and its model by its
fingerprint. ``NAME.jsonl`` holds the calls, ``NAME.json`` how far the batch has come; it is written before the next step
begins. ``NAME.lock`` is locked by the process that works on the batch, and free once that process is dead.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.inference.book import Entry
from rightly.inference.generator import Request
from rightly.store.files import atomic_write
from rightly.store.locks import lock, open_to_lock
from rightly.types import Frozen


class Call(Frozen):
    """A request of a batch and its reservation in the book."""

    request: Request
    entry: Entry

    @property
    def custom_id(self) -> str:
        """Name of the request in the batch's files."""
        return custom_id(self.request)


def custom_id(request: Request) -> str:
    """Name of a request in a batch's files: its key and its sample (at most 64 characters)."""
    return f"{request.key}-{request.sample}"


class Progress(Frozen):
    """How far a batch has come.

    Attributes:
        model: Fingerprint of the model.
        run: Run folder whose book holds the reservations; ``None`` if the book was in memory.
        file: Id of the uploaded input at the provider; ``None`` before the upload has returned.
        batch: Id of the batch at the provider; ``None`` before its creation has returned.
    """

    model: str
    run: str | None = None
    file: str | None = None
    batch: str | None = None


class BatchJournal:
    """One batch under way.

    Args:
        folder: Folder of the batches.
        name: Name of the batch, which it also has at the provider.

    Attributes:
        calls: Its calls, in the order of its input.
        progress: How far it has come.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self._path = name, folder / f"{name}.json"
        self.calls: list[Call] = []
        self.progress = Progress(model="")
        self._lock: int | None = None

    @classmethod
    def begin(cls, cache: Path, calls: Sequence[Call], progress: Progress) -> "BatchJournal":
        """Write a new batch, before anything of it is sent.

        Raises:
            InputError: The files cannot be written.
        """
        folder = batches_beside(cache)
        journal = cls(folder, secrets.token_hex(16))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            journal.take()
            journal.keep(calls)
            journal._write(progress)
        except OSError as error:
            raise InputError(f"cannot be written ({error.strerror})", where=str(journal._path)) from error
        return journal

    def take(self) -> bool:
        """Lock the batch for this process; returns whether it was free."""
        if self._lock is None:
            self._lock = open_to_lock(self._path.with_suffix(".lock"))
        return lock(self._lock, shared=False, wait=False)

    def read(self) -> bool:
        """Read the batch; returns whether it is still under way.

        Raises:
            InputError: A file is damaged.
        """
        try:
            self.progress = Progress.model_validate_json(self._path.read_bytes())
            lines = self._path.with_suffix(".jsonl").read_bytes().split(b"\n")[:-1]
            self.calls = [Call.model_validate_json(line) for line in lines]
        except FileNotFoundError:
            return False
        except (OSError, ValidationError) as error:
            fix = f"delete {self._path.stem}.* there to request its answers again"
            raise InputError("a batch under way cannot be read", where=str(self._path), fix=fix) from error
        return True

    def keep(self, calls: Sequence[Call]) -> None:
        """Replace the calls."""
        self.calls = list(calls)
        with atomic_write(self._path.with_suffix(".jsonl")) as partial, partial.open("wb") as file:
            file.writelines(call.model_dump_json().encode() + b"\n" for call in self.calls)

    def note(self, **known: str) -> None:
        """Write the ``file`` or the ``batch`` that is known now."""
        self._write(self.progress.model_copy(update=known))

    def _write(self, progress: Progress) -> None:
        self.progress = progress
        with atomic_write(self._path) as partial:
            partial.write_text(progress.model_dump_json() + "\n", encoding="utf-8")

    def end(self) -> None:
        """Remove the batch, whose answers are stored and whose bill is settled."""
        for suffix in (".json", ".jsonl", ".lock"):
            self._path.with_suffix(suffix).unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let another process continue the batch."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def where(self) -> str:
        """The batch's files, for a message."""
        return str(self._path.with_suffix(".*"))


def batches_beside(cache: Path) -> Path:
    """Folder of the batches of an answer cache."""
    return cache.with_name(f"{cache.name}.batches")


def batches_under_way(cache: Path, model: str) -> Iterator[BatchJournal]:
    """The batches of a model that no process has collected yet, oldest first.

    Raises:
        InputError: A file is damaged.
    """
    found = []
    for path in batches_beside(cache).glob("*.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if json.loads(path.read_bytes()).get("model") == model:
                found.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(found):
        journal = BatchJournal(path.parent, path.stem)
        if journal.read():
            yield journal
