"""Write files safely: completely or not at all, and never over a file that Rightly did not create."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rightly.errors import InputError


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a path that replaces the target once the block ends: a reader sees the old file or the new one."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def require_new(target: Path, inputs: Iterable[str | Path] = (), *, option: str = "--out") -> None:
    """Refuse an output that would overwrite an input or anything else that exists.

    Args:
        target: File or folder that is about to be written.
        inputs: Inputs of the command: paths, hub ids and the like.
        option: Option that named the target, for the error message.

    Raises:
        InputError: The target is an input, or exists.
    """
    require_other(target, inputs, option=option)
    if target.exists():
        raise InputError("already exists", where=str(target), fix=f"choose another {option}, or move it away first")


def require_other(target: Path, inputs: Iterable[str | Path], *, option: str = "--out") -> None:
    """Refuse an output that is one of the inputs.

    Raises:
        InputError: The target is one of the inputs.
    """
    for each in inputs:
        if Path(each).resolve() == target.resolve():
            raise InputError(
                "is read by this command and would be overwritten", where=str(target), fix=f"choose another {option}"
            )


def aside(folder: Path) -> Path:
    """Create a new folder ``earlier-N`` inside a folder, for files moved away before a fresh start."""
    number = 1
    while True:
        target = folder / f"earlier-{number}"
        try:
            target.mkdir()
        except FileExistsError:
            number += 1
        else:
            return target
