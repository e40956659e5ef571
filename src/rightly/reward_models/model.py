"""A scalar reward model: a Hugging Face sequence classifier, its tokeniser, and the contract between them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from rightly.errors import InputError, PairError, about_pair
from rightly.reward_models.checkpoint import (
    Precision,
    load_tokenizer,
    load_weights,
    read_config,
    refuse_random,
    tell_random,
)
from rightly.reward_models.contract import (
    Encoded,
    TokenContract,
    contract_for,
    encode_responses,
    encode_text,
    read_contract,
)
from rightly.reward_models.fast import install as fast_path
from rightly.reward_models.fast.attention import Kernel
from rightly.reward_models.fast.batches import Batch, plan_batches, to_device
from rightly.reward_models.fast.packing import TokenGroup, first_places, group_sequences
from rightly.reward_models.model_parts import pools_last_token
from rightly.reward_models.padding import fit_embedding, pad_with
from rightly.reward_models.portable import make_portable
from rightly.types import Message, PreferencePair

DEFAULT_LENGTH = 4096
TOKENS_PER_BATCH = 8192
WINDOW = 256
"""Pairs that are planned together."""


Prompt = str | Sequence[Message | Mapping[str, str]]
"""A user's text, or the messages of a conversation."""


class Scored(NamedTuple):
    """The rewards of one pair's responses.

    Attributes:
        pair: What was scored.
        rewards: One a response, in their order.
        tokens: Tokens of every sequence as scored.
        truncated: Tokens of every sequence that did not fit.
        same_as: For every response the place of the first one with the same tokens, its own where no earlier one has
            them.
    """

    pair: PreferencePair
    rewards: tuple[float, ...]
    tokens: tuple[int, ...]
    truncated: tuple[int, ...]
    same_as: tuple[int, ...]

    @property
    def no_difference(self) -> bool:
        """Whether all responses are the same tokens: identical, or identical up to the maximum length."""
        return not any(self.same_as)


