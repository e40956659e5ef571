"""Where the pairs of a job come from: a file, a hub id, a sample, or objects in memory; as a field of a configuration."""

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
    """A source as settings, keys and pages name it: the file or address; of pairs in memory how many, and their content."""
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
