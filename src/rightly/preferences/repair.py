"""A repaired data set: what each pair becomes, a line of audit for each change, and the way back.

Repairs say what a pair shall be, not what shall be done to it: applied to a data set that has been repaired already they
change nothing. A pair that is left out goes whole into its audit line, so nothing is lost.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from rightly.errors import InputError
from rightly.types import Choice, Frozen, PreferencePair

Action = Literal["flip", "drop", "reweigh"]

_TERMS = ("target", "margin", "weight")


class Repair(Frozen):
    """What one pair shall be.

    Attributes:
        pair_id: The pair.
        key: Content key of the pair as it was scored: a pair whose text has changed since is refused.
        label: New label of the pair.
        keep: Whether it stays.
        target: Probability that ``label`` is right; ``None`` leaves the field as it is, but empties it where the label changes.
        margin: Margin in units of the reward models' typical margin; ``None`` leaves the field unchanged.
        weight: Weight in the loss; ``None`` leaves the field unchanged.
        why: Reason in words, with the figures.
    """

    pair_id: str
    key: str
    label: Choice
    keep: bool = True
    target: float | None = None
    margin: float | None = None
    weight: float | None = None
    why: str = ""


class Change(Frozen):
    """One line of audit.

    Attributes:
        pair_id: The pair.
        row: Index of the pair in the data set before the repair, from 0.
        actions: Actions on the pair.
        why: Reason given by the repair.
        before: The fields that changed, as they were; for a pair left out the whole pair.
        after: The same fields after the repair; empty for a dropped pair.
    """

    pair_id: str
    row: int
    actions: tuple[Action, ...]
    why: str
    before: dict[str, Any]
    after: dict[str, Any]


def repaired(
    pairs: Iterable[PreferencePair], repairs: dict[str, Repair]
) -> Iterator[tuple[PreferencePair | None, Change | None]]:
    """Every pair as it shall be (``None``: left out), with a line of audit where something changes.

    Args:
        pairs: The data set; pairs without a repair stay as they are.
        repairs: Repairs by pair id.

    Raises:
        InputError: A pair is not the one that was scored.
    """
    for row, pair in enumerate(pairs):
        repair = repairs.get(pair.id)
        if repair is None:
            yield pair, None
            continue
        if repair.key != pair.content_key:
            raise InputError(
                f"pair {pair.id!r} is not the one that was scored", fix="score this data set: rightly strength"
            )
        if not repair.keep:
            change = Change(
                pair_id=pair.id,
                row=row,
                actions=("drop",),
                why=repair.why,
                before=pair.model_dump(mode="json", exclude_none=True),
                after={},
            )
            yield None, change
            continue
        wanted: dict[str, Any] = {"label": repair.label}
        if repair.label != pair.label and pair.target is not None:
            wanted["target"] = None  # it spoke of the other label
        if repair.label != pair.label and pair.margins:
            two = len(pair.responses) == 2
            wanted["margins"] = tuple(-margin for margin in pair.margins) if two else ()  # so did they
        wanted |= {name: getattr(repair, name) for name in _TERMS if getattr(repair, name) is not None}
        changed = {name: value for name, value in wanted.items() if value != getattr(pair, name)}
        if not changed:
            yield pair, None
            continue
        actions: tuple[Action, ...] = ("flip",) if "label" in changed else ()
        if any(name in changed for name in _TERMS):
            actions = (*actions, "reweigh")
        after = pair.model_copy(update=changed)
        change = Change(
            pair_id=pair.id,
            row=row,
            actions=actions,
            why=repair.why,
            before=_fields(pair, changed),
            after=_fields(after, changed),
        )
        yield after, change


def undone(pairs: Iterable[PreferencePair], changes: Iterable[Change]) -> Iterator[PreferencePair]:
    """The data set as it was before the repair, in its order.

    Args:
        pairs: The repaired data set.
        changes: Audit of the repair.

    Raises:
        InputError: A pair is not as the audit left it.
    """
    by_row = {change.row: change for change in changes}
    rest = iter(pairs)
    row = 0
    while True:
        change = by_row.pop(row, None)
        row += 1
        if change is not None and change.actions == ("drop",):
            yield PreferencePair.model_validate(change.before)
            continue
        pair = next(rest, None)
        if pair is None:
            missing = [row - 1] * (change is not None) + list(by_row)
            if missing:
                raise InputError(f"the audit knows row {min(missing)}, the data set ends before", fix="give all of it")
            return
        if change is None:
            yield pair
            continue
        if pair.id != change.pair_id or _fields(pair, change.after) != change.after:
            raise InputError(
                f"pair {pair.id!r} in row {row} is not as the audit left {change.pair_id!r}",
                fix="undo the data set that this audit belongs to, unchanged",
            )
        yield PreferencePair.model_validate(pair.model_dump() | change.before)


def _fields(pair: PreferencePair, names: Iterable[str]) -> dict[str, Any]:
    """The fields as a line of audit holds them."""
    held = pair.model_dump(mode="json", include=set(names))
    return {name: held[name] for name in names}
