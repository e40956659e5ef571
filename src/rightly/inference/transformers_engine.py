"""A local Hugging Face model as a generator (``hf:PATH``): no server, waiting requests run in batches."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from rightly.errors import InputError, MissingExtraError
from rightly.inference.batching import BatchingGenerator
from rightly.inference.generator import Completion, Request
from rightly.inference.token_logprobs import TOP, local_logprobs
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.types import Usage, content_key

DEFAULT_MAX_TOKENS = 1024


def transformers_fingerprint(
    path: str, dtype: str = "auto", chat_template_kwargs: Mapping[str, Any] | None = None
) -> str:
    """Identity of ``hf:PATH``, without loading it: the model's content, compute precision, and template arguments.

    Raises:
        InputError: The model does not exist.
    """
    used = {"chat_template_kwargs": chat_template_kwargs} if chat_template_kwargs else {}
    return fingerprint("hf", model=model_fingerprint(path), dtype=dtype, max_tokens=DEFAULT_MAX_TOKENS, **used)


def transformers_generator(
    path: str,
    *,
    batch_size: int = 16,
    device: str = "auto",
    dtype: str = "auto",
    chat_template_kwargs: Mapping[str, Any] | None = None,
) -> BatchingGenerator:
    """Load a causal language model.

    Decoding is greedy unless a request has a temperature above 0. Sampled answers are seeded by the requests of their
    batch, so they are reproducible only if the same requests share a batch.

    Args:
        path: Folder or hub id of the model.
        batch_size: Maximum number of requests in one batch; a batch is split by its requests' options.
        device: A torch device; ``auto`` uses the accelerator if there is one.
        dtype: Data type of the weights; ``auto`` keeps the checkpoint's.
        chat_template_kwargs: Arguments of the chat template, such as ``enable_thinking``.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: The model does not exist.
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
    engine = TransformersEngine(model.to(place).eval(), tokenizer, chat_template_kwargs or {})
    made_of = transformers_fingerprint(path, dtype, chat_template_kwargs)
    return BatchingGenerator(f"hf:{path}", made_of, engine, batch_size, check=_require_free_form)


def _require_free_form(request: Request) -> None:
    """Refuse a request that asks for a form of answer."""
    if request.response_format is not None:
        fix = "use openai: (any compatible endpoint) or vllm:, which enforce it"
        raise InputError("hf: models cannot enforce a response_format", fix=fix)


class TransformersEngine:
    """A causal language model that answers a batch of requests at once.

    Args:
        model: The model, ready to generate.
        tokenizer: Its tokenizer, padded on the left.
        template: Arguments of the chat template.
    """

    def __init__(self, model: Any, tokenizer: Any, template: Mapping[str, Any] | None = None) -> None:
        self._model, self._tokenizer, self._template = model, tokenizer, dict(template or {})
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._pad = tokenizer.pad_token_id

    def __call__(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer a batch; requests with equal options run together."""
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
        watch = _Watch()
        watched = watch.of(self._model) if any(request.logprobs_of for request in requests) else nullcontext()
        with torch.inference_mode(), torch.random.fork_rng(devices=own_device), watched:
            # Not the seed alone: a request that occurs in two batches, as two samples, must get different answers.
            torch.manual_seed(int(content_key([request.key for request in requests])[:15], 16))
            output = self._model.generate(**batch, **options)
        width = batch["input_ids"].shape[1]
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        answers = [self._completion(row[width:], int(n), limit) for row, n in zip(output, lengths, strict=True)]
        if not watch.steps:
            return answers
        watch.chose(output[:, -1])
        found = zip(answers, requests, output[:, width:].tolist(), strict=True)
        return [self._with_logprobs(*each, watch, row) for row, each in enumerate(found)]

    def _with_logprobs(
        self, answer: Completion, request: Request, tokens: list[int], watch: "_Watch", row: int
    ) -> Completion:
        if answer.failure is not None or not request.logprobs_of:
            return answer
        decode = partial(self._tokenizer.decode, skip_special_tokens=True)
        ids = tokens[: answer.usage.output_tokens - 1]
        logprobs = local_logprobs(decode, ids, request.logprobs_of, lambda place: watch.likely(place, row))
        return answer.model_copy(update={"logprobs": logprobs})

    def _tokens(self, requests: Sequence[Request]) -> dict[str, Any]:
        batch = self._tokenizer(
            [self._prompt(request) for request in requests],
            return_tensors="pt",
            padding=True,
            # A chat template writes its own special tokens; plain text needs the tokenizer's.
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
            return self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **self._template
            )
        return "\n\n".join(message["content"] for message in messages)


class _Watch:
    """The likeliest tokens of every step of a generation, by the model's own logits.

    Only these are kept: the logits of all steps over the whole vocabulary would take gigabytes. The model is watched and
    not the sampler, because the sampler sees logits after penalties, temperature and ``top_p``.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[list[list[int]], list[list[float]]]] = []
        self._chosen: list[tuple[list[int], list[float]]] = []
        self._last: Any = None

    @contextmanager
    def of(self, model: Any) -> Iterator[None]:
        """Watch the model inside the block."""
        hook = model.register_forward_hook(self._step, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def _step(self, _: Any, __: Any, given: Mapping[str, Any], output: Any) -> None:
        if self._last is not None:
            self.chose(given["input_ids"][:, -1])
        self._last = output.logits[:, -1].float().log_softmax(dim=-1)
        values, ids = self._last.topk(min(TOP, self._last.shape[-1]), dim=-1)
        self.steps.append((ids.tolist(), values.tolist()))

    def chose(self, tokens: Any) -> None:
        """Note the tokens that followed the last step; sampling may choose one that is not among the likeliest."""
        values = self._last.gather(1, tokens[:, None])[:, 0]
        self._chosen.append((tokens.tolist(), values.tolist()))

    def likely(self, step: int, row: int) -> dict[int, float]:
        """Log-probabilities at a step of a row, by token id: of the likeliest tokens and of the chosen one."""
        (ids, values), (chosen, value) = self.steps[step], self._chosen[step]
        return dict(zip(ids[row], values[row], strict=True)) | {chosen[row]: value[row]}