class RewardModel:
    """Scores responses.

    Attributes:
        model: The transformers model; its forward takes packed and padded batches (`rightly.reward_models.fast.install`).
        tokenizer: Its tokeniser.
        contract: How text becomes tokens.
        name: What it was loaded from.
        fresh: Names of weights that are random, since the checkpoint lacks them: a new head, sometimes a pooling layer.
        unpacked: Why batches are padded; ``None`` where they are packed.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        contract: TokenContract,
        *,
        name: str = "",
        packed: bool = True,
        kernel: Kernel | None = None,
        fresh: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.contract = contract
        self.name = name
        self.fresh = tuple(fresh)
        self.unpacked = fast_path.install(model, packed=packed, kernel=kernel)

    @classmethod
    def load(
        cls,
        name: str | Path,
        *,
        dtype: Precision = "auto",
        device: str | torch.device | None = None,
        new_head: bool = False,
        max_length: int | None = None,
        revision: str | None = None,
        packed: bool = True,
        kernel: Kernel | None = None,
        trust_remote_code: bool = False,
        quantization_config: object | None = None,
    ) -> "RewardModel":
        """Load a checkpoint: a folder or a hub id, of weights or of a LoRA adapter (merged into its base).

        Args:
            name: Folder or hub id.
            dtype: Precision of the body; a linear head always computes in float32.
            device: Where to; by default the accelerator if there is one.
            new_head: Whether a model without a trained reward head is welcome (to be trained).
            max_length: Tokens of a sequence, instead of the contract's.
            revision: Branch, tag or commit on the hub.
            packed: Whether responses to one prompt may share its computation.
            kernel: How packed attention is computed.
            trust_remote_code: Run the checkpoint's own code.
            quantization_config: Handed to transformers (QLoRA).

        Raises:
            InputError: There is no such checkpoint, it has several labels, or its head is random.
        """
        from rightly.reward_models.lora import adapter_base, merge_adapter

        common = {"revision": revision, "trust_remote_code": trust_remote_code}
        base = adapter_base(str(name), revision)
        source = str(name) if base is None else base
        config = read_config(source, common)
        tokenizer = load_tokenizer(str(name), source, common)
        options = {**common, "quantization_config": quantization_config}
        model, fresh = load_weights(source, config, tokenizer, dtype, options)
        if base is not None:
            fit_embedding(model, tokenizer)
            model, fresh = merge_adapter(model, str(name), revision, fresh=fresh), ()
        if new_head:
            tell_random(str(name), model, fresh)
        else:
            refuse_random(str(name), model, fresh)
        contract = _contract(name, model, tokenizer, max_length, trained=not fresh, new_head=new_head)
        model.to(device or default_device()).eval()  # type: ignore[arg-type]
        return cls(model, tokenizer, contract, name=str(name), packed=packed, kernel=kernel, fresh=fresh)

    def compile(self) -> None:
        """Compile the layers; pays from some hundred batches on a CPU."""
        fast_path.compile_layers(self.model)

    def encode(
        self, context: tuple[Message, ...], responses: Sequence[str], *, truncate_together: bool = False
    ) -> list[Encoded]:
        """Token ids of a conversation with each of its responses; `rightly.reward_models.contract.encode_responses`."""
        return encode_responses(self.tokenizer, self.contract, context, responses, truncate_together=truncate_together)

    def encode_text(self, text: str, prompt: str = "") -> Encoded:
        """Token ids of a rendered text; `rightly.reward_models.contract.encode_text`."""
        return encode_text(self.tokenizer, self.contract, text, prompt)

    @property
    def pad_id(self) -> int:
        """The id that fills padded batches."""
        return self.tokenizer.pad_token_id or 0  # type: ignore[return-value]

    @torch.inference_mode()
    def batch_rewards(self, batch: Batch) -> Tensor:
        """The rewards of a batch.

        Returns:
            ``(N,)`` float32 on the CPU, in the order of the batch.
        """
        return self.model(**to_device(batch, self.model.device)).logits[:, 0].float().cpu()

    def rewards(self, prompt: Prompt, responses: Sequence[str]) -> list[float]:
        """The rewards of responses to one prompt, in their order.

        Args:
            prompt: A user's text, or the messages of a conversation, oldest first (`Message`, or ``role`` and ``content``).
            responses: One or more; they share the computation of the prompt.

        Raises:
            InputError: The prompt cannot be rendered (its template refuses it).
        """
        if not responses:
            return []
        context = (
            (Message(role="user", content=prompt),)
            if isinstance(prompt, str)
            else tuple(
                message if isinstance(message, Message) else Message.model_validate(dict(message)) for message in prompt
            )
        )
        twice = list(responses) if len(responses) > 1 else [*responses, *responses]
        (scored,) = self.score([PreferencePair(id="rewards", context=context, responses=tuple(twice))])
        return list(scored.rewards[: len(responses)])

    def score(self, pairs: Iterable[PreferencePair], *, tokens_per_batch: int = TOKENS_PER_BATCH) -> Iterator[Scored]:
        """Score the responses of pairs; results come in the order of the pairs.

        Pairs near each other that share a context are computed together, and equal token sequences once: responses that
        are the same tokens to the model have exactly the same reward.

        Args:
            pairs: Any number, streamed.
            tokens_per_batch: Tokens computed in one pass; bounds the memory.

        Raises:
            PairError: A pair cannot be rendered (its template refuses it), or its reward is not finite.
        """
        for window in windows(pairs):
            yield from self._score(window, tokens_per_batch)

    def _score(self, pairs: list[PreferencePair], budget: int) -> Iterator[Scored]:
        wanted: dict[str, dict[str, int]] = {}  # the responses of a context, with their numbers
        contexts: dict[str, tuple[Message, ...]] = {}
        for pair in pairs:
            contexts[pair.context_key] = pair.context
            numbers = wanted.setdefault(pair.context_key, {})
            for response in pair.responses:
                numbers.setdefault(response, len(numbers))
        try:
            encoded = {key: self.encode(contexts[key], list(numbers)) for key, numbers in wanted.items()}
        except InputError:
            for pair in pairs:
                with about_pair(pair.id, pair.content_key):
                    self.encode(pair.context, pair.responses)
            raise
        groups = [group_sequences([each.ids for each in found]) for found in encoded.values()]
        rewards = dict(zip(encoded, self.score_groups(groups, budget), strict=True))
        for pair in pairs:
            numbers = [wanted[pair.context_key][response] for response in pair.responses]
            own = tuple(rewards[pair.context_key][number] for number in numbers)
            self._require_finite(pair, own)
            found = [encoded[pair.context_key][number] for number in numbers]
            yield Scored(
                pair,
                own,
                tuple(len(each.ids) for each in found),
                tuple(each.truncated for each in found),
                first_places([each.ids for each in found]),
            )

    def _require_finite(self, pair: PreferencePair, rewards: Sequence[float]) -> None:
        for number, reward in enumerate(rewards, start=1):
            if not math.isfinite(reward):
                raise PairError(
                    pair.id,
                    pair.content_key,
                    f"{self.name} gives response {number} the reward {reward}",
                    fix=f"see `rightly doctor {self.name}`",
                )

    def score_groups(
        self, groups: Sequence[TokenGroup], tokens_per_batch: int, *, packed: bool | None = None
    ) -> list[list[float]]:
        """The rewards of every group's branches, packed where the model can be unless ``packed`` says otherwise."""
        packed = self.unpacked is None if packed is None else packed
        rewards = [[0.0] * len(group.branches) for group in groups]
        for answered, batch in plan_batches(groups, tokens_per_batch, packed=packed, pad_id=self.pad_id):
            for slots, reward in zip(answered, self.batch_rewards(batch).tolist(), strict=True):
                for group, branch in slots:
                    rewards[group][branch] = reward
        return rewards

    def save(self, folder: str | Path) -> None:
        """Write a plain Hugging Face folder: weights, tokeniser, template, contract.

        Tokeniser and configuration are made to say what the contract says; `rightly.reward_models.portable`.

        Raises:
            InputError: The folder holds an adapter.
        """
        from rightly.reward_models.lora import refuse_beside_adapter

        folder = Path(folder)
        refuse_beside_adapter(folder)
        self.contract = make_portable(self.model, self.tokenizer, self.contract)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.contract.write(folder)


def windows(pairs: Iterable[PreferencePair]) -> Iterator[list[PreferencePair]]:
    """Pairs by `WINDOW`, streamed."""
    stream = iter(pairs)
    while window := list(islice(stream, WINDOW)):
        yield window


def default_device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def _contract(
    name: str | Path,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    max_length: int | None,
    *,
    trained: bool,
    new_head: bool,
) -> TokenContract:
    contract = read_contract(Path(name))
    if contract is None:
        longest = getattr(model.config.get_text_config(), "max_position_embeddings", None) or DEFAULT_LENGTH
        length, rows = min(max_length or DEFAULT_LENGTH, longest), len(model.get_input_embeddings().weight)  # type: ignore[arg-type]
        decoder = pools_last_token(model)
        contract = contract_for(tokenizer, decoder=decoder, max_length=length, trained=trained, rows=rows)
    elif max_length is not None:
        contract = contract.model_copy(update={"max_length": max_length})
    tokenizer.padding_side = "right"
    if new_head:
        return make_portable(model, tokenizer, contract)
    if contract.pad_token is not None:
        pad_with(model, tokenizer, contract.pad_token)
    return contract
