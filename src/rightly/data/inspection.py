"""What a source of pairs holds and how it is read: the family, the counts, the ignored columns, the rows that are refused."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydantic import Field

from rightly.data.columns import check_columns, family_named, recognise
from rightly.data.fields import Row
from rightly.data.layouts import as_known
from rightly.data.load import UniqueIds, open_rows
from rightly.errors import InputError
from rightly.types import Frozen, PreferencePair

SHOWN = 10
"""Refused rows of which the reason is kept."""


class Inspection(Frozen):
    """What was found in a source.

    Attributes:
        source: The file or address.
        family: Name of the column family; ``None`` if no row could be recognised.
        rows: Number of rows that were looked at.
        pairs: Number of rows that were read.
        labelled: Number of pairs with one better response.
        ties: Number of pairs labelled as a tie.
        unlabelled: Number of pairs without a label.
        several: Number of pairs with more than two responses.
        with_rationales: Number of pairs with human reasons.
        with_votes: Number of pairs with single votes.
        ignored: Columns that are not read, with the number of rows that have them.
        refused: Number of rows that could not be read.
        problems: The reasons of the first `SHOWN` refused rows, each with file and row.
        first: The first pair as it was read.
    """

    source: str
    family: str | None = None
    rows: int = 0
    pairs: int = 0
    labelled: int = 0
    ties: int = 0
    unlabelled: int = 0
    several: int = 0
    with_rationales: int = 0
    with_votes: int = 0
    ignored: dict[str, int] = Field(default_factory=dict)
    refused: int = 0
    problems: tuple[str, ...] = ()
    first: PreferencePair | None = None


class _WatchedRow(dict[str, Any]):
    """A row that notes which of its columns are read."""

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        """Copies of the row (``{**row}``) read column by column because of this method, and so are noted too."""
        return super().__iter__()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def inspect_pairs(source: str, *, columns: str | None = None, limit: int | None = None) -> Inspection:
    """Read a source to its end, also past rows that are refused.

    Args:
        source: A file, a hub id or ``sample:NAME``, as for `rightly.data.load.load_pairs`.
        columns: The column family, if the columns fit several.
        limit: Maximum number of rows.

    Raises:
        InputError: The source or the family does not exist, the source holds no rows, or the limit is less than 1. A damaged
            row ends the reading and is counted as refused.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit is {limit}, expected 1 or more")
    chosen = None if columns is None else family_named(columns)
    rows, family = open_rows(source), chosen
    counts: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    problems: list[str] = []
    unique = UniqueIds()
    first: PreferencePair | None = None
    stream = islice(iter(rows), limit)
    while True:
        try:
            row = next(stream, None)
            if row is None:
                break
            counts["rows"] += 1
            watched = _WatchedRow(row)
            rewritten = as_known(watched, frozenset() if chosen is None else chosen.required)
            known = watched if rewritten is watched else _WatchedRow(rewritten)
            family = family or recognise(frozenset(known))
            check_columns(known, family, chosen=chosen is not None)
            pair = unique(family.pair(known))
        except InputError as error:
            counts["refused"] += 1
            problems.append(str(InputError(error.problem, where=error.where or rows.place, fix=error.fix)))
            continue
        first = first or pair
        counts.update(_kinds(pair))
        ignored.update(
            row.keys() & known.keys() - watched.read - known.read
        )  # a rewritten row keeps what it did not use
        ignored.update(_unread_in_messages(row))
    if not counts:
        raise InputError("holds no rows", where=rows.name)
    return Inspection(
        source=source,
        family=None if family is None else family.name,
        ignored=dict(sorted(ignored.items())),
        problems=tuple(problems[:SHOWN]),
        first=first,
        **counts,
    )


def _unread_in_messages(row: Row) -> set[str]:
    """Parts of messages that are not read, such as ``chosen[].reasoning_content``."""
    return {
        f"{column}[].{name}"
        for column, value in row.items()
        for turn in (value if isinstance(value, list) else [value])
        if isinstance(turn, dict) and {"role", "content"} <= turn.keys()
        for name in turn.keys() - {"role", "content"}
        if turn[name]
    }


def _kinds(pair: PreferencePair) -> list[str]:
    """The counters that a pair enters."""
    label = {None: "unlabelled", "tie": "ties"}.get(pair.label, "labelled")
    also = {
        "several": len(pair.responses) > 2,
        "with_rationales": bool(pair.rationales),
        "with_votes": bool(pair.votes),
    }
    return ["pairs", label, *(name for name, applies in also.items() if applies)]
