"""The automatic adjustment: terms of the loss of each training pair from a table of preference strength."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rightly.errors import InputError
from rightly.preferences.adjust import adjust
from rightly.preferences.strength_table import read_strength
from rightly.training.reward_model.recipe import AdjustTable
from rightly.types import PreferencePair


def adjusted_pairs(pairs: Iterable[PreferencePair], table: AdjustTable) -> Iterator[PreferencePair]:
    """Pairs with target, margin and weight by the table's preset; those that it leaves out are not given.

    Ties and pairs without a label have no strength and pass as they are; so do pairs whose target the data state.

    Raises:
        InputError: The table lacks a labelled pair, or its text or label has changed since it was scored.
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
            problem = "has no strength of" if row is None else "knows another text or label of"
            raise InputError(
                f"{problem} pair {pair.id!r}", where=source, fix="run rightly strength on the training data"
            )
        if terms.keep[row]:
            update = {"target": float(terms.target[row]), "margin": float(terms.margin[row])}
            yield pair.model_copy(update=update | {"weight": float(terms.weight[row])})
