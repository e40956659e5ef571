"""Fingerprints: short, stable digests of the content that a number is computed from. Names and paths are for display.

Everything that can change a number has one: a file, a model (weights, tokenizer, template, configuration), a recipe with its
data. Keys of caches and records are built from them, so a record with other inputs is never mistaken for this one.
"""

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rightly.errors import InputError

WHOLE = 64 << 20
"""Size in bytes up to which model files are read completely."""
BLOCK = 4096
"""Size of a sampled block, in bytes."""
_SAMPLES = 512
_THREADS = 16
_READ = {".safetensors", ".bin", ".gguf", ".json", ".jinja", ".txt", ".model", ".tiktoken", ".spm", ".vocab", ".py"}
"""File types that a model is loaded from; other files (notes, logs, optimiser states) do not change its identity."""
_NOT_READ = {
    "training_args.bin",
    "trainer_state.json",
    "trainer_log.json",
    "training_summary.json",
    "recipe.json",
    "run.json",
}


def fingerprint(kind: str, **parts: Any) -> str:
    """A 128-bit digest (32 hexadecimal digits) of an object's content.

    Args:
        kind: Kind of the object; two kinds never share a fingerprint.
        parts: Parts of the object: any JSON values, including other fingerprints.
    """
    text = json.dumps([kind, parts], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def file_fingerprint(path: Path) -> str:
    """Digest of a file's complete content.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from error


def model_fingerprint(name: str | Path, revision: str | None = None) -> str:
    """Identity of a model: its files in a folder, or its commit on the hub; an adapter's includes its base's.

    In a folder every file that a model is loaded from counts: weights, configuration, tokenizer, template, code. Files up to
    `WHOLE` are read completely. For larger weights the table of tensors, the size, and the first, middle and last `BLOCK`
    bytes of every tensor are read (tensors up to 8 KiB completely): 16 GB take a fraction of a second, and a new head or a
    changed tensor is detected. A change confined to the unread part of a large tensor is not.

    Args:
        name: Folder, file, or hub id.
        revision: Branch, tag or commit on the hub.

    Raises:
        InputError: No such folder exists, nor such a model on the hub or in its local cache.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return fingerprint("model", files=[[path.name, _large_or_whole(path)]])
    if not path.is_dir():
        return fingerprint("hub model", name=str(name), commit=_hub_commit(str(name), revision))
    files = [(each.relative_to(path).as_posix(), each) for each in _model_files(path)]
    digests = [[relative, _large_or_whole(each)] for relative, each in sorted(files)]
    base = _adapter_base(path)
    return fingerprint("model", files=digests, base=None if base is None else model_fingerprint(base))


def _model_files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [each for each in folders if not each.startswith((".", "checkpoint-", "earlier-"))]
        for name in names:
            if Path(name).suffix in _READ and name not in _NOT_READ and not name.startswith("."):
                yield Path(root) / name


def _adapter_base(folder: Path) -> str | None:
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    base = config.get("base_model_name_or_path")
    return base if isinstance(base, str) and base else None


def _hub_commit(name: str, revision: str | None) -> str:
    """The hub's current commit for this name and revision; the cached one if the hub cannot be reached."""
    try:
        from huggingface_hub import HfApi, constants
        from huggingface_hub.errors import (
            HFValidationError,
            HTTPError,  # pyright: ignore[reportPrivateImportUsage] - from the HTTP client that the hub uses
            OfflineModeIsEnabled,
        )
    except ImportError:
        raise InputError("no such folder", where=name, fix="give a folder of a model") from None
    try:
        return str(HfApi().model_info(name, revision=revision, timeout=10).sha)
    except HFValidationError:
        raise InputError("no such folder", where=name, fix="give a folder or a hub id of a model") from None
    except (HTTPError, OfflineModeIsEnabled, OSError):
        pass
    cached = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    wanted = revision or "main"
    if (cached / "snapshots" / wanted).is_dir():
        return wanted
    try:
        return (cached / "refs" / wanted).read_text(encoding="utf-8").strip()
    except OSError:
        raise InputError("no such folder or model", where=name, fix="give a folder or a hub id of a model") from None


def _large_or_whole(path: Path) -> str:
    size = path.stat().st_size
    if size <= WHOLE:
        return file_fingerprint(path)
    if path.suffix == ".safetensors":
        return _sampled(path, size, _tensor_places(path, size))
    if zipfile.is_zipfile(path):
        return _zip_digest(path, size)
    step = max(size // _SAMPLES, BLOCK)
    return _sampled(path, size, [*range(0, size - BLOCK, step), size - BLOCK])


def _tensor_places(path: Path, size: int) -> list[int]:
    """Positions of the blocks to read in a safetensors file: its table, and the ends and the middle of every tensor."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > size - 8:
            raise InputError("is not a safetensors file", where=str(path))
        table = json.loads(file.read(length))
    start = 8 + length
    places = set(range(0, start, BLOCK))
    for name, tensor in table.items():
        if name != "__metadata__":
            low, high = (start + offset for offset in tensor["data_offsets"])
            places |= {low, low + (high - low) // 2, max(low, high - BLOCK)}
    return sorted(places)


def _zip_digest(path: Path, size: int) -> str:
    """Digest of a torch checkpoint's zip directory, which holds a checksum of every tensor."""
    with zipfile.ZipFile(path) as archive:
        entries = [[each.filename, each.file_size, each.CRC] for each in archive.infolist()]
    return fingerprint("zip", size=size, entries=entries)


def _sampled(path: Path, size: int, places: Iterable[int]) -> str:
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file, ThreadPoolExecutor(_THREADS) as readers:
        # Parallel reads: on a cold disk most time is spent waiting, not hashing.
        for block in readers.map(lambda place: os.pread(file.fileno(), BLOCK, place), places, chunksize=64):
            digest.update(block)
    return digest.hexdigest()
