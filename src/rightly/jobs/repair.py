"""Repair a data set by preference strength or by human decisions: exports, one audit line per change, and undo."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from rightly.data.load import load_pairs
from rightly.data.source import PairSource, files_of, source_name
from rightly.errors import InputError
from rightly.jobs.config import Flag
from rightly.jobs.events import SILENT, Events
from rightly.jobs.suspects import SuspectsConfig
from rightly.preferences.adjust import Adjustment, AdjustRule, Preset, adjust
from rightly.preferences.decisions import read_decisions
from rightly.preferences.effect import RepairEffect, repair_effect
from rightly.preferences.evidence import LabelEvidence
from rightly.preferences.margins_table import labelled
from rightly.preferences.repair import Change, Repair, repaired, undone
from rightly.preferences.strength_table import StrengthTable, read_strength
from rightly.store.files import atomic_write, require_new
from rightly.types import Frozen, PreferencePair

Action = Literal["drop", "flip", "flip+margin", "margin", "smooth", "smooth+margin", "weight", "auto"]
Format = Literal["native", "chosen-rejected", "parquet", "hub"]


class RepairConfig(SuspectsConfig):
    """Configuration of a repair: data set, evidence and action."""

    pairs: Annotated[PairSource, Flag(positional=True)]
    """Data set to repair: a file, a hub id or sample:NAME."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, if its columns fit several."""
    out: Annotated[Path, Flag(metavar="FILE")]
    """New file for the repaired data set. FILE.audit.jsonl next to it has one line per change: why, before, after."""
    strength: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Table strength.parquet of this data set, written by rightly strength."""
    decisions: Annotated[Path | None, Flag(metavar="FILE")] = None
    """JSON Lines with id and label decided by people, instead of --strength."""
    preset: Action = "drop"
    """Action on suspects. drop and weight change no label; flip, flip+margin and auto flip labels, and are refused if the
    95% interval includes adding wrong labels."""
    force_flip: bool = False
    """Flip labels even if that may add wrong ones."""
    smoothing: Annotated[float, Field(ge=0, le=0.5)] = 0.4
    """Weight of the opposite label for suspects in [0, 1], for the smooth presets."""
    kappa: Annotated[float, Field(ge=0)] = 0.5
    """Margin per unit of strength, for the margin presets."""
    form: Annotated[Format, Flag("--format")] = "native"
    """Output format: native JSON Lines; or chosen, rejected, margin as JSON Lines, Parquet, or a datasets folder (hub)."""
    undo: Annotated[Path | None, Flag(metavar="AUDIT")] = None
    """Undo a repair: write the data set as it was before."""

    def load(self) -> Iterator[PreferencePair]:
        """Yield the pairs one by one."""
        return load_pairs(self.pairs, columns=self.columns)

    @property
    def audit(self) -> Path:
        """Path of the repair's audit."""
        return self.out.with_name(self.out.name + ".audit.jsonl")

    def rule(self) -> AdjustRule:
        """The rule for suspects."""
        return AdjustRule(
            preset=self.preset, suspects=self.suspects, share=self.share, smoothing=self.smoothing, kappa=self.kappa
        )


class RepairCounts(Frozen):
    """Counts of a repair.

    Attributes:
        read: Number of input pairs.
        written: Number of output pairs.
        flipped: Number of pairs with a changed label.
        reweighed: Number of pairs with a changed target, margin or weight.
        dropped: Number of removed pairs.
        exported: Number of pairs in the export; ``chosen``/``rejected`` cannot hold ties and unlabelled pairs.
        no_difference: Number of pairs with a difference of exactly 0 for all models; they are unchanged.
        effect: Estimated number of wrong labels among flipped and dropped ones; ``None`` for human decisions.
    """

    read: int
    written: int
    flipped: int
    reweighed: int
    dropped: int
    exported: int = 0
    no_difference: int = 0
    effect: RepairEffect | None = None


