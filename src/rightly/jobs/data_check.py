"""Say how a source of pairs is read, and write it as native JSON lines."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from rightly.data.inspection import Inspection, inspect_pairs
from rightly.data.load import load_pairs
from rightly.jobs.config import Config, Flag, PairsConfig
from rightly.store.files import atomic_write, require_new


class DataCheckConfig(Config):
    """The source to look at."""

    source: Annotated[str, Flag(positional=True)]
    """A file (.jsonl, .json, .csv, each also gzipped, .parquet), a hub id, or sample:NAME."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, if its columns fit several."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Look only at the first N rows."""


class DataConvertConfig(PairsConfig):
    """The pairs to convert, and the file to write."""

    out: Annotated[Path, Flag(metavar="FILE")]
    """Native JSON lines, a new file."""


def run_check(config: DataCheckConfig) -> Inspection:
    """Read a source to its end and say what was found.

    Raises:
        InputError: The source or the family does not exist.
    """
    return inspect_pairs(config.source, columns=config.columns, limit=config.limit)


def run_convert(config: DataConvertConfig) -> int:
    """Write pairs as native JSON lines, which every job reads without guessing; returns their number.

    Raises:
        InputError: The target exists, or a row cannot be read; nothing is written then.
    """
    require_new(config.out, config.files)
    count = 0
    with atomic_write(config.out) as partial, partial.open("w", encoding="utf-8") as lines:
        for pair in load_pairs(config.pairs, columns=config.columns, limit=config.limit):
            lines.write(pair.model_dump_json(exclude_defaults=True) + "\n")
            count += 1
    return count
