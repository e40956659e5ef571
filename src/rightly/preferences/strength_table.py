"""From a Parquet table of score differences to one of strength, in memory that grows by a few numbers a pair.

Texts and ids are read in batches and written in batches; what stays is float columns (some 60 bytes a pair). So ten
million scored pairs are a matter of minutes and less than 2 GB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError, MissingExtraError
from rightly.preferences.adjust import PRESETS, AdjustRule, Preset, adjust
from rightly.preferences.effect import RepairEffect, repair_effect
from rightly.preferences.evidence import LabelEvidence
from rightly.preferences.pair_classes import CLASSES, ClassRule, Diagnosis, classify, diagnose
from rightly.preferences.quality import LabelQuality, fit_expected_rate, fit_noise_model, fit_people
from rightly.preferences.strength import agreement_with_whole, preference_strength
from rightly.store.files import atomic_write

MARGIN = "margin/"
"""Columns of this prefix hold the score differences, one a model; files without any are read by their numeric columns."""

PEOPLE = ("known", "majority")
"""Columns of people's word, the probability that a label is right: by who checked it, and by the majority of its votes."""

_OPTIONAL = ("key", "label", "group", "length_gap", "first", *PEOPLE)
_FEWEST = 10
"""Pairs below which nothing is said."""

_BATCH = 65_536
_SAMPLE = 1_000_000
"""Rows over which medians are taken; a larger table is stepped through evenly."""


@dataclass(frozen=True)
class StrengthRule:
    """How probabilities, classes and terms of the loss are made.

    Attributes:
        adjust: Rule for a pair's loss terms and for suspected labels.
        normalise: Divide every model's margins by their median absolute value.
        expected_rate: Expected share of wrong labels; ``None`` uses people's word where there is enough, else the model of
            noise.
        use_people: Whether votes and checked labels make the probabilities where there are 50 of them, or are only
            compared with.
        seed: Seed of the draws.
    """

    adjust: AdjustRule
    normalise: bool = True
    expected_rate: float | None = None
    use_people: bool = True
    seed: int = 0


@dataclass(frozen=True)
class StrengthResult:
    """What was made of a table.

    Attributes:
        diagnosis: Figures.
        models: Names of the models.
        scales: Divisor of each model's margins.
        agreement: Spearman's correlation of the first m models' mean with that of all; empty where some pairs lack some.
        effects: Expected effect of a repair with each preset.
    """

    diagnosis: Diagnosis
    models: tuple[str, ...]
    scales: tuple[float, ...]
    agreement: tuple[float, ...]
    effects: dict[Preset, RepairEffect]


def diagnose_table(source: Path, target: Path, rule: StrengthRule) -> StrengthResult:
    """Read score differences, write strength.

    Args:
        source: Parquet with ``id`` and a numeric column for each model (``margin/NAME``, or all numeric columns), the
            labelled response's reward minus the other's. Used where present: ``group`` (pairs that are not independent),
            ``known`` (probability that the label is right, where it was checked), ``majority`` (the same by its votes),
            ``length_gap``, ``first``, ``key``, ``label``.
        target: Parquet to write: ``id``, ``key``, ``label``, ``group``, ``strength``, ``std``, ``models``,
            ``probability`` (null for a pair without a difference), ``known`` (people's word as far as the probabilities
            rest on it), ``class``, ``target``, ``margin``, ``weight``, ``keep``.
        rule: Rule of the adjustment.

    Raises:
        InputError: The table cannot be used; names file and row.
        MissingExtraError: pyarrow is not installed.
    """
    table = _Table(source)
    scales = _scales(table) if rule.normalise else np.ones(len(table.models))
    moments = _moments(table, scales)
    told = moments.differs
    extra = {name: table.column(name) for name in ("length_gap", "first", *PEOPLE) if name in table.names}
    groups = table.groups() if "group" in table.names else np.arange(table.rows)
    shown, people = _people(extra, table.rows, rule)
    evidence = LabelEvidence(
        moments.strength[told],
        np.full(int(told.sum()), np.nan),
        people=people[told],
        shown=shown[told],
        groups=groups[told],
        seed=rule.seed,
    )
    evidence.probability, quality = _probabilities(evidence, rule)
    probability = np.full(table.rows, np.nan)
    probability[told] = evidence.probability
    classes = ClassRule.of(rule.adjust)
    diagnosis = diagnose(
        evidence,
        moments.std[told],
        quality,
        classes,
        no_difference=int((~told).sum()),
        **{name: extra[name][told] for name in ("length_gap", "first") if name in extra},
    )
    terms = adjust(moments.strength, probability, rule.adjust)
    columns = {
        "strength": moments.strength,
        "std": moments.std,
        "models": moments.count,
        "probability": probability,
        "known": people if evidence.by_people else np.full(table.rows, np.nan),
        "class": classify(moments.strength, moments.std, probability, classes),
        "target": terms.target,
        "margin": terms.margin,
        "weight": terms.weight,
        "keep": terms.keep,
    }
    _write(table, target, columns)
    effects: dict[Preset, RepairEffect] = {preset: _effect(evidence, rule.adjust, preset) for preset in PRESETS[1:]}
    return StrengthResult(diagnosis, table.models, tuple(map(float, scales)), moments.agreement, effects)