def run(config: RepairConfig, events: Events = SILENT) -> RepairCounts:
    """Write the repaired data set and its audit; with ``undo`` the original data set.

    Raises:
        InputError: The target exists, the strength belongs to another data set, or flips may add wrong labels.
    """
    inputs = (*files_of([config.pairs]), *filter(None, (config.strength, config.decisions, config.undo)))
    for target in (config.out, config.audit) if config.undo is None else (config.out,):
        require_new(target, inputs)
    if config.undo is not None:
        count = export(undone(config.load(), read_changes(config.undo)), config.out, "native")
        return RepairCounts(read=count, written=count, flipped=0, reweighed=0, dropped=0, exported=count)
    counts = write_repaired(config.load(), plan_of(config), config.out, config.audit, config.form)
    events.say(f"audit: {config.audit}")
    return counts


def plan_of(config: RepairConfig) -> "RepairPlan":
    """The planned change of each pair.

    Raises:
        InputError: The conditions of `run`.
    """
    if config.strength is None and config.decisions is not None:
        return plan_decisions(config.decisions, config.load)
    if config.strength is None or config.decisions is not None:
        raise InputError("give either --strength or --decisions")
    plan = plan_repair(config.strength, config.rule(), config.load(), source_name(config.pairs))
    if not config.force_flip:
        plan.require_harmless()
    return plan


@dataclass(frozen=True)
class RepairPlan:
    """The planned change of each pair, by id, and its effect on the number of wrong labels."""

    repairs: dict[str, Repair]
    effect: RepairEffect | None = None
    no_difference: int = 0

    def require_harmless(self) -> None:
        """Refuse flips whose interval includes adding wrong labels.

        Raises:
            InputError: The interval includes adding wrong labels.
        """
        if self.effect is not None and self.effect.flips_may_harm:
            raise InputError(
                f"the flips may add wrong labels: {self.effect.sentence} (95% interval)",
                fix="drop suspects (--preset drop), check 50 or more labels and run rightly strength --trusted FILE, "
                "or flip anyway with --force-flip",
            )


def plan_repair(path: Path, rule: AdjustRule, pairs: Iterable[PreferencePair], source: str) -> RepairPlan:
    """Plan each pair's change by the rule, from ``strength.parquet``.

    Args:
        path: Path of the strength table.
        rule: Rule for suspects.
        pairs: Pairs of the data set, as scored or as left by this repair. The label of a pair with more than two responses
            is never flipped.
        source: Name of the data set in errors.

    Raises:
        InputError: The file is not a strength table of labelled pairs, or lacks pairs of the data set, or their texts or
            labels have changed.
    """
    table = read_strength(path)
    rows = {name: row for row, name in enumerate(table.ids)}
    terms = adjust(table.strength, table.probability, rule)
    found: dict[str, Repair] = {}
    flipped, dropped = np.zeros(len(table.ids), dtype=bool), np.zeros(len(table.ids), dtype=bool)
    mismatch = _Mismatch(path, source)
    for pair in filter(labelled, pairs):
        row = rows.get(pair.id)
        if mismatch.found(pair, None if row is None else table.keys[row]) or row is None:
            continue
        flip = bool(terms.keep[row] and terms.target[row] < 0.5) and len(pair.responses) == 2
        if pair.label != table.labels[row] and not flip:
            mismatch.add("label", pair.id)
            continue
        flipped[row], dropped[row] = flip and pair.label == table.labels[row], not terms.keep[row]
        found[pair.id] = _repair(table, terms, row, rule.preset, flip=flip)
    mismatch.refuse()
    told = ~np.isnan(table.probability)
    evidence = LabelEvidence(
        table.strength[told], table.probability[told], people=table.known[told], groups=table.groups[told]
    )
    effect = repair_effect(evidence, flipped[told], dropped[told])
    return RepairPlan(found, effect, sum(not told[rows[name]] for name in found))


def _repair(table: StrengthTable, terms: Adjustment, row: int, preset: Preset, *, flip: bool) -> Repair:
    told, label, target = not np.isnan(table.probability[row]), table.labels[row], float(terms.target[row])
    softened = told and preset in ("smooth", "smooth+margin", "auto")
    margined = told and preset in ("margin", "flip+margin", "smooth+margin", "auto")
    return Repair(
        pair_id=table.ids[row],
        key=table.keys[row],
        label={"A": "B", "B": "A"}[label] if flip else label,
        keep=bool(terms.keep[row]),
        target=round(1 - target if flip else target, 6) if softened else None,
        margin=round(float(terms.margin[row]), 6) if margined else None,
        weight=round(float(terms.weight[row]), 6) if told and preset == "weight" else None,
        why=f"{preset}: strength {table.strength[row]:+.3f} ± {table.std[row]:.3f}, "
        f"right with {table.probability[row]:.3f}",
    )


