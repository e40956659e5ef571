"""Who a reward model is, told without loading it."""

from pathlib import Path

from rightly.store.fingerprint import fingerprint, model_fingerprint


def reward_model_fingerprint(
    name: str | Path, *, dtype: str = "auto", max_length: int | None = None, revision: str | None = None
) -> str:
    """Digest of everything that can change a reward.

    That is: the files of the checkpoint (weights, tokenizer, template, contract), of its base where it is an adapter, the
    precision and the length. How batches are packed, and on what device, changes rewards by rounding only and is no part of it.

    Args:
        name: Folder or hub id.
        dtype: As in `RewardModel.load`, and so are the others.
        max_length: Tokens of a sequence, instead of the contract's.
        revision: Branch, tag or commit on the hub.

    Raises:
        InputError: There is no such checkpoint.
    """
    return fingerprint("reward model", model=model_fingerprint(name, revision), dtype=dtype, max_length=max_length)