def _effect(evidence: LabelEvidence, rule: AdjustRule, preset: Preset) -> RepairEffect:
    terms = adjust(evidence.strength, evidence.probability, rule.model_copy(update={"preset": preset}))
    return repair_effect(evidence, terms.keep & (terms.target < 0.5), ~terms.keep)


def _people(
    columns: Mapping[str, NDArray[np.float64]], rows: int, rule: StrengthRule
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """People's word of each label, ``(rows,)`` NaN where nobody spoke: all of it, and what probabilities may rest on.

    Votes that contradict no label have made the labels and cannot check them.
    """
    checked, votes = (columns.get(name, np.full(rows, np.nan)) for name in PEOPLE)
    shown = np.where(np.isnan(checked), votes, checked)
    if not rule.use_people or rule.expected_rate is not None:
        return shown, np.full(rows, np.nan)
    return shown, shown if (votes < 0.5).any() else checked


def score_columns(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """The columns of score differences in a Parquet file, and the models that they are of.

    Raises:
        InputError: The file is not Parquet, or lacks ``id`` or another column.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("reading Parquet", "data") from None
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(str(error).partition("\n")[0], where=str(path), fix="give a Parquet file of scores") from None
    if "id" not in schema.names:
        raise InputError(f"has no column id, only {', '.join(schema.names)}", where=str(path))
    numeric = [
        field.name
        for field in schema
        if (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
        and field.name not in ("id", *_OPTIONAL)
    ]
    columns = [name for name in numeric if name.startswith(MARGIN)] or numeric
    if not columns:
        raise InputError("has no column of score differences", where=str(path), fix=f"name them {MARGIN}MODEL")
    return columns, tuple(name.removeprefix(MARGIN) for name in columns)


class _Table:
    """A Parquet file of margins, read in batches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns, self.models = score_columns(path)
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            self.names, self.rows = set(file.schema_arrow.names), file.metadata.num_rows
        if self.rows < _FEWEST:
            raise InputError(f"holds {self.rows} pairs, expected {_FEWEST} or more", where=str(path))

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(batch_size=_BATCH, columns=list(columns))

    def margins(self) -> Iterator[NDArray[np.float64]]:
        """``(models, rows of the batch)``."""
        at = 0
        for batch in self.batches(self.columns):
            found = np.stack([_floats(batch.column(name)) for name in self.columns])
            unusable = np.isinf(found).any(axis=0) | np.isnan(found).all(axis=0)
            if unusable.any():
                row = at + int(np.argmax(unusable)) + 1
                raise InputError("no finite score", where=f"{self.path}:{row}", fix="score this pair, or leave it out")
            at += found.shape[1]
            yield found

    def column(self, name: str) -> NDArray[np.float64]:
        return np.concatenate([_floats(batch.column(0)) for batch in self.batches([name])])

    def groups(self) -> NDArray[np.int64]:
        """A number for each pair's group; two groups are taken for one with a probability of 1 in 10^19 / pairs."""
        import pyarrow as pa

        parts = []
        for batch in self.batches(["group"]):
            codes = batch.column(0).cast(pa.string()).dictionary_encode()
            names = [str(text).encode() for text in codes.dictionary.to_pylist()]
            hashes = np.array(
                [int.from_bytes(blake2b(name, digest_size=8).digest()) for name in names], dtype=np.uint64
            )
            parts.append(hashes[np.asarray(codes.indices)])
        return np.unique(np.concatenate(parts), return_inverse=True)[1]


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _scales(table: _Table) -> NDArray[np.float64]:
    step = -(-table.rows // _SAMPLE)
    at, taken = 0, []
    for batch in table.margins():
        sample = np.abs(batch[:, (-at) % step :: step])
        taken.append(sample[:, np.nan_to_num(sample).any(axis=0)])
        at += batch.shape[1]
    found = np.concatenate(taken, axis=1)
    if not found.size:
        raise InputError(
            "all models give both responses of every pair the same reward",
            where=str(table.path),
            fix="score with models that read the responses, and raise --max-length if they are truncated",
        )
    scales = np.nanmedian(found, axis=1)
    for name, scale in zip(table.models, scales, strict=True):
        if not scale > 0:
            raise InputError(
                f"model {name!r} gives half of the pairs a difference of 0", where=str(table.path), fix="leave it out"
            )
    return scales


@dataclass(frozen=True)
class _Moments:
    """Over the models, each ``(rows,)``; ``differs`` is false where all of them give a difference of exactly 0."""

    strength: NDArray[np.float64]
    std: NDArray[np.float64]
    count: NDArray[np.int64]
    differs: NDArray[np.bool_]
    agreement: tuple[float, ...]


def _moments(table: _Table, scales: NDArray[np.float64]) -> _Moments:
    strength, std = np.empty(table.rows), np.empty(table.rows)
    count, differs = np.empty(table.rows, dtype=np.int64), np.empty(table.rows, dtype=bool)
    step = -(-table.rows // _SAMPLE)
    at, sample = 0, []
    for batch in table.margins():
        found = preference_strength(batch / scales[:, None], normalise=False)
        own = slice(at, at + len(found.mean))
        strength[own], std[own], count[own] = found.mean, found.std, found.count
        differs[own] = np.nan_to_num(batch).any(axis=0)
        sample.append(found.margins[:, (-at) % step :: step])
        at += len(found.mean)
    whole = np.concatenate(sample, axis=1)
    agreement = () if np.isnan(whole).any() else tuple(map(float, agreement_with_whole(whole)))
    if differs.sum() < _FEWEST:
        problem = f"{int(differs.sum())} of {table.rows} pairs have responses that differ to some model"
        raise InputError(f"{problem}, expected {_FEWEST} or more", where=str(table.path))
    return _Moments(strength, std, count, differs, agreement)


def _probabilities(evidence: LabelEvidence, rule: StrengthRule) -> tuple[NDArray[np.float64], LabelQuality]:
    if rule.expected_rate is not None:
        return fit_expected_rate(evidence.strength, rule.expected_rate)
    if evidence.by_people:
        return fit_people(evidence.strength, evidence.people)
    return fit_noise_model(evidence.strength, groups=evidence.groups)


def _write(table: _Table, target: Path, columns: dict[str, NDArray[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["id", *(name for name in ("key", "label", "group") if name in table.names)]

    def parts() -> Iterator[Any]:
        at = 0
        for batch in table.batches(names):
            own = slice(at, at + batch.num_rows)
            at += batch.num_rows
            arrays = {name: batch.column(name).cast(pa.string()) for name in names}
            arrays |= {n: pa.array(values[own], from_pandas=True) for n, values in columns.items() if n != "class"}
            classes = pa.array(columns["class"][own].astype(np.int8))
            yield pa.table(arrays | {"class": pa.DictionaryArray.from_arrays(classes, list(CLASSES))})

    found = parts()
    first = next(found)
    with atomic_write(target) as partial, pq.ParquetWriter(partial, first.schema) as writer:
        for part in chain([first], found):
            writer.write_table(part)


@dataclass(frozen=True)
class StrengthTable:
    """The columns of ``strength.parquet`` that rules work on, ``N`` rows.

    Attributes:
        ids: Ids of the pairs.
        keys: Content keys of the pairs as they were scored.
        labels: Labels as they were.
        strength: Strength of each pair, ``(N,)``.
        std: Standard deviation over the models, ``(N,)``.
        probability: Probability that the label is right, ``(N,)``; NaN for a pair without a difference.
        known: Human evidence that the label is right, ``(N,)``, if the probabilities are based on it; else NaN.
        groups: Keys of groups of dependent pairs, ``(N,)``.
    """

    ids: list[str]
    keys: list[str]
    labels: list[str]
    strength: NDArray[np.float64]
    std: NDArray[np.float64]
    probability: NDArray[np.float64]
    known: NDArray[np.float64]
    groups: NDArray[Any]


def read_strength(path: Path) -> StrengthTable:
    """Read what `diagnose_table` wrote of pairs (not of scores alone).

    Raises:
        InputError: The file is no such table.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("reading Parquet", "data") from None
    texts, numbers = ("id", "key", "label"), ("strength", "std", "probability")
    try:
        there = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise InputError(str(error).partition("\n")[0], where=str(path), fix="run rightly strength first") from None
    missing = [name for name in (*texts, *numbers, "known", "group") if name not in there]
    if missing:
        raise InputError(
            f"has no column {missing[0]}",
            where=str(path),
            fix="run rightly strength on the data set, not on scores alone",
        )
    table = pq.read_table(path, columns=[*texts, *numbers, "known", "group"])
    return StrengthTable(
        *(table[name].to_pylist() for name in texts),
        *(_floats(table[name]) for name in (*numbers, "known")),
        groups=np.asarray(table["group"].to_pylist()),
    )
