"""The ways in which software gets rewards out of one checkpoint; on a sound one they all agree."""

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
        name: What it is, in words.
        rewards: One a sequence; ``None`` where it failed.
        failure: Why it failed.
    """

    name: str
    rewards: tuple[float, ...] | None
    failure: str | None = None


def attempt(name: str, compute: Callable[[], Sequence[float]]) -> ScoringPath:
    """A way, whatever comes of it: other people's checkpoints break in every manner."""
    try:
        return ScoringPath(name, tuple(float(reward) for reward in compute()))
    except Exception as error:  # noqa: BLE001 - that it broke, and how, is the finding
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
    """The checkpoint as transformers alone loads it, with its own configuration; an adapter as PEFT loads it.

    Args:
        name: Folder or hub id.
        base: The base, where it is an adapter: its configuration counts, the adapter's folder has none.
        tokenizer: Whose tokens PEFT makes room for.
        dtype: Precision of the body.
        revision: On the hub.
        trust_remote_code: Run the checkpoint's own code.
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
    """Transformers without us, on the same tokens and on the tokens that most scripts make.

    Args:
        label: What these ways are called.
        load: Gives the model.
        tokenizer: The tokeniser as it is stored; its pad token fills batches.
        sequences: The probes.
        chat: Whether the model reads what a chat template renders.
    """
    try:
        model = load()
    except Exception as error:  # noqa: BLE001 - that it cannot be loaded without us is the finding
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
    """The classifier's own forward: the last token that is not the configuration's pad token is pooled.

    Args:
        model: The classifier.
        sequences: Token ids.
        pad_id: What fills batches.
        batch: Sequences in one pass.
        side: Where batches are filled.
        shift: Count positions from the first token that is not padding.
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
    """The ids that most scripts make: render the template to text, then call the tokeniser on it."""
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    return tokenizer(text)["input_ids"]


def probe_turns() -> Iterator[list[dict[str, str]]]:
    """The probes as chat messages, a conversation for each response."""
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
"""Short texts of different lengths, two responses each; the better one first."""
