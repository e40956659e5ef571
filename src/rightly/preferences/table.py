"""From a Parquet table of score differences to one of strength, in memory that grows by a few numbers a pair.

Texts and ids are read in batches and written in batches; what stays is float columns (some 60 bytes a pair). So ten
million scored pairs are a matter of minutes and less than 2 GB.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError, MissingExtraError
from rightly.preferences.adjust import AdjustRule, adjust
from rightly.preferences.diagnosis import CLASSES, ClassRule, Diagnosis, classify, diagnose
from rightly.preferences.quality import LabelQuality, fit_expected_rate, fit_noise_model, fit_trusted
from rightly.preferences.strength import agreement_with_whole, preference_strength
from rightly.store.files import atomic_write

MARGIN = "margin/"
"""Columns of this prefix hold the score differences, one a model; files without any are read by their numeric columns."""

_OPTIONAL = ("key", "label", "group", "length_gap", "first", "known")
_BATCH = 65_536
_SAMPLE = 1_000_000
"""Rows over which medians are taken; a larger table is stepped through evenly."""

_FEW_DRAWS_FROM = 200_000
_LARGEST_BOOTSTRAP = 2_000_000


@dataclass(frozen=True)
class StrengthRule:
    """How probabilities, classes and terms of the loss are made.

    Attributes:
        classes: What makes a class.
        adjust: What a pair says to the loss.
        normalise: Divide every model's margins by their median absolute value.
        expected_rate: Expected share of wrong labels; ``None`` uses trusted labels where there are any, else the model of
            noise.
        use_known: Whether trusted labels and votes may be used for probabilities, beside being compared with.
        seed: Of the bootstrap.
    """

    classes: ClassRule
    adjust: AdjustRule
    normalise: bool = True
    expected_rate: float | None = None
    use_known: bool = False
    seed: int = 0


@dataclass(frozen=True)
class StrengthResult:
    """What was made of a table.

    Attributes:
        diagnosis: Figures.
        models: Names of the models.
        scales: What each model's margins were divided by.
        agreement: Spearman's correlation of the first m models' mean with that of all; empty where some pairs lack some.
    """

    diagnosis: Diagnosis
    models: tuple[str, ...]
    scales: tuple[float, ...]
    agreement: tuple[float, ...]


def diagnose_table(source: Path, target: Path, rule: StrengthRule) -> StrengthResult:
    """Read score differences, write strength.

    Args:
        source: Parquet with ``id`` and a numeric column for each model (``margin/NAME``, or all numeric columns), the
            labelled response's reward minus the other's. Used where present: ``group`` (bootstrap cluster), ``known``
            (probability that the label is right, as far as people said), ``length_gap``, ``first``, ``key``, ``label``.
        target: Parquet to write: ``id``, ``key``, ``label``, ``strength``, ``spread``, ``models``, ``probability``, ``class``,
            ``target``, ``margin``, ``weight``, ``keep``.
        rule: How.

    Raises:
        InputError: The table cannot be used; names file and row.
        MissingExtraError: pyarrow is not installed.
    """
    table = _Table(source)
    scales = _scales(table) if rule.normalise else np.ones(len(table.models))
    strength, spread, count, agreement = _moments(table, scales)
    extra = {name: table.column(name) for name in ("length_gap", "known") if name in table.names}
    groups = table.groups() if "group" in table.names else None
    probability, quality = _probabilities(strength, groups, extra.get("known"), rule)
    diagnosis = diagnose(
        strength,
        spread,
        probability,
        quality,
        rule.classes,
        known=extra.get("known"),
        length_gap=extra.get("length_gap"),
        first=table.column("first").astype(bool).tolist() if "first" in table.names else None,
    )
    classes = classify(strength, spread, probability, rule.classes)
    terms = adjust(strength, probability, rule.adjust)
    columns = {
        "strength": strength,
        "spread": spread,
        "models": count,
        "probability": probability,
        "class": classes,
        "target": terms.target,
        "margin": terms.margin,
        "weight": terms.weight,
        "keep": terms.keep,
    }
    _write(table, target, columns)
    return StrengthResult(diagnosis, table.models, tuple(map(float, scales)), agreement)


def score_columns(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """The columns of score differences in a Parquet file, and the models that they are of.

    Raises:
        InputError: It is no Parquet, or has no ``id`` or no such column.
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
        if self.rows < 10:
            raise InputError(f"holds {self.rows} pairs, expected 10 or more", where=str(path))

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
        taken.append(np.abs(batch[:, (-at) % step :: step]))
        at += batch.shape[1]
    scales = np.nanmedian(np.concatenate(taken, axis=1), axis=1)
    for name, scale in zip(table.models, scales, strict=True):
        if not scale > 0:
            raise InputError(
                f"model {name!r} gives half of the pairs a difference of 0", where=str(table.path), fix="leave it out"
            )
    return scales


