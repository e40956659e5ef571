"""Identity of a reward model, computed without loading it."""

from pathlib import Path

from rightly.store.fingerprint import fingerprint, model_fingerprint


def reward_model_fingerprint(
    name: str | Path, *, dtype: str = "auto", max_length: int | None = None, revision: str | None = None
) -> str:
    """Digest of everything that can change a reward.

    It covers the files of the checkpoint (weights, tokenizer, template, contract), those of an adapter's base, the precision
    and the length. Packing and device change rewards only by rounding and are not part of it.

    Args:
        name: Folder or hub id of the checkpoint.
        dtype: Precision of the body.
        max_length: Maximum number of tokens of a sequence, instead of the contract's.
        revision: Branch, tag or commit on the hub.

    Raises:
        InputError: The checkpoint does not exist.
    """
    return fingerprint("reward model", model=model_fingerprint(name, revision), dtype=dtype, max_length=max_length)
