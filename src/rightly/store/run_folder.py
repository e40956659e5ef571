"""A run folder: the run's identity, records and summaries. No finished work is lost and no other file is touched."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rightly.errors import InputError
from rightly.store.files import aside, atomic_write, require_other
from rightly.store.records import RecordFile
from rightly.types import Frozen, Record

R = TypeVar("R", bound=Record)

HEADER = "run.json"
"""Name of the file that identifies a folder as a Rightly run and lists the names that the run owns."""
SETTINGS = "settings.json"
_FORMAT = 2


class RunFolder:
    """A folder that holds one run.

    The run's identity is stored with its first record or summary, so a command that fails before that does not block the
    folder for the corrected command.

    Args:
        path: The folder; created if missing.
        identity: Identity of the run, as JSON. A folder that holds a run with another identity is refused.
        owns: Exact names of the files and folders that a run of this kind writes, in addition to `HEADER` and `SETTINGS`.
        ledger: Names that the run may write before its first record and shares with earlier attempts: the spending book.
        inputs: Inputs of the command: paths, hub ids and the like. None of them may be among ``owns``.
        fresh: Whether to move an earlier run's files into a subfolder ``earlier-N`` first.

    Attributes:
        settings: Settings of this command; non-empty settings are written to `SETTINGS` with its first record or summary.

    Raises:
        InputError: The folder holds another run, or files with our names that no Rightly run made, or an input is among the
            outputs.
    """

    def __init__(
        self,
        path: Path,
        identity: dict[str, Any],
        *,
        owns: Sequence[str],
        ledger: Sequence[str] = (),
        inputs: Iterable[str | Path] = (),
        fresh: bool = False,
    ) -> None:
        self.path, self._owns, self._begun = path, (*owns, *ledger, SETTINGS), False
        self.settings: dict[str, Any] | None = None
        self._identity = json.loads(json.dumps(identity))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot create the folder ({error.strerror})"
            raise InputError(problem, where=str(path), fix="choose another --out") from error
        _require_outside(path, (*self._owns, HEADER), inputs)
        header = _read_header(path)
        if header is None:
            _require_free(path, (*owns, SETTINGS, HEADER))
        elif fresh:
            _move_aside(path, {*self._owns, *header["owns"], HEADER})
        else:
            _require_same(self._identity, header["identity"], path)

    def begin(self) -> None:
        """Store the run's identity before its first record; repeated calls have no effect."""
        if self._begun:
            return
        self._begun = True
        self._replace(HEADER, {"rightly": _FORMAT, "owns": sorted(self._owns), "identity": self._identity})
        if self.settings is not None:
            self._replace(SETTINGS, self.settings)

    def records(self, name: str, model: type[R]) -> RecordFile[R]:
        """Open the record file ``name.jsonl``."""
        return RecordFile(self._own(f"{name}.jsonl"), model, before_first=self.begin)

    def write(self, name: str, content: Frozen | dict[str, Any]) -> Path:
        """Write a JSON file atomically: a reader sees the old file or the new one."""
        self._own(name)
        self.begin()
        return self._replace(name, content)

    def write_lines(self, name: str, rows: Iterable[Frozen]) -> Path:
        """Write a JSON Lines file atomically."""
        target = self._own(name)
        self.begin()
        with atomic_write(target) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(f"{row.model_dump_json()}\n" for row in rows)
        return target

    def _own(self, name: str) -> Path:
        if name not in self._owns:
            raise ValueError(f"{name} is not among the names that this run owns: {', '.join(self._owns)}")
        return self.path / name

    def _replace(self, name: str, content: Frozen | dict[str, Any]) -> Path:
        data = content.model_dump(mode="json") if isinstance(content, Frozen) else content
        target = self.path / name
        with atomic_write(target) as partial:
            text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
            partial.write_text(f"{text}\n", encoding="utf-8")
        return target


def read_identity(path: Path) -> dict[str, Any] | None:
    """Identity of the run in a folder; ``None`` if the folder holds no Rightly run."""
    header = _read_header(path)
    return None if header is None else header["identity"]


def _read_header(path: Path) -> dict[str, Any] | None:
    try:
        header = json.loads((path / HEADER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(header, dict) and header.get("rightly") == _FORMAT and {"owns", "identity"} <= header.keys()
    return header if ours else None


def _require_outside(path: Path, owns: Sequence[str], inputs: Iterable[str | Path]) -> None:
    given = list(inputs)
    for name in owns:
        require_other(path / name, given)


def _require_free(path: Path, owns: Sequence[str]) -> None:
    found = next((name for name in owns if (path / name).exists()), None)
    if found is not None:
        raise InputError(
            f"holds {found!r}, which would be overwritten and was not made by a run of this version of Rightly",
            where=str(path),
            fix="choose another --out",
        )


def _move_aside(path: Path, names: set[str]) -> None:
    found = sorted(name for name in names if (path / name).exists())
    if found:
        target = aside(path)
        for name in found:
            os.replace(path / name, target / name)


def _require_same(identity: dict[str, Any], stored: dict[str, Any], path: Path) -> None:
    changed = sorted(k for k in identity.keys() | stored.keys() if identity.get(k) != stored.get(k))
    if changed:
        first = changed[0]
        raise InputError(
            f"the folder holds another run: {first} was {stored.get(first)!r} and is now {identity.get(first)!r}",
            where=str(path),
            fix="choose another --out, or start over with --fresh",
        )
