"""The book of a run folder: what calls may cost and did cost, kept across processes and crashes.

``spending.jsonl`` is only ever appended to, under a lock that all processes of the folder share. A line reserves the worst
case of a call before it is sent; another settles it once the bill is known. A reservation that is never settled (the process
was killed, the answer never arrived) counts in full permanently, because the call may have been billed.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from math import fsum, inf
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.store.locks import LOCKS, lock, open_to_lock, unlock
from rightly.types import Frozen, Usage

BOOK, IN_FLIGHT = LEDGER = ("spending.jsonl", "spending.lock")

SLACK = 1e-9
"""Rounding tolerance: dollars by which a sum may exceed the budget."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Dollars for this usage."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6


class Entry(Frozen):
    """A line of ``spending.jsonl``.

    Attributes:
        event: ``reserve`` before a call is sent, ``settle`` once its bill is known.
        call: Identity of this attempt, shared by its two lines.
        request: Content key of the request.
        role: Role of the model: ``judge``, ``atomiser``, ``matcher``.
        model: Name of the model in the price list.
        usage: Worst-case tokens for a reservation, billed tokens for a settlement.
        dollars: Price of these tokens; ``None`` if the model has no price.
    """

    event: Literal["reserve", "settle"]
    call: str
    request: str
    role: str
    model: str
    usage: Usage
    dollars: float | None


@dataclass(slots=True)
class Spending:
    """Spending on one model in one role.

    Attributes:
        calls: Calls that were billed.
        usage: Billed tokens.
        dollars: Price of the calls whose model had a price.
        unpriced: Billed tokens of calls whose model had no price.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    dollars: float = 0.0
    unpriced: Usage = field(default_factory=Usage)


class SpendingBook:
    """The totals of a book, and its file.

    Args:
        folder: The run folder; ``None`` keeps the book in memory, for this process alone. So does a system without POSIX
            file locks (`LOCKS`).

    Raises:
        InputError: The file cannot be opened, or one of its lines is not a valid entry.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.settled: dict[tuple[str, str], Spending] = {}
        self.open: dict[str, Entry] = {}
        self._path = folder / BOOK if folder is not None and LOCKS else None
        self._files: tuple[int, int] | None = None
        self._read_to = self._lines = 0
        if self._path is not None:
            try:
                self._files = (open_to_lock(self._path), open_to_lock(self._path.with_name(IN_FLIGHT)))
            except OSError as error:
                raise InputError(f"cannot be opened ({error.strerror})", where=str(self._path)) from error
            with self._locked():
                pass

    @classmethod
    def read(cls, folder: Path) -> "SpendingBook":
        """Read the totals of a folder's book, for display; empty if there is none.

        Raises:
            InputError: A line is not a valid entry.
        """
        book = cls()
        book._path = folder / BOOK
        if book._path.exists():
            book._take(book._path.read_bytes())
        return book

    def reserved(self) -> float:
        """Dollars reserved for calls that are not settled."""
        return fsum(entry.dollars or 0.0 for entry in list(self.open.values()))

    def spent(self, prices: Mapping[str, Price]) -> float:
        """Dollars that count against a budget, billed and reserved. Unpriced tokens count at today's price."""
        rows = list(self.settled.items())
        billed = [one.dollars + prices[m].of(one.unpriced) if m in prices else one.dollars for (_, m), one in rows]
        return fsum([*billed, self.reserved()])

    def fits(self, dollars: float, budget: float, prices: Mapping[str, Price]) -> bool:
        """Whether this amount still fits the budget, by the lines read so far."""
        return self.spent(prices) + dollars <= budget + SLACK

    def reserve(
        self, entries: Sequence[Entry], budget: float | None, prices: Mapping[str, Price], *, first: bool
    ) -> int:
        """Write the reservations that fit the budget, from the first one on, and return how many did.

        Args:
            entries: Reservations of the worst case of calls.
            budget: Dollars for the whole folder; ``None`` is no limit.
            prices: Prices by model name.
            first: Whether this process has no other call in flight. Other processes see its calls from now on.
        """
        with self._locked():
            room = inf if budget is None else budget + SLACK - self.spent(prices)
            sums = accumulate(entry.dollars or 0.0 for entry in entries)
            n = sum(1 for _ in takewhile(lambda dollars: dollars <= room, sums))
            if n:
                if first:
                    self.begin()
                self._append(*entries[:n])
        return n

    def begin(self) -> None:
        """Tell the other processes that this one has calls in flight."""
        if self._files is not None:
            lock(self._files[1], shared=True)

    def settle(self, entry: Entry) -> None:
        """Write the bill of a call, with or without a reservation."""
        with self._locked():
            self._append(entry)

    def settle_open(self, entries: Iterable[Entry]) -> None:
        """Write the bills of those calls that are reserved and not settled; repeated calls have no effect."""
        with self._locked():
            found = [entry for entry in entries if entry.call in self.open]
            if found:
                self._append(*found)

    @property
    def folder(self) -> Path | None:
        """The run folder; ``None`` if the book is in memory."""
        return None if self._path is None else self._path.parent

    def rest(self) -> None:
        """Tell the other processes that this one has no call in flight."""
        if self._files is not None:
            unlock(self._files[1])

    def others_in_flight(self) -> bool:
        """Whether another process has calls in flight that may free money. Call it while this process has none."""
        if self._files is None:
            return False
        alone = lock(self._files[1], shared=False, wait=False)
        if alone:
            unlock(self._files[1])
        return not alone

    def close(self) -> None:
        """Close the file; the totals stay available."""
        for file in self._files or ():
            os.close(file)
        self._files = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the exclusive lock on the file, with all lines read."""
        if self._files is None:
            yield
            return
        lock(self._files[0], shared=False)
        try:
            self._read()
            yield
        finally:
            unlock(self._files[0])

    def _read(self) -> None:
        assert self._files is not None
        file = self._files[0]
        if self._take(os.pread(file, os.fstat(file).st_size - self._read_to, self._read_to)):
            # The writer died while it held the lock: a reservation whose call was not sent, or a bill that stays reserved.
            os.ftruncate(file, self._read_to)

    def _take(self, data: bytes) -> bytes:
        """Enter the lines of new data; returns an incomplete last one."""
        *lines, torn = data.split(b"\n")
        for line in lines:
            self._lines += 1
            try:
                self._enter(Entry.model_validate_json(line))
            except ValidationError as error:
                problem = f"not an entry of the book of spending ({error.errors()[0]['msg']})"
                fix = "restore the line, or choose another --out; deleting the line would lose a record of spending"
                raise InputError(problem, where=f"{self._path}:{self._lines}", fix=fix) from error
        self._read_to += len(data) - len(torn)
        return torn

    def _append(self, *entries: Entry) -> None:
        if self._files is not None:
            lines = b"".join(entry.model_dump_json().encode() + b"\n" for entry in entries)
            try:
                whole = os.write(self._files[0], lines) == len(lines)
            except OSError:
                whole = False
            if not whole:
                raise InputError("cannot be written to; is the disk full?", where=str(self._path))
            self._read_to += len(lines)
            self._lines += len(entries)
        for entry in entries:
            self._enter(entry)

    def _enter(self, entry: Entry) -> None:
        if entry.event == "reserve":
            self.open[entry.call] = entry
            return
        self.open.pop(entry.call, None)
        if entry.usage == Usage():
            return
        one = self.settled.setdefault((entry.role, entry.model), Spending())
        one.calls += 1
        one.usage += entry.usage
        if entry.dollars is None:
            one.unpriced += entry.usage
        else:
            one.dollars += entry.dollars
