"""vLLM's offline engine as generator (``vllm:PATH``); the only file that imports vLLM."""

from collections.abc import Sequence
from typing import Any

from rightly.errors import MissingExtraError
from rightly.inference.batching import BatchingGenerator
from rightly.inference.generator import Completion, Request
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.types import Usage


def vllm_fingerprint(path: str, dtype: str = "auto", max_model_len: int | None = None) -> str:
    """Identity of ``vllm:PATH``, told without loading it: what the model is, its precision and its longest context.

    Raises:
        InputError: There is no such model.
    """
    return fingerprint("vllm", model=model_fingerprint(path), dtype=dtype, max_model_len=max_model_len)


def vllm_generator(
    path: str,
    *,
    batch_size: int = 256,
    tensor_parallel_size: int = 1,
    dtype: str = "auto",
    max_model_len: int | None = None,
) -> BatchingGenerator:
    """Load a model into vLLM; prompts that share a prefix share its computation.

    Args:
        path: Folder or hub id.
        batch_size: Requests handed to the engine at once; it schedules them itself.
        tensor_parallel_size: Accelerators that the model is split over.
        dtype: Of the weights.
        max_model_len: Longest prompt and answer together, in tokens; ``None`` takes the model's.

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
        return [_completion(output) for output in engine.chat(chats, params, use_tqdm=False)]

    return BatchingGenerator(f"vllm:{path}", vllm_fingerprint(path, dtype, max_model_len), answer, batch_size)


def _options(request: Request) -> dict[str, Any]:
    """What the request says, in vLLM's names; greedy unless it has a temperature, as with every local engine."""
    return {
        "temperature": request.temperature or 0.0,
        "top_p": request.top_p or 1.0,
        # Without a limit of its own an answer may fill the context; vLLM's default would cut it after 16 tokens.
        "max_tokens": request.max_tokens,
        "seed": None if request.seed is None else request.seed + request.sample,
    }


def _completion(output: Any) -> Completion:
    answer = output.outputs[0]
    usage = Usage(input_tokens=len(output.prompt_token_ids or ()), output_tokens=len(answer.token_ids))
    reason = answer.finish_reason or ""
    if reason == "length":
        detail = f"truncated after {len(answer.token_ids)} tokens; raise max_tokens"
        return Completion(text=answer.text, failure="truncated", detail=detail, finish_reason=reason, usage=usage)
    if not answer.text.strip():
        return Completion(failure="provider", detail="an empty answer", finish_reason=reason, usage=usage)
    return Completion(text=answer.text, finish_reason=reason, usage=usage)
