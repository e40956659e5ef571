"""What a reward model reads: template, final token, padding, length. Stored beside the weights, obeyed everywhere.

Most wrong scores of reward models come from here: a pad token that is also the end token, a final token that training
had and serving has not, a second start token. The contract says once what the model was trained on.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rightly.errors import InputError
from rightly.reward_models.padding import choose_pad_token
from rightly.types import Frozen, Message

Tokenizer = Any
"""A transformers tokeniser; what its methods accept is wider than their annotations."""

FILE = "reward_contract.json"

_TRUNCATING = threading.Lock()
"""Held while an encoder's text is tokenised: a fast tokeniser keeps its truncation as state that its threads share."""

TRANSCRIPT = (
    "{{ bos_token if bos_token else '' }}{% for message in messages %}{{ '\\n\\n' + {'user': 'Human', 'assistant': "
    "'Assistant', 'system': 'System', 'tool': 'Tool'}[message['role']] + ': ' + message['content'] }}{% endfor %}"
    "{{ '\\n\\nAssistant:' if add_generation_prompt else '' }}"
)
"""For tokenisers without a template: the transcript form of HH-RLHF (Bai et al., 2022)."""

_MARK = "rightly"
"""A response to look behind."""


class TokenContract(Frozen):
    """How text becomes the tokens that are scored.

    Attributes:
        form: ``"chat"``: the tokeniser's chat template over the whole conversation; ``"pair"``: the tokeniser's own
            pair of segments, conversation and response (encoders).
        final_token: The token that ends every sequence and is pooled; ``None``: all that the form renders, to its end.
        max_length: Tokens of a sequence; the prompt is cut from its left, then the response from its right.
        pad_token: What fills padded batches; never the final token.
    """

    form: Literal["chat", "pair"]
    final_token: str | None
    max_length: int
    pad_token: str | None

    def write(self, folder: Path) -> None:
        """Store the contract with a checkpoint."""
        (folder / FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


class Encoded(NamedTuple):
    """Token ids of one response with its prompt, and how many were cut."""

    ids: tuple[int, ...]
    response_tokens: int
    truncated: int


def contract_for(
    tokenizer: Tokenizer, *, decoder: bool, max_length: int, trained: bool, rows: int | None = None
) -> TokenContract:
    """The contract of a model that has none; gives the tokeniser a template and a pad token where it lacks them.

    Args:
        tokenizer: The model's.
        decoder: Whether the reward is read off the last token.
        max_length: Tokens of a sequence.
        trained: Whether the head was trained elsewhere. Such a model is scored as model cards score it, on all that its
            template renders, often a line break behind the end of turn. A new head gets a contract that ends with the
            special token that the template sets behind a response, else with the end token.
        rows: Rows of the embedding, where the pad token must have one.
    """
    if not decoder:
        return TokenContract(form="pair", final_token=None, max_length=max_length, pad_token=_text(tokenizer.pad_token))
    whole = trained and bool(tokenizer.chat_template)
    if not tokenizer.chat_template:
        tokenizer.chat_template = TRANSCRIPT
    final = _final_token(tokenizer, trained=trained)
    read = TokenContract(form="chat", final_token=None if whole else final, max_length=max_length, pad_token=None)
    pad = choose_pad_token(tokenizer, (final, last_token(tokenizer, read)), rows)
    if pad is not None:
        tokenizer.pad_token = pad
    return read.model_copy(update={"pad_token": pad})


def read_contract(folder: Path) -> TokenContract | None:
    """The contract stored with a checkpoint, if any.

    Raises:
        InputError: The file is no contract.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return TokenContract.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"is no reward contract: {str(error).splitlines()[0]}", where=str(path)) from None


def encode_responses(
    tokenizer: Tokenizer,
    contract: TokenContract,
    context: tuple[Message, ...],
    responses: Sequence[str],
    *,
    truncate_together: bool = False,
) -> list[Encoded]:
    """Token ids of a conversation with each of its responses, within the contract's length.

    Args:
        tokenizer: The model's.
        contract: The model's.
        context: The conversation.
        responses: What is to be scored behind it.
        truncate_together: Cut the prompt for all responses as much as the longest needs, so that they are compared on the same
            prompt and can share it; otherwise each keeps what fits, whatever stands beside it.

    Raises:
        InputError: The template refuses the conversation, or nothing is rendered of a response.
    """
    if contract.form == "pair":
        with _TRUNCATING:
            return [_encode_segments(tokenizer, contract, context, response) for response in responses]
    prompt = _render(tokenizer, context, add_generation_prompt=True) if context else ""
    texts = [prompt, *(_conversation(tokenizer, contract, context, response, prompt) for response in responses)]
    prompt_ids, *sequences = tokenizer(texts, add_special_tokens=False)["input_ids"]
    if not all(sequences):
        number = 1 + next(place for place, ids in enumerate(sequences) if not ids)
        raise InputError(
            f"text {number}: 0 tokens, since the template renders nothing of it", fix="leave empty texts out"
        )
    longest = max(map(len, sequences)) if truncate_together else 0
    return [
        _within(tokenizer, contract.max_length, ids, max(len(ids) - len(prompt_ids), 1), max(len(ids), longest))
        for ids in sequences
    ]


def encode_text(tokenizer: Tokenizer, contract: TokenContract, text: str, prompt: str = "") -> Encoded:
    """Token ids of a whole text that the chat template has rendered already, as servers are sent it.

    The final token is added where it is missing, no start token is: what the template renders has its own.

    Args:
        tokenizer: The model's.
        contract: The model's.
        text: Conversation and response.
        prompt: What of the text is not the response, where that is known: a text that is too long loses of it first.
    """
    if contract.form == "pair":
        with _TRUNCATING:
            ids = tokenizer(text, truncation=True, max_length=contract.max_length)["input_ids"]
        return Encoded(tuple(ids), len(ids), 0)
    final = contract.final_token
    if final is not None and not text.rstrip().endswith(final):
        text += final
    elif final is not None:
        text = text.rstrip()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    before = (
        tokenizer(prompt, add_special_tokens=False)["input_ids"] if text.startswith(prompt) and prompt else ids[:-1]
    )
    return _within(tokenizer, contract.max_length, ids, max(len(ids) - len(before), 1), len(ids))


def _conversation(
    tokenizer: Tokenizer,
    contract: TokenContract,
    context: tuple[Message, ...],
    response: str,
    prompt: str,
) -> str:
    """The rendered conversation up to its final token, which is added where the template has none."""
    text = _render(tokenizer, (*context, Message(role="assistant", content=response)), add_generation_prompt=False)
    if contract.final_token is None:
        return text
    head, found, tail = text.rpartition(contract.final_token)
    closed = found and not tail.strip() and len(head) >= len(prompt.rstrip())
    return (head if closed else text) + contract.final_token


def _within(tokenizer: Tokenizer, limit: int, ids: list[int], response: int, longest: int) -> Encoded:
    """Cut the prompt from the left behind a start token; then the response from the right before its last token."""
    excess = longest - limit
    if excess <= 0:
        return Encoded(tuple(ids), response, 0)
    start = 1 if ids[0] == tokenizer.bos_token_id else 0
    from_prompt = min(excess, max(len(ids) - response - start, 0))
    kept = ids[:start] + ids[start + from_prompt :]
    if len(kept) > limit:
        kept = [*kept[: limit - 1], kept[-1]]
    return Encoded(tuple(kept), min(response, limit), len(ids) - len(kept))


def _encode_segments(
    tokenizer: Tokenizer, contract: TokenContract, context: tuple[Message, ...], response: str
) -> Encoded:
    before = "\n\n".join(message.content for message in context)
    first = tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
    second = tokenizer(response, add_special_tokens=False)["input_ids"]
    special = tokenizer.num_special_tokens_to_add(pair=bool(first))
    excess = max(len(first) + len(second) + special - contract.max_length, 0)
    first = first[min(excess, len(first)) :]
    second = second[: max(contract.max_length - special - len(first), 0)]
    texts = [tokenizer.decode(first), tokenizer.decode(second)] if excess else [before, response]
    segments = texts if before else texts[1:]
    encoded = tokenizer(*segments, truncation=True, max_length=contract.max_length)["input_ids"]
    return Encoded(tuple(encoded), len(second), excess)


def _render(tokenizer: Tokenizer, messages: tuple[Message, ...], *, add_generation_prompt: bool) -> str:
    from jinja2 import TemplateError

    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt))
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        told = " ".join(str(error).split())
        raise InputError(
            f"the chat template of {tokenizer.name_or_path} refuses a conversation of {roles} ({told})",
            fix="change these turns or leave the row out",
        ) from None


def rendered_ending(tokenizer: Tokenizer) -> str:
    """What the chat template sets behind a response."""
    asked = Message(role="user", content="?")
    told = _render(tokenizer, (asked, Message(role="assistant", content=_MARK)), add_generation_prompt=False)
    return told.rpartition(_MARK)[2]


def last_token(tokenizer: Tokenizer, contract: TokenContract) -> str:
    """The token that ends a text; where nothing is set behind a response, that of its last word."""
    (encoded,) = encode_responses(tokenizer, contract, (Message(role="user", content="?"),), [_MARK])
    return str(tokenizer.convert_ids_to_tokens(encoded.ids[-1]))


def _final_token(tokenizer: Tokenizer, *, trained: bool) -> str | None:
    """The special token that the template ends with, else the first one behind a response, else the end token."""
    tail = rendered_ending(tokenizer)
    special = [str(token) for token in (*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()) if str(token)]
    closing = [token for token in special if tail.rstrip().endswith(token)]
    if closing:
        return max(closing, key=len)
    behind = [(tail.index(token), -len(token), token) for token in special if token in tail]
    if behind:
        return min(behind)[2]
    spare = () if trained else (tokenizer.sep_token, tokenizer.bos_token)
    return _text(next((token for token in (tokenizer.eos_token, *spare) if token), None))


def _text(token: object) -> str | None:
    return None if token is None else str(token)