def _moments(
    table: _Table, scales: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], tuple[float, ...]]:
    strength, spread = np.empty(table.rows), np.empty(table.rows)
    count = np.empty(table.rows, dtype=np.int64)
    step = -(-table.rows // _SAMPLE)
    at, sample = 0, []
    for batch in table.margins():
        found = preference_strength(batch / scales[:, None], normalise=False)
        own = slice(at, at + len(found.mean))
        strength[own], spread[own], count[own] = found.mean, found.spread, found.count
        sample.append(found.margins[:, (-at) % step :: step])
        at += len(found.mean)
    whole = np.concatenate(sample, axis=1)
    agreement = () if np.isnan(whole).any() else tuple(map(float, agreement_with_whole(whole)))
    return strength, spread, count, agreement


def _probabilities(
    strength: NDArray[np.float64],
    groups: NDArray[np.int64] | None,
    known: NDArray[np.float64] | None,
    rule: StrengthRule,
) -> tuple[NDArray[np.float64], LabelQuality]:
    if rule.expected_rate is not None:
        return fit_expected_rate(strength, rule.expected_rate)
    if rule.use_known:
        if known is None:
            raise InputError("no trusted label and no votes are there", fix="drop --trust-votes, or give --trusted")
        return fit_trusted(strength, known)
    draws = 200 if len(strength) < _FEW_DRAWS_FROM else (50 if len(strength) < _LARGEST_BOOTSTRAP else 0)
    return fit_noise_model(strength, groups=groups, draws=draws, seed=rule.seed)


def _write(table: _Table, target: Path, columns: dict[str, NDArray[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["id", *(name for name in ("key", "label") if name in table.names)]

    def parts() -> Iterator[Any]:
        at = 0
        for batch in table.batches(names):
            own = slice(at, at + batch.num_rows)
            at += batch.num_rows
            arrays = {name: batch.column(name).cast(pa.string()) for name in names}
            arrays |= {name: pa.array(values[own]) for name, values in columns.items() if name != "class"}
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
        ids: Of the pairs.
        keys: Content keys of the pairs as they were scored.
        labels: As they were.
        strength: ``(N,)``.
        spread: ``(N,)``.
        probability: ``(N,)`` that the label is right.
    """

    ids: list[str]
    keys: list[str]
    labels: list[str]
    strength: NDArray[np.float64]
    spread: NDArray[np.float64]
    probability: NDArray[np.float64]


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
    texts, numbers = ("id", "key", "label"), ("strength", "spread", "probability")
    try:
        missing = [name for name in (*texts, *numbers) if name not in pq.read_schema(path).names]
    except (pa.ArrowException, OSError) as error:
        raise InputError(str(error).partition("\n")[0], where=str(path), fix="run rightly strength first") from None
    if missing:
        raise InputError(f"has no column {missing[0]}", where=str(path), fix="measure the data set, not scores alone")
    table = pq.read_table(path, columns=[*texts, *numbers])
    return StrengthTable(*(table[name].to_pylist() for name in texts), *(table[name].to_numpy() for name in numbers))
