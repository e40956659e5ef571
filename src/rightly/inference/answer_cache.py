"""Answers on disk: a paid answer is never requested twice, not even after ``kill -9``.

One SQLite file in WAL mode, shared by any number of processes. An answer is committed before it is returned. The key is
the whole request and the fingerprint of the model that answers it.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.inference.generator import Completion, Generator, Request
from rightly.types import Frozen, content_key

_SCHEMA = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT, completion TEXT)"
_BUSY_S = 60


class Exchange(Frozen):
    """A request and its answer, as a line of a replay file."""

    request: Request
    completion: Completion


def answer_key(model: str, request: Request) -> str:
    """The key of an answer: the model's fingerprint and the whole request."""
    return content_key([model, request.key])


class AnswerCache:
    """The file of answers.

    Args:
        path: The SQLite file; it and its folder are created if missing.

    Raises:
        InputError: The file cannot be opened, or is not a cache.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
            _prepare(self._db)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def get(self, key: str) -> Completion | None:
        """The stored answer, marked as cached; ``None`` if there is none or its entry cannot be read.

        Raises:
            InputError: The file is damaged or missing.
        """
        try:
            row = self._db.execute("SELECT completion FROM answers WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        if row is None:
            return None
        try:
            return Completion.model_validate_json(row[0]).model_copy(update={"cached": True})
        except ValidationError:
            return None

    def put(self, key: str, request: Request, completion: Completion) -> None:
        """Store an answer. Once this returns, the answer survives a crash of this process.

        Raises:
            InputError: The disk is full, or the file is damaged or missing.
        """
        entry = (key, request.model_dump_json(), completion.model_dump_json())
        try:
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", entry)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> InputError:
        fix = "move the file away to start an empty cache, or name another with --cache"
        return InputError(f"cannot be used as an answer cache ({error})", where=str(self.path), fix=fix)

    def exchanges(self) -> Iterator[Exchange]:
        """All requests with their answers, as written to a replay file."""
        for request, completion in self._db.execute("SELECT request, completion FROM answers ORDER BY key"):
            yield Exchange(
                request=Request.model_validate_json(request), completion=Completion.model_validate_json(completion)
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class CachedGenerator:
    """Looks an answer up before requesting it; equal requests in flight share one call.

    ``provider`` failures are not stored, because a retry may succeed. Truncated and refused answers are: they were billed.

    Args:
        inner: Generator that answers requests missing from the cache.
        cache: Store for the answers.
    """

    def __init__(self, inner: Generator, cache: AnswerCache) -> None:
        self.name, self.fingerprint, self.concurrency = inner.name, inner.fingerprint, inner.concurrency
        self._inner, self._cache = inner, cache
        self._asking: dict[str, asyncio.Future[Completion]] = {}

    async def generate(self, request: Request) -> Completion:
        """The stored answer, or a new one that is stored before it is returned."""
        key = answer_key(self.fingerprint, request)
        while (found := self._cache.get(key)) is None and (asked := self._asking.get(key)) is not None:
            await asyncio.wait([asked])
            if not asked.cancelled():
                return asked.result().model_copy(update={"cached": True})
        return found or await self._ask(key, request)

    async def _ask(self, key: str, request: Request) -> Completion:
        asked = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            completion = await self._inner.generate(request)
            if completion.failure != "provider":
                self._cache.put(key, request, completion)
            asked.set_result(completion)
        finally:
            # A request that waited on a call that raised checks the cache again, then sends its own call.
            asked.cancel()
            del self._asking[key]
        return completion

    async def aclose(self) -> None:
        """Close the inner generator; the cache is closed by its owner."""
        await self._inner.aclose()


def _prepare(db: sqlite3.Connection) -> None:
    """Turn WAL on and create the table. Retries, as SQLite's own wait does not cover switching a new file to WAL."""
    give_up = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_SCHEMA)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
