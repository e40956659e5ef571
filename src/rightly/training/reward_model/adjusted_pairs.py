"""Automatic adjustment: loss terms of each training pair from a table of preference strength."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rightly.errors import InputError
from rightly.preferences.adjust import adjust
from rightly.preferences.strength_table import read_strength
from rightly.training.reward_model.recipe import AdjustTable
from rightly.types import PreferencePair


def adjusted_pairs(pairs: Iterable[PreferencePair], table: AdjustTable) -> Iterator[PreferencePair]:
    """Yield pairs with target, margin and weight by the table's preset, without the pairs that it drops.

    Ties and pairs without a label have no strength and are unchanged, and so are pairs with a target in the data.

    Raises:
        InputError: The table lacks a labelled pair, or a pair's text or label has changed since scoring.
    """
    source = str(table.strength)
    found = read_strength(Path(source))
    terms = adjust(found.strength, found.probability, table)
    rows = {name: row for row, name in enumerate(found.ids)}
    for pair in pairs:
        if pair.label in (None, "tie") or pair.target is not None:
            yield pair
            continue
        row = rows.get(pair.id)
        if row is None or found.keys[row] != pair.content_key or found.labels[row] != pair.label:
            problem = "has no strength of" if row is None else "has another text or label of"
            raise InputError(
                f"{problem} pair {pair.id!r}", where=source, fix="run rightly strength on the training data"
            )
        if terms.keep[row]:
            update = {"target": float(terms.target[row]), "margin": float(terms.margin[row])}
            yield pair.model_copy(update=update | {"weight": float(terms.weight[row])})
