"""Read Parquet row by row, with one batch in memory at a time; needs the extra ``data``."""

from collections.abc import Iterator
from pathlib import Path

from rightly.data.fields import Row
from rightly.errors import InputError, MissingExtraError

_BATCH = 1024


def read_parquet(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a Parquet file, each with its number (from 1).

    Raises:
        MissingExtraError: pyarrow is not installed.
        InputError: The file is not Parquet or is damaged.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtraError("reading Parquet", "data") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"cannot be read as Parquet ({reason})", where=f"{name}:{number + 1}", fix="download it again"
        ) from None
