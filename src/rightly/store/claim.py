"""Identity of a folder's training run: its recipe and the content that the recipe names, stored before the first step."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from rightly.errors import InputError
from rightly.store.files import atomic_write

M = TypeVar("M", bound=BaseModel)

CLAIM = "recipe.json"
_FORMAT = 2
_WRITTEN = (
    "checkpoint-*", "*.safetensors", "*.bin", "config.json", "adapter_config.json", "tokenizer*", "README.md", CLAIM,
    "training_summary.json", "trainer_log.json", "report.html", "matcher.json", "warmup", "dynamics.jsonl",
)  # fmt: skip
"""Names of the files that a training run writes, including checkpoints and model."""


class DataDigest:
    """Computes the fingerprint of streaming data from every field of every item, in their order."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)

    def watch(self, items: Iterable[M]) -> Iterator[M]:
        """Yield the items unchanged and add them to the fingerprint."""
        for item in items:
            self._digest.update(item.model_dump_json().encode() + b"\n")
            yield item

    def __str__(self) -> str:
        return self._digest.hexdigest()


class Claim:
    """A recipe's claim on its output folder.

    Args:
        folder: Output folder.
        recipe: Recipe as JSON, without its output.
        made_of: Fingerprints of the content that the recipe names: data, base, matcher, ...
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], made_of: dict[str, str]) -> None:
        told = {"rightly": _FORMAT, "recipe": recipe, "made_of": made_of}
        self._folder, self._told = folder, json.loads(json.dumps(told))

    def require(self) -> None:
        """Check that the folder may be trained in: it is new, or its run was started by this recipe on this content.

        Raises:
            InputError: The folder holds a run of another recipe, other data or another base, or files of unknown origin.
        """
        known = self._known()
        if known is None:
            found = next((path.name for name in _WRITTEN for path in sorted(self._folder.glob(name))), None)
            if found is not None:
                raise InputError(
                    f"holds {found!r}, which would be overwritten and was not made by a recipe of this version of Rightly",
                    where=str(self._folder),
                    fix="give another output",
                )
            return
        changed = [f"[{name}]" for name in _differing(known["recipe"], self._told["recipe"])]
        changed += [f"the content of {name}" for name in _differing(known["made_of"], self._told["made_of"])]
        if changed:
            raise InputError(
                f"holds a run of another recipe: {', '.join(changed)} differ",
                where=str(self._folder),
                fix="give another output, or move the folder away",
            )

    def note(self) -> None:
        """Store the identity of the folder's run, once the run is known to be able to start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._folder / CLAIM) as partial:
            partial.write_text(json.dumps(self._told, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def _known(self) -> dict[str, Any] | None:
        try:
            known = json.loads((self._folder / CLAIM).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) and known.get("rightly") == _FORMAT else None


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
