"""What people decided of labels: lines of ``id``, ``label`` and, from the reviewer's page, the pair's content ``key``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rightly.data.jsonl import read_lines
from rightly.errors import InputError
from rightly.types import PreferencePair


def read_decisions(path: Path, pairs: Iterable[PreferencePair]) -> dict[str, str]:
    """Labels by id, each of a pair that is there and, where the line has a key, of the text that was decided on.

    Args:
        path: JSON lines of ``id`` and ``label``; ``key`` where the reviewer's page wrote them.
        pairs: The data set.

    Raises:
        InputError: A line is not that, names a pair that is not there, a response that the pair lacks or a text that has
            changed since, or decides a pair a second time and otherwise; names file and row.
    """
    decided: dict[str, tuple[int, str, str | None]] = {}
    for number, row in read_lines(path, str(path)):
        where = f"{path}:{number}"
        if not {"id", "label"} <= row.keys():
            raise InputError("is no object with id and label", where=where)
        name, label = str(row["id"]), str(row["label"])
        if name in decided and decided[name][1] != label:
            problem = f"pair {name!r} is {label!r} here and {decided[name][1]!r} in row {decided[name][0]}"
            raise InputError(problem, where=where, fix="keep one of the two")
        decided[name] = (number, label, _key(row, where))
    found = {}
    for pair in pairs:
        if pair.id not in decided:
            continue
        number, label, key = decided.pop(pair.id)
        where = f"{path}:{number}"
        if label not in pair.choices:
            raise InputError(f"pair {pair.id!r} has no response {label!r}", where=where)
        if key is not None and key != pair.content_key:
            problem = f"the text of pair {pair.id!r} has changed since it was decided"
            raise InputError(problem, where=where, fix="decide it again on a new page: rightly strength")
        found[pair.id] = label
    if decided:
        name, (number, _, _) = next(iter(decided.items()))
        problem = f"{len(decided)} decided pairs are not in the data set; the first is {name!r}"
        raise InputError(
            problem, where=f"{path}:{number}", fix="give the data set that was decided on, or remove the line"
        )
    return found


def _key(row: Mapping[str, Any], where: str) -> str | None:
    key = row.get("key")
    if key is not None and not isinstance(key, str):
        raise InputError(f"key is {key!r}, expected text", where=where)
    return key
