"""The table that strength is made from: a row a labelled pair, a column a model, and what is known of the pair."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rightly.errors import MissingExtraError
from rightly.preferences.evidence import majority_share
from rightly.preferences.strength_table import MARGIN, PEOPLE
from rightly.store.files import atomic_write
from rightly.types import PreferencePair

_BATCH = 4096


def labelled(pair: PreferencePair) -> bool:
    """Whether one response is labelled the best: only such pairs have a strength."""
    return pair.label not in (None, "tie")


def write_scored(
    path: Path,
    pairs: Iterable[PreferencePair],
    margins: Iterable[Sequence[float]],
    models: Sequence[str],
    trusted: Mapping[str, str] | None = None,
) -> int:
    """Write the table.

    Args:
        path: Parquet file.
        pairs: Labelled pairs.
        margins: Margins of each pair, one per model: the labelled response's reward minus the best other one; NaN if unscored.
        models: Names of the models.
        trusted: Checked labels by id; they go before votes.

    Returns:
        Rows.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("writing Parquet", "data") from None
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("key", pa.string()),
            ("label", pa.string()),
            ("group", pa.string()),
            ("length_gap", pa.int32()),
            ("first", pa.bool_()),
            *[(name, pa.float64()) for name in PEOPLE],
            *[(f"{MARGIN}{name}", pa.float64()) for name in models],
        ]
    )
    count = 0
    rows: list[dict[str, Any]] = []
    with atomic_write(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for pair, values in zip(pairs, margins, strict=True):
            rows.append(_row(pair, trusted or {}) | {f"{MARGIN}{n}": v for n, v in zip(models, values, strict=True)})
            count += 1
            if len(rows) == _BATCH:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))
    return count


def _row(pair: PreferencePair, trusted: Mapping[str, str]) -> dict[str, Any]:
    best = pair.choices.index(str(pair.label))
    lengths = [len(text) for text in pair.responses]
    checked = trusted.get(pair.id)
    right = sum(1.0 if v.choice == pair.label else 0.5 * (v.choice == "tie") for v in pair.votes)
    return {
        "id": pair.id,
        "key": pair.content_key,
        "label": pair.label,
        "group": pair.context_key if pair.context else pair.id,
        "length_gap": lengths[best] - max(n for place, n in enumerate(lengths) if place != best),
        "first": best == 0,
        "known": None if checked is None else 0.5 if checked == "tie" else float(checked == pair.label),
        "majority": majority_share(right, len(pair.votes)),
    }


def read_scores(path: Path) -> tuple[tuple[str, ...], dict[str, tuple[str | None, list[float]]]]:
    """Score differences of others: Parquet with ``id`` and a numeric column (or ``margin/NAME``) a model.

    Returns:
        Names of the models; by pair id the content key of the pair as it was scored (``None`` where the table has no
        ``key``), and its score differences.

    Raises:
        InputError: The file is no such table.
    """
    from rightly.preferences.strength_table import score_columns

    columns, models = score_columns(path)
    import pyarrow.parquet as pq

    found: dict[str, tuple[str | None, list[float]]] = {}
    with pq.ParquetFile(path) as file:
        keyed = ["key"] if "key" in file.schema_arrow.names else []
        for batch in file.iter_batches(columns=["id", *keyed, *columns]):
            ids = batch.column("id").to_pylist()
            keys = batch.column("key").to_pylist() if keyed else [None] * len(ids)
            values = [batch.column(name).to_pylist() for name in columns]
            for row, (name, key) in enumerate(zip(ids, keys, strict=True)):
                found[str(name)] = key, [float("nan") if v[row] is None else float(v[row]) for v in values]
    return models, found
