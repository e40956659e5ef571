"""Read the packed files of checks that are shipped with the package; licences are in ``samples/ATTRIBUTION.md``."""

import gzip
import json
from importlib import resources
from typing import Any


def packed_bytes(name: str) -> bytes:
    """Content of the packed file with this name."""
    return resources.files("rightly.matchers").joinpath("samples", f"{name}.jsonl.gz").read_bytes()


def packed_rows(name: str) -> list[dict[str, Any]]:
    """Rows of the packed file with this name."""
    return [json.loads(line) for line in gzip.decompress(packed_bytes(name)).split(b"\n") if line]
