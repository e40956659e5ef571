"""The work behind ``rightly repair``: the repaired data set, its audit, exports, and the way back."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.preferences.adjust import AdjustRule, adjust
from rightly.preferences.repair import Change, Repair, repaired, undone
from rightly.preferences.table import read_strength
from rightly.store.files import atomic_write
from rightly.types import Frozen, PreferencePair

Format = Literal["native", "chosen-rejected", "parquet", "hub"]


class RepairCounts(Frozen):
    """What became of the pairs.

    Attributes:
        read: Pairs in.
        written: Pairs out.
        flipped: Whose label changed.
        reweighed: Whose target, margin or weight changed.
        dropped: Left out.
        exported: Pairs in the export; ties and unlabelled ones have no place in ``chosen``/``rejected``.
    """

    read: int
    written: int
    flipped: int
    reweighed: int
    dropped: int
    exported: int = 0


def read_repairs(path: Path, rule: AdjustRule) -> dict[str, Repair]:
    """What each pair shall be, by the rule, from ``strength.parquet``.

    Raises:
        InputError: The file is no table of strength of labelled pairs.
    """
    table = read_strength(path)
    terms = adjust(table.strength, table.probability, rule)
    softened = rule.preset in ("smooth", "smooth+margin", "auto")
    margined = rule.preset in ("margin", "flip+margin", "smooth+margin", "auto")
    found: dict[str, Repair] = {}
    for row, (name, key, label) in enumerate(zip(table.ids, table.keys, table.labels, strict=True)):
        flip = bool(terms.target[row] < 0.5) and label in ("A", "B")
        target = float(terms.target[row])
        found[name] = Repair(
            pair_id=name,
            key=key,
            label={"A": "B", "B": "A"}[label] if flip else label,
            keep=bool(terms.keep[row]),
            target=round(1 - target if flip else target, 6) if softened else None,
            margin=round(float(terms.margin[row]), 6) if margined else None,
            weight=round(float(terms.weight[row]), 6) if rule.preset == "weight" else None,
            why=f"{rule.preset}: strength {table.strength[row]:+.3f} ± {table.spread[row]:.3f}, "
            f"right with {table.probability[row]:.3f}",
        )
    return found


def read_decisions(path: Path, load: Callable[[], Iterable[PreferencePair]]) -> dict[str, Repair]:
    """What people decided: lines of ``id`` and ``label``, as the reviewer's page exports them; a tie leaves the pair out."""
    from rightly.cli.strength_run import read_trusted

    decided = read_trusted(path)
    found = {}
    for pair in load():
        label = decided.get(pair.id)
        if label is None:
            continue
        if label not in pair.choices:
            raise InputError(f"pair {pair.id!r} has no response {label!r}", where=str(path))
        found[pair.id] = Repair(
            pair_id=pair.id,
            key=pair.content_key,
            label=label,
            keep=label != "tie",
            why="decided by a reviewer",
        )
    return found


def write_repaired(
    pairs: Iterable[PreferencePair], repairs: dict[str, Repair], target: Path, audit: Path, form: Format
) -> RepairCounts:
    """Write data set and audit; both are whole or not there.

    Args:
        pairs: The data set.
        repairs: What each pair shall be.
        target: File, or folder of a ``hub`` export.
        audit: JSON lines, one a change; not overwritten by a repair that changes nothing.
        form: ``native`` JSON lines; ``chosen-rejected`` JSON lines with a ``margin`` column (TRL, OpenRLHF, ms-swift);
            the same as ``parquet`` or as a ``datasets`` folder.
    """
    counts = {"read": 0, "written": 0, "flip": 0, "reweigh": 0, "drop": 0, "exported": 0}
    partial_audit = audit.with_name(audit.name + ".partial")

    def stream(lines: Any) -> Iterator[PreferencePair]:
        for pair, change in repaired(pairs, repairs):
            counts["read"] += 1
            if change is not None:
                lines.write(change.model_dump_json() + "\n")
                for action in change.actions:
                    counts[action] += 1
            if pair is not None:
                counts["written"] += 1
                yield pair

    with partial_audit.open("w", encoding="utf-8") as lines:
        counts["exported"] = export(stream(lines), target, form)
    if partial_audit.stat().st_size or not audit.exists():
        os.replace(partial_audit, audit)
    else:
        partial_audit.unlink()
    return RepairCounts(
        read=counts["read"],
        written=counts["written"],
        flipped=counts["flip"],
        reweighed=counts["reweigh"],
        dropped=counts["drop"],
        exported=counts["exported"],
    )


def export(pairs: Iterable[PreferencePair], target: Path, form: Format) -> int:
    """Write pairs in a format; returns how many have a place in it."""
    rows = (pair.model_dump(mode="json", exclude_defaults=True) for pair in pairs)
    if form != "native":
        rows = filter(None, map(chosen_rejected_row, pairs))
    if form == "hub":
        import datasets

        kept = list(rows)
        datasets.Dataset.from_list(kept).save_to_disk(str(target))
        return len(kept)
    if form == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        kept = list(rows)
        with atomic_write(target) as partial:
            pq.write_table(pa.Table.from_pylist(kept), partial)
        return len(kept)
    count = 0
    with atomic_write(target) as partial, partial.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def chosen_rejected_row(pair: PreferencePair) -> dict[str, Any] | None:
    """``chosen`` and ``rejected`` as messages with the context, and ``margin``; ``None`` for ties and unlabelled pairs."""
    if pair.label in (None, "tie"):
        return None
    best = pair.choices.index(str(pair.label))
    other = 1 if best == 0 else 0
    context = [message.model_dump() for message in pair.context]
    row: dict[str, Any] = {
        "id": pair.id,
        "chosen": [*context, {"role": "assistant", "content": pair.responses[best]}],
        "rejected": [*context, {"role": "assistant", "content": pair.responses[other]}],
        "margin": pair.margin or 0.0,
    }
    return row | {name: getattr(pair, name) for name in ("target", "weight") if getattr(pair, name) is not None}


def undo(repaired_file: str, audit: Path, target: Path) -> int:
    """Write the data set as it was before the repair; returns its pairs.

    Raises:
        InputError: File and audit do not belong together.
    """
    try:
        lines = audit.read_bytes().split(b"\n")
        changes = [Change.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"is no audit of a repair: {str(error).splitlines()[0]}", where=str(audit)) from None
    return export(undone(load_pairs(repaired_file), changes), target, "native")
