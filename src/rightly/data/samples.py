"""Small samples of public data shipped with the package; licences are in ``samples/ATTRIBUTION.md``."""

import gzip
import json
from pathlib import Path

from rightly.errors import InputError

_FOLDER = Path(__file__).parent / "samples"
SAMPLES = {"ukpconvarg1": "UKPConvArg1", "hh-rlhf": "HH-RLHF", "comve": "ComVE"}
"""Corpus of each sample, by the name after ``sample:``."""


def sample_path(name: str) -> Path:
    """The file of a shipped sample.

    Raises:
        InputError: No sample has this name.
    """
    if name not in SAMPLES:
        raise InputError(f"no sample is named {name!r}", where="sample:", fix=f"use one of: {', '.join(SAMPLES)}")
    return _FOLDER / f"{name}.jsonl.gz"


def confusing_reasons() -> dict[str, tuple[str, ...]]:
    """Two reasons for each pair of ``sample:comve``, by its id, that people wrote to be wrong; no pair contains them."""
    rows = gzip.decompress((_FOLDER / "comve-confusing.jsonl.gz").read_bytes()).splitlines()
    return {row["id"]: tuple(row["reasons"]) for row in map(json.loads, rows)}
