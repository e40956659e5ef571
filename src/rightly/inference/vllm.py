"""vLLM's offline engine as a generator (``vllm:PATH``); the only file that imports vLLM."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rightly.errors import InputError, MissingExtraError
from rightly.inference.batching import BatchingGenerator
from rightly.inference.generator import Completion, Request, TokenLogprobs
from rightly.inference.token_logprobs import TOP, local_logprobs
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.types import Usage

_FORMS = ("json_schema", "json_object", "text")


def vllm_fingerprint(
    path: str,
    dtype: str = "auto",
    max_model_len: int | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
) -> str:
    """Identity of ``vllm:PATH``, without loading it: the model's content, precision, maximum context, template arguments.

    Raises:
        InputError: The model does not exist.
    """
    used = {"chat_template_kwargs": chat_template_kwargs} if chat_template_kwargs else {}
    return fingerprint("vllm", model=model_fingerprint(path), dtype=dtype, max_model_len=max_model_len, **used)


def vllm_generator(
    path: str,
    *,
    batch_size: int = 256,
    tensor_parallel_size: int = 1,
    dtype: str = "auto",
    max_model_len: int | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
) -> BatchingGenerator:
    """Load a model into vLLM; prompts with a common prefix share its computation.

    Args:
        path: Folder or hub id of the model.
        batch_size: Number of requests passed to the engine at once; it schedules them itself.
        tensor_parallel_size: Number of accelerators that the model is split across.
        dtype: Data type of the weights.
        max_model_len: Maximum length of prompt plus answer, in tokens; ``None`` uses the model's.
        chat_template_kwargs: Arguments of the chat template, such as ``enable_thinking``.

    Raises:
        MissingExtraError: vLLM is not installed.
    """
    try:
        from vllm import LLM, SamplingParams  # pyright: ignore[reportMissingImports] - an optional dependency
    except ImportError as error:
        raise MissingExtraError("vllm: models", "vllm") from error
    engine = LLM(
        model=path,
        tensor_parallel_size=tensor_parallel_size,
        dtype=dtype,
        max_model_len=max_model_len,
        enable_prefix_caching=True,
    )

    def answer(requests: Sequence[Request]) -> list[Completion]:
        chats = [[message.model_dump() for message in request.messages] for request in requests]
        params = [SamplingParams(**_options(request)) for request in requests]
        template = dict(chat_template_kwargs or {})
        outputs = engine.chat(chats, params, use_tqdm=False, chat_template_kwargs=template)
        decode = partial(engine.get_tokenizer().decode, skip_special_tokens=True)
        return [_completion(output, asked, decode) for output, asked in zip(outputs, requests, strict=True)]

    made_of = vllm_fingerprint(path, dtype, max_model_len, chat_template_kwargs)
    return BatchingGenerator(f"vllm:{path}", made_of, answer, batch_size, check=_require_form)


def _options(request: Request) -> dict[str, Any]:
    """The request's options in vLLM's names; greedy unless it has a temperature, as with every local engine."""
    structure = {} if request.response_format is None else _structure(request.response_format)
    return structure | {
        "logprobs": TOP if request.logprobs_of else None,
        "temperature": request.temperature or 0.0,
        "top_p": request.top_p or 1.0,
        # Without its own limit an answer may fill the context; vLLM's default would truncate it after 16 tokens.
        "max_tokens": request.max_tokens,
        "seed": None if request.seed is None else request.seed + request.sample,
    }


def _require_form(request: Request) -> None:
    """Refuse a form of answer that vLLM has no name for."""
    form = json.loads(request.response_format or '{"type": "text"}')
    if form.get("type") not in _FORMS:
        raise InputError(f"response_format has the type {form.get('type')!r}", fix=f"use one of {', '.join(_FORMS)}")
    if form["type"] == "json_schema" and "schema" not in (form.get("json_schema") or {}):
        raise InputError(
            "response_format holds no schema", fix='write {"type":"json_schema","json_schema":{"schema":{}}}'
        )


def _structure(response_format: str) -> dict[str, Any]:
    """Options of vLLM (0.11 and later) for the value of OpenAI's ``response_format``."""
    form = json.loads(response_format)
    if form["type"] == "text":
        return {}
    from vllm.sampling_params import StructuredOutputsParams  # pyright: ignore[reportMissingImports]

    held = {"json_object": True} if form["type"] == "json_object" else {"json": form["json_schema"]["schema"]}
    return {"structured_outputs": StructuredOutputsParams(**held)}


def _completion(output: Any, request: Request, decode: Callable[[Sequence[int]], str]) -> Completion:
    answer = output.outputs[0]
    usage = Usage(input_tokens=len(output.prompt_token_ids or ()), output_tokens=len(answer.token_ids))
    reason = answer.finish_reason or ""
    if reason == "length":
        detail = f"truncated after {len(answer.token_ids)} tokens; raise max_tokens"
        return Completion(text=answer.text, failure="truncated", detail=detail, finish_reason=reason, usage=usage)
    if not answer.text.strip():
        return Completion(failure="provider", detail="an empty answer", finish_reason=reason, usage=usage)
    logprobs = _logprobs(answer, request, decode) if request.logprobs_of else ()
    return Completion(text=answer.text, finish_reason=reason, usage=usage, logprobs=logprobs)


def _logprobs(answer: Any, request: Request, decode: Callable[[Sequence[int]], str]) -> tuple[TokenLogprobs, ...]:
    def likely(place: int) -> dict[int, float]:
        return {token: found.logprob for token, found in answer.logprobs[place].items()}

    return local_logprobs(decode, answer.token_ids, request.logprobs_of, likely)
