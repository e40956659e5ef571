"""The items of the page's browser: which are embedded, of what kind each is, and how they are written as data.

The page reads them as JSON from a script element. Texts are data all the way: the template escapes them so that no text can
end that element, and the page's script puts them in as text only.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rightly.auditing.result import AuditResult, Item, ItemJudgment
from rightly.matchers.base import Link
from rightly.metrics.accuracy import combine_orders
from rightly.reports.findings import consistency_ranks

Kind = Literal["spurious", "sound", "wrong", "failed", "disagree"]
"""Of one judge on one pair: right below the threshold, right above it, wrong, an order failed, the orders disagree."""

MAX_ITEMS = 2_000
"""More items than this are sampled."""

MAX_CHARACTERS = 20_000_000
"""Texts of all embedded items together; keeps the page openable when responses are long."""

MAX_TEXT = 20_000
"""A longer text is cut in the page."""

_STRATA: tuple[Kind | None, ...] = ("spurious", "failed", "disagree", "wrong", "sound", None)


@dataclass(frozen=True, slots=True)
class Sample:
    """The embedded items.

    Attributes:
        items: Items in their original order.
        total: Total number of items.
    """

    items: tuple[Item, ...]
    total: int


def sample_items(items: Sequence[Item], spurious_below: float, seed: int = 0) -> Sample:
    """The items to embed: all when they are few, else a sample.

    A sample holds every item that some judge has right for the wrong reasons (or as many as there is room for, drawn at
    random), and takes the rest in turn from those that failed, where orders disagree, that are wrong, and that are right.
    """
    place = list(range(len(items)))
    if len(items) > MAX_ITEMS or sum(map(_size, items)) > MAX_CHARACTERS:
        place = _within(items, _by_interest(items, spurious_below, seed))
    return Sample(tuple(items[i] for i in sorted(place)), len(items))


def item_kinds(judgments: Sequence[ItemJudgment], label: str | None, spurious_below: float) -> list[Kind]:
    """Of what kinds one judge's judgments of a pair are; the pair counts as in the table of judges."""
    kinds: list[Kind] = []
    verdicts = [each.verdict for each in judgments]
    asked = [each.verdict for each in judgments if each.failure != "provider"]
    if any(each.right is not None for each in judgments):
        right = label == (asked[0] if len(asked) == 1 else combine_orders(asked[0], asked[1]))
        consistency = _consistency(judgments)
        if not right:
            kinds.append("wrong")
        elif consistency is not None:
            kinds.append("spurious" if consistency < spurious_below else "sound")
    if None in verdicts:
        kinds.append("failed")
    elif len(set(verdicts)) > 1:
        kinds.append("disagree")
    return kinds


def embedded(sample: Sample, result: AuditResult) -> dict[str, Any] | None:
    """What the page's script reads; ``None`` without an item."""
    if not sample.items:
        return None
    names = list(dict.fromkeys([j.judge for j in result.judges] + [j.judge for i in sample.items for j in i.judgments]))
    return {
        "judges": names,
        "kinds": kind_names(result),
        "items": [_item(item, names, result.spurious_below) for item in sample.items],
    }


def kind_names(result: AuditResult) -> dict[Kind, str]:
    """The kinds in words; a matcher that cannot be relied on cannot say whose reasons are wrong."""
    below, above = f"consistency below {result.spurious_below:g}", f"consistency {result.spurious_below:g} or more"
    reasons = ("right", "right") if not consistency_ranks(result) else (
        "right for the wrong reasons", "right for the right reasons"
    )  # fmt: skip
    return {
        "spurious": f"{reasons[0]} ({below})",
        "sound": f"{reasons[1]} ({above})",
        "wrong": "wrong",
        "failed": "failed",
        "disagree": "orders disagree",
    }


def _by_interest(items: Sequence[Item], spurious_below: float, seed: int) -> list[int]:
    strata: dict[Kind | None, list[int]] = {kind: [] for kind in _STRATA}
    for place, item in enumerate(items):
        found = {kind for of_judge in _kinds_by_judge(item, spurious_below).values() for kind in of_judge}
        first: Kind | None = next((kind for kind in strata if kind in found), None)
        strata[first].append(place)
    draw = random.Random(seed)
    for places in strata.values():
        draw.shuffle(places)
    order = strata.pop("spurious")
    while any(strata.values()):
        order += [places.pop() for places in strata.values() if places]
    return order


def _within(items: Sequence[Item], order: Sequence[int]) -> list[int]:
    taken, characters = [], 0
    for place in order[:MAX_ITEMS]:
        characters += _size(items[place])
        if characters > MAX_CHARACTERS:
            break
        taken.append(place)
    return taken


def _size(item: Item) -> int:
    texts = [item.context, *item.responses, *item.points, *(r for j in item.judgments for r in j.reasons)]
    return sum(min(len(text), MAX_TEXT) for text in texts)


def _kinds_by_judge(item: Item, spurious_below: float) -> dict[str, list[Kind]]:
    by_judge: dict[str, list[ItemJudgment]] = {}
    for judgment in item.judgments:
        by_judge.setdefault(judgment.judge, []).append(judgment)
    return {name: item_kinds(both, item.label, spurious_below) for name, both in by_judge.items()}


def _consistency(judgments: Sequence[ItemJudgment]) -> float | None:
    known = [value for each in judgments if (value := each.metrics.get("consistency")) is not None]
    return sum(known) / len(known) if known else None


def _item(item: Item, names: Sequence[str], spurious_below: float) -> dict[str, Any]:
    return {
        "id": item.pair_id,
        "domain": item.domain,
        "context": _cut(item.context),
        "responses": [_cut(response) for response in item.responses],
        "lengths": [len(response) for response in item.responses],
        "label": item.label,
        "votes": list(item.votes),
        "points": [_cut(point) for point in item.points],
        "judgments": [_judgment(each, names) for each in item.judgments],
        "kinds": {names.index(name): kinds for name, kinds in _kinds_by_judge(item, spurious_below).items()},
    }


def _judgment(judgment: ItemJudgment, names: Sequence[str]) -> dict[str, Any]:
    return {
        "judge": names.index(judgment.judge),
        "order": judgment.order,
        "verdict": judgment.verdict,
        "failure": judgment.failure,
        "detail": _cut(judgment.detail),
        "right": judgment.right,
        "reasons": [_cut(reason) for reason in judgment.reasons],
        "links": [_link(link) for link in judgment.links],
        "resolved": [_link(link) for link in judgment.resolved],
        "metrics": {
            name: round(value, 4)
            for name, value in judgment.metrics.items()
            if value is not None and math.isfinite(value)
        },
    }


def _link(link: Link) -> list[float]:
    return [link.reference, link.candidate, round(link.score, 4)]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} … [cut here; {len(text):,} characters in all]"
