"""Say how a source of pairs is read, and write it as native JSON lines."""

from collections import Counter
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from rightly.data.inspection import Inspection, inspect_pairs
from rightly.data.labels import labelled, labels_by_content
from rightly.data.load import load_pairs
from rightly.data.source import PairSource, files_of, source_name
from rightly.errors import InputError
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
    labels: Annotated[PairSource | None, Flag(metavar="FILE")] = None
    """Source of labels for pairs without one: the same contexts and responses with labels, for example HelpSteer3."""


def run_check(config: DataCheckConfig) -> Inspection:
    """Read a source to its end and say what was found.

    Raises:
        InputError: The source or the family does not exist.
    """
    return inspect_pairs(config.source, columns=config.columns, limit=config.limit)


class Converted(NamedTuple):
    """Numbers of written pairs: all, and those without a label."""

    pairs: int
    unlabelled: int


def run_convert(config: DataConvertConfig) -> Converted:
    """Write pairs as native JSON lines, which every job reads without guessing.

    Raises:
        InputError: The target exists, a row cannot be read, or no pair got a label from the source of labels; nothing is
            written then.
    """
    require_new(config.out, [*config.files, *files_of([] if config.labels is None else [config.labels])])
    labels = {} if config.labels is None else labels_by_content(load_pairs(config.labels))
    counts: Counter[str] = Counter()
    with atomic_write(config.out) as partial, partial.open("w", encoding="utf-8") as lines:
        for pair in load_pairs(config.pairs, columns=config.columns, limit=config.limit):
            whole = labelled(pair, labels)
            lines.write(whole.model_dump_json(exclude_defaults=True) + "\n")
            counts.update(pairs=1, unlabelled=whole.label is None, joined=whole is not pair)
        if config.labels is not None and not counts["joined"]:
            raise InputError(
                "gave no pair a label: none without a label has its context and its responses",
                where=source_name(config.labels),
                fix="give the data set that the pairs are from",
            )
    return Converted(counts["pairs"], counts["unlabelled"])
