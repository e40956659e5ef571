"""A local Hugging Face model as generator (``hf:PATH``): no server, batches of what waits."""

from collections.abc import Sequence
from typing import Any

from rightly.errors import InputError, MissingExtraError
from rightly.inference.batching import BatchingGenerator
from rightly.inference.generator import Completion, Request
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.types import Usage, content_key

DEFAULT_MAX_TOKENS = 1024


def transformers_fingerprint(path: str, dtype: str = "auto") -> str:
    """Identity of ``hf:PATH``, told without loading it: what the model is and the precision that it computes in.

    Raises:
        InputError: There is no such model.
    """
    return fingerprint("hf", model=model_fingerprint(path), dtype=dtype, max_tokens=DEFAULT_MAX_TOKENS)


def transformers_generator(
    path: str, *, batch_size: int = 16, device: str = "auto", dtype: str = "auto"
) -> BatchingGenerator:
    """Load a causal language model.

    Decoding is greedy unless a request has a temperature above 0. Sampled answers are seeded by the requests of their
    batch, so they are the same again only when the same requests meet in it.

    Args:
        path: Folder or hub id.
        batch_size: Most requests in one batch; a batch is split where its requests' options differ.
        device: A torch device; ``auto`` takes the accelerator if there is one.
        dtype: ``auto`` keeps the checkpoint's.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: There is no such model.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("hf: models", "train") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    except (OSError, ValueError) as error:
        raise InputError(
            f"hf:{path} cannot be loaded ({str(error).splitlines()[0]})", fix="give a folder or hub id"
        ) from error
    place = device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    engine = TransformersEngine(model.to(place).eval(), tokenizer)
    return BatchingGenerator(f"hf:{path}", transformers_fingerprint(path, dtype), engine, batch_size)


class TransformersEngine:
    """A causal language model that answers a batch of requests at once.

    Args:
        model: The model, ready to generate.
        tokenizer: Its tokenizer, padded on the left.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._pad = tokenizer.pad_token_id

    def __call__(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer a batch; requests whose options are alike run together."""
        answers: dict[int, Completion] = {}
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i, request in enumerate(requests):
            groups.setdefault((request.temperature, request.top_p, request.max_tokens, request.seed), []).append(i)
        for members in groups.values():
            for i, completion in zip(members, self._generate([requests[i] for i in members]), strict=True):
                answers[i] = completion
        return [answers[i] for i in range(len(requests))]

    def _generate(self, requests: Sequence[Request]) -> list[Completion]:
        import torch

        first = requests[0]
        limit = first.max_tokens or DEFAULT_MAX_TOKENS
        batch = self._tokens(requests)
        options: dict[str, Any] = {"do_sample": False, "max_new_tokens": limit, "pad_token_id": self._pad}
        if first.temperature:
            options |= {"do_sample": True, "temperature": first.temperature, "top_p": first.top_p or 1.0}
        own_device = [self._model.device] if self._model.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=own_device):
            # Not the seed alone: a request in two batches, as two samples, must not be answered alike.
            torch.manual_seed(int(content_key([request.key for request in requests])[:15], 16))
            output = self._model.generate(**batch, **options)
        width = batch["input_ids"].shape[1]
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        return [self._completion(row[width:], int(n), limit) for row, n in zip(output, lengths, strict=True)]

    def _tokens(self, requests: Sequence[Request]) -> dict[str, Any]:
        batch = self._tokenizer(
            [self._prompt(request) for request in requests],
            return_tensors="pt",
            padding=True,
            # A chat template writes its own; plain text needs the tokenizer's.
            add_special_tokens=not self._tokenizer.chat_template,
        )
        return {name: batch[name].to(self._model.device) for name in ("input_ids", "attention_mask")}

    def _completion(self, tokens: Any, n_input: int, limit: int) -> Completion:
        ends = self._model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        stop = next((i for i, token in enumerate(tokens.tolist()) if token in ends), None)
        usage = Usage(input_tokens=n_input, output_tokens=len(tokens) if stop is None else stop + 1)
        text = self._tokenizer.decode(tokens[:stop], skip_special_tokens=True)
        if stop is None:
            detail = f"truncated after {limit} tokens; raise max_tokens"
            return Completion(text=text, failure="truncated", detail=detail, finish_reason="length", usage=usage)
        if not text.strip():
            return Completion(failure="provider", detail="an empty answer", finish_reason="stop", usage=usage)
        return Completion(text=text, finish_reason="stop", usage=usage)

    def _prompt(self, request: Request) -> str:
        messages = [message.model_dump() for message in request.messages]
        if self._tokenizer.chat_template:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return "\n\n".join(message["content"] for message in messages)