class _Mismatch:
    """Pairs of a data set that differ from a strength table."""

    def __init__(self, table: Path, source: str) -> None:
        self._table, self._source, self._pairs, self._first = table, source, 0, ""
        self._counts = {"id": 0, "text": 0, "label": 0}

    def found(self, pair: PreferencePair, key: str | None) -> bool:
        """Count a pair, and return whether it differs from the table at this key."""
        self._pairs += 1
        if key == pair.content_key:
            return False
        self.add("id" if key is None else "text", pair.id)
        return True

    def add(self, what: str, name: str) -> None:
        self._counts[what] += 1
        self._first = self._first or name

    def refuse(self) -> None:
        """Raise a one-line error if any pair was counted."""
        said = {"id": "are not in it", "text": "have another text", "label": "have another label"}
        parts = [f"{count:,} {said[what]}" for what, count in self._counts.items() if count]
        if parts:
            raise InputError(
                f"belongs to another data set: of {self._pairs:,} labelled pairs in {self._source} {', '.join(parts)}; "
                f"the first is {self._first!r}",
                where=str(self._table),
                fix="measure this data set first: rightly strength",
            )


def plan_decisions(path: Path, load: Callable[[], Iterable[PreferencePair]]) -> RepairPlan:
    """Plan human decisions: lines of ``id`` and ``label``, as the review page exports them; a tie removes the pair.

    Args:
        path: File with the decisions.
        load: Function that returns a new iterator over the data set.

    Raises:
        InputError: The conditions of `read_decisions`.
    """
    decided = read_decisions(path, load())
    found = {
        pair.id: Repair(
            pair_id=pair.id,
            key=pair.content_key,
            label=decided[pair.id],
            keep=decided[pair.id] != "tie",
            why="decided by a reviewer",
        )
        for pair in load()
        if pair.id in decided
    }
    return RepairPlan(found)


def write_repaired(
    pairs: Iterable[PreferencePair], plan: RepairPlan, target: Path, audit: Path, form: Format
) -> RepairCounts:
    """Write data set and audit atomically.

    Args:
        pairs: Pairs of the data set.
        plan: Planned change of each pair.
        target: Output file, or folder for a ``hub`` export.
        audit: Output file with one JSON line per change.
        form: ``native`` JSON Lines; ``chosen-rejected`` JSON Lines with a ``margin`` column (TRL, OpenRLHF, ms-swift);
            the same as ``parquet`` or as a ``datasets`` folder.
    """
    counts = {"read": 0, "written": 0, "flip": 0, "reweigh": 0, "drop": 0, "exported": 0}

    def stream(lines: Any) -> Iterator[PreferencePair]:
        for pair, change in repaired(pairs, plan.repairs):
            counts["read"] += 1
            if change is not None:
                lines.write(change.model_dump_json() + "\n")
                for action in change.actions:
                    counts[action] += 1
            if pair is not None:
                counts["written"] += 1
                yield pair

    with atomic_write(audit) as partial, partial.open("w", encoding="utf-8") as lines:
        counts["exported"] = export(stream(lines), target, form)
    return RepairCounts(
        read=counts["read"],
        written=counts["written"],
        flipped=counts["flip"],
        reweighed=counts["reweigh"],
        dropped=counts["drop"],
        exported=counts["exported"],
        no_difference=plan.no_difference,
        effect=plan.effect,
    )


def export(pairs: Iterable[PreferencePair], target: Path, form: Format) -> int:
    """Write pairs in a format; returns the number of pairs that it can hold."""
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


def read_changes(audit: Path) -> list[Change]:
    """Read the lines of a repair's audit.

    Raises:
        InputError: The file is not such an audit.
    """
    try:
        lines = audit.read_bytes().split(b"\n")
        return [Change.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"is not an audit of a repair: {str(error).splitlines()[0]}", where=str(audit)) from None
