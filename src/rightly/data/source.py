"""Source of a job's pairs, as a configuration field: a file, a hub id, a sample, or objects in memory."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from rightly.data.load import load_pairs
from rightly.store.fingerprint import fingerprint
from rightly.types import PreferencePair


def _as_source(value: Any) -> Any:
    if isinstance(value, str | Path):
        return str(value)
    return tuple(load_pairs(value)) if isinstance(value, Iterable) else value


def source_name(source: "str | tuple[PreferencePair, ...]") -> str:
    """Name of a source in settings, keys and pages: the file or address, or number and digest of pairs in memory."""
    if isinstance(source, str):
        return source
    return f"{len(source)} pairs in memory ({fingerprint('pairs', pairs=[pair.model_dump() for pair in source])[:12]})"


def files_of(sources: "Iterable[str | tuple[PreferencePair, ...]]") -> list[str]:
    """The sources that are files or addresses."""
    return [source for source in sources if isinstance(source, str)]


PairSource = Annotated[
    str | tuple[PreferencePair, ...], BeforeValidator(_as_source), PlainSerializer(source_name, return_type=str)
]
"""A path, ``hub:ORG/NAME``, ``sample:NAME``; or pairs, or rows with the columns of a family, in memory."""
