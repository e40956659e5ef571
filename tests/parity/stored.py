"""Reads the reduced copies of published results."""

import gzip
import json
from pathlib import Path


def rows(name):
    """The rows of one file of ``data/``."""
    return [json.loads(line) for line in gzip.open(Path(__file__).parent / "data" / name, "rt", encoding="utf-8")]
