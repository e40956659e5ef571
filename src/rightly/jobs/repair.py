"""Repair a data set by its preference strength or by people's decisions: exports, an audit line a change, and the way back."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from rightly.data.load import load_pairs
from rightly.data.source import PairSource, source_name
from rightly.errors import InputError
from rightly.jobs.config import Flag, SuspectsConfig
from rightly.jobs.events import SILENT, Events
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
    """Which data set is repaired, by what, and what is done."""

    pairs: Annotated[PairSource, Flag(positional=True)]
    """The data set: a file, a hub id or sample:NAME."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, where its columns fit several."""
    out: Annotated[Path, Flag(metavar="FILE")]
    """The repaired data set, a new file; beside it FILE.audit.jsonl, one line a change: why, before, after."""
    strength: Annotated[Path | None, Flag(metavar="FILE")] = None
    """strength.parquet of this data set, as rightly strength writes it."""
    decisions: Annotated[Path | None, Flag(metavar="FILE")] = None
    """JSON lines of id and label, by people, instead of --strength."""
    preset: Action = "drop"
    """What is done. drop and weight change no label; flip, flip+margin and auto flip labels, and are refused where the 95%
    interval allows that they add wrong ones."""
    force_flip: bool = False
    """Flip labels even where that may add wrong ones."""
    smoothing: Annotated[float, Field(ge=0, le=0.5)] = 0.4
    """Weight of the opposite label for suspects, for the smooth presets."""
    kappa: Annotated[float, Field(ge=0)] = 0.5
    """Margin per unit of strength, for the margin presets."""
    form: Annotated[Format, Flag("--format")] = "native"
    """native JSON lines; or chosen, rejected, margin: as JSON lines, as Parquet, or as a datasets folder (hub)."""
    undo: Annotated[Path | None, Flag(metavar="AUDIT")] = None
    """Take a repair back: write the data set as it was before."""

    def load(self) -> Iterator[PreferencePair]:
        """The pairs, one by one."""
        return load_pairs(self.pairs, columns=self.columns)

    @property
    def audit(self) -> Path:
        """Where the audit of the repair lies."""
        return self.out.with_name(self.out.name + ".audit.jsonl")

    def rule(self) -> AdjustRule:
        """What is done to suspects."""
        return AdjustRule(
            preset=self.preset, suspects=self.suspects, share=self.share, smoothing=self.smoothing, kappa=self.kappa
        )


class RepairCounts(Frozen):
    """What became of the pairs.

    Attributes:
        read: Pairs in.
        written: Pairs out.
        flipped: Whose label changed.
        reweighed: Whose target, margin or weight changed.
        dropped: Left out.
        exported: Pairs in the export; ties and unlabelled ones have no place in ``chosen``/``rejected``.
        no_difference: Pairs that all models give a difference of exactly 0; they stay as they are.
        effect: How many of the flipped and dropped labels are wrong; ``None`` for decisions of people.
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
    """Write the repaired data set and its audit; with ``undo`` the data set as it was before.

    Raises:
        InputError: The target exists, the strength is not of this data set, or flips may add wrong labels.
    """
    source = [config.pairs] if isinstance(config.pairs, str) else []
    inputs = (*source, *filter(None, (config.strength, config.decisions, config.undo)))
    for target in (config.out, config.audit) if config.undo is None else (config.out,):
        require_new(target, inputs)
    if config.undo is not None:
        count = export(undone(config.load(), read_changes(config.undo)), config.out, "native")
        return RepairCounts(read=count, written=count, flipped=0, reweighed=0, dropped=0, exported=count)
    counts = write_repaired(config.load(), plan_of(config), config.out, config.audit, config.form)
    events.say(f"audit: {config.audit}")
    return counts


def plan_of(config: RepairConfig) -> "RepairPlan":
    """What each pair shall be.

    Raises:
        InputError: As `run`.
    """
    if config.strength is None and config.decisions is not None:
        return plan_decisions(config.decisions, config.load)
    if config.strength is None or config.decisions is not None:
        raise InputError("give --strength or --decisions, one of them")
    plan = plan_repair(config.strength, config.rule(), config.load(), source_name(config.pairs))
    if not config.force_flip:
        plan.require_harmless()
    return plan


@dataclass(frozen=True)
class RepairPlan:
    """What each pair shall be, by id, and what that does to the number of wrong labels."""

    repairs: dict[str, Repair]
    effect: RepairEffect | None = None
    no_difference: int = 0

    def require_harmless(self) -> None:
        """Refuse flips whose interval allows that they add wrong labels.

        Raises:
            InputError: It does.
        """
        if self.effect is not None and self.effect.flips_may_harm:
            raise InputError(
                f"the flips may add wrong labels: {self.effect.sentence} (95% interval)",
                fix="leave suspects out (--preset drop), check 50 or more labels and run rightly strength --trusted FILE, "
                "or flip all the same with --force-flip",
            )


def plan_repair(path: Path, rule: AdjustRule, pairs: Iterable[PreferencePair], source: str) -> RepairPlan:
    """What each pair shall be, by the rule, from ``strength.parquet``.

    Args:
        path: The table.
        rule: What is done.
        pairs: The data set: pairs that were scored, or what this repair left of them. A label of more than two responses is
            never flipped.
        source: What errors call the data set.

    Raises:
        InputError: The file is no table of strength of labelled pairs, or lacks pairs of the data set, or their texts or
            labels have changed since.
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
    """Pairs of a data set that a table of strength does not know as they are."""

    def __init__(self, table: Path, source: str) -> None:
        self._table, self._source, self._pairs, self._first = table, source, 0, ""
        self._counts = {"id": 0, "text": 0, "label": 0}

    def found(self, pair: PreferencePair, key: str | None) -> bool:
        """Count a pair; whether the table, where it has this key, does not know it."""
        self._pairs += 1
        if key == pair.content_key:
            return False
        self.add("id" if key is None else "text", pair.id)
        return True

    def add(self, what: str, name: str) -> None:
        self._counts[what] += 1
        self._first = self._first or name

    def refuse(self) -> None:
        """One line where any pair was counted."""
        said = {"id": "are not in it", "text": "have another text", "label": "have another label"}
        parts = [f"{count:,} {said[what]}" for what, count in self._counts.items() if count]
        if parts:
            raise InputError(
                f"is not of this data set: of {self._pairs:,} labelled pairs in {self._source} {', '.join(parts)}; "
                f"the first is {self._first!r}",
                where=str(self._table),
                fix="measure this data set first: rightly strength",
            )


def plan_decisions(path: Path, load: Callable[[], Iterable[PreferencePair]]) -> RepairPlan:
    """What people decided: lines of ``id`` and ``label``, as the reviewer's page exports them; a tie leaves the pair out.

    Args:
        path: The lines.
        load: Gives the data set, each time anew.

    Raises:
        InputError: As in `read_decisions`.
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
    """Write data set and audit; both are whole or not there.

    Args:
        pairs: The data set.
        plan: What each pair shall be.
        target: File, or folder of a ``hub`` export.
        audit: JSON lines, one a change.
        form: ``native`` JSON lines; ``chosen-rejected`` JSON lines with a ``margin`` column (TRL, OpenRLHF, ms-swift);
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


def read_changes(audit: Path) -> list[Change]:
    """The lines of a repair's audit.

    Raises:
        InputError: The file is none.
    """
    try:
        lines = audit.read_bytes().split(b"\n")
        return [Change.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"is no audit of a repair: {str(error).splitlines()[0]}", where=str(audit)) from None
