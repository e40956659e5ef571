"""The ways in which software computes rewards from a checkpoint; for a correct checkpoint they all agree."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification

from rightly.reward_models.checkpoint import without_loading_report
from rightly.reward_models.contract import Tokenizer
from rightly.reward_models.padding import fit_embedding
from rightly.types import Message

USUAL = "template to text, text to tokens"
LEFT = "padded left"
SHIFTED = "padded left, positions counted from the first token"


class ScoringPath(NamedTuple):
    """One way of scoring the probes.

    Attributes:
        name: Description of the path.
        rewards: One reward per sequence; ``None`` after a failure.
        failure: Reason of a failure; empty without one.
    """

    name: str
    rewards: tuple[float, ...] | None
    failure: str | None = None


def attempt(name: str, compute: Callable[[], Sequence[float]]) -> ScoringPath:
    """Run a scoring path and record any failure, since foreign checkpoints can fail in any way."""
    try:
        return ScoringPath(name, tuple(float(reward) for reward in compute()))
    except Exception as error:  # noqa: BLE001 - the failure is the finding
        return _failed(name, error)


def _failed(name: str, error: Exception) -> ScoringPath:
    lines = str(error).strip().splitlines()
    return ScoringPath(name, None, f"{type(error).__name__}: {lines[0] if lines else 'no message'}")


def plain_model(
    name: str,
    base: str | None,
    tokenizer: Tokenizer,
    dtype: torch.dtype,
    *,
    revision: str | None,
    trust_remote_code: bool,
) -> Any:
    """Load the checkpoint with transformers alone, with its own configuration; an adapter with PEFT.

    Args:
        name: Folder or hub id of the checkpoint.
        base: Base of an adapter, whose configuration is used, since the adapter's folder has none.
        tokenizer: Tokeniser for whose tokens PEFT extends the embedding.
        dtype: Precision of the body.
        revision: Revision on the hub.
        trust_remote_code: Whether to run code from the checkpoint.
    """
    with without_loading_report():
        model = AutoModelForSequenceClassification.from_pretrained(
            base or name, dtype=dtype, num_labels=1, revision=revision, trust_remote_code=trust_remote_code
        )
    if base is not None:
        from rightly.reward_models.lora import attach_adapter

        fit_embedding(model, tokenizer)
        model = attach_adapter(model, name, revision)
    return model.eval()


def plain_paths(
    label: str,
    load: Callable[[], Any],
    tokenizer: Tokenizer,
    sequences: Sequence[Sequence[int]],
    *,
    chat: bool,
) -> Iterator[ScoringPath]:
    """Score with transformers alone, on the same tokens and on the tokens that most scripts produce.

    Args:
        label: First part of the paths' names.
        load: Function that loads the model.
        tokenizer: Tokeniser as stored; its pad token fills batches.
        sequences: Token ids of the probes.
        chat: Whether the model reads text rendered by a chat template.
    """
    try:
        model = load()
    except Exception as error:  # noqa: BLE001 - the loading error is the finding
        yield _failed(label, error)
        return
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    score = partial(through_transformers, model, pad_id=pad)
    yield attempt(f"{label}, batches of 1", lambda: score(sequences, batch=1))
    yield attempt(f"{label}, batches of 16 padded right", lambda: score(sequences, batch=16))
    yield attempt(f"{label}, batches of 16 {LEFT}", lambda: score(sequences, batch=16, side="left"))
    yield attempt(f"{label}, batches of 16 {SHIFTED}", lambda: score(sequences, batch=16, side="left", shift=True))
    if chat and tokenizer.chat_template:
        usual = [template_then_tokenise(tokenizer, turns) for turns in probe_turns()]
        yield attempt(USUAL, lambda: score(usual, batch=1))


@torch.inference_mode()
def through_transformers(
    model: Any, sequences: Sequence[Sequence[int]], pad_id: int, *, batch: int, side: str = "right", shift: bool = False
) -> list[float]:
    """Score with the classifier's own forward, which pools the last token that is not the configuration's pad token.

    Args:
        model: The classifier.
        sequences: Token ids of the sequences.
        pad_id: Token id that fills batches.
        batch: Number of sequences in one forward pass.
        side: Padding side.
        shift: Whether to count positions from the first token that is not padding.
    """
    rewards: list[float] = []
    for start in range(0, len(sequences), batch):
        rows = sequences[start : start + batch]
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), pad_id)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(rows):
            place = slice(longest - len(sequence), None) if side == "left" else slice(0, len(sequence))
            ids[row, place] = torch.tensor(sequence)
            mask[row, place] = 1
        places = {"position_ids": (mask.cumsum(1) - 1).clamp_min(0).to(model.device)} if shift else {}
        out = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), **places)
        rewards += out.logits[:, 0].float().tolist()
    return rewards


def template_then_tokenise(tokenizer: Tokenizer, turns: list[dict[str, str]]) -> list[int]:
    """The token ids that most scripts produce: render the template to text, then tokenise it."""
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    return tokenizer(text)["input_ids"]


def probe_turns() -> Iterator[list[dict[str, str]]]:
    """The probes as chat messages, one conversation for each response."""
    for context, responses in PROBES:
        for response in responses:
            yield [m.model_dump() for m in (*context, Message(role="assistant", content=response))]


def _asked(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


PROBES: tuple[tuple[tuple[Message, ...], tuple[str, str]], ...] = (
    (
        _asked("How do I boil an egg?"),
        ("Put it into boiling water for eight minutes, then under cold water.", "You can look that up."),
    ),
    (
        _asked("What is the capital of Australia?"),
        ("Canberra.", "The capital of Australia is Sydney, its largest city."),
    ),
    (
        (
            *_asked("My sister will not talk to me any more. What can I do?"),
            Message(role="assistant", content="I am sorry. Do you know what made her stop?"),
            Message(role="user", content="I forgot her birthday."),
        ),
        (
            "Write to her that you are sorry and that you would like to make up for it; then give her time. A card with "
            "a few honest lines often does more than a long talk.",
            "Birthdays do not matter.",
        ),
    ),
    (
        _asked("Write a Python function that reverses a list without changing it."),
        ("def reverse(items):\n    return items[::-1]", "def reverse(items):\n    items.reverse()"),
    ),
)
"""Short probes of different lengths, with two responses each, the better one first."""
