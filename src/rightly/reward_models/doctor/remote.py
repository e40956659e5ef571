"""Rewards from a running server, requested by token ids: vLLM's ``/classify`` and SGLang's ``/v1/embeddings``."""

import json
from collections.abc import Sequence
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rightly.errors import InputError

Protocol = Literal["vllm", "sglang"]

_PATHS = {"vllm": "/classify", "sglang": "/v1/embeddings"}
_TIMEOUT_S = 60


def served_rewards(
    url: str, sequences: Sequence[Sequence[int]], *, protocol: Protocol = "vllm", model: str | None = None
) -> list[float]:
    """The raw rewards of token sequences, in their order.

    vLLM applies a sigmoid to the score of a one-label classifier unless the request has ``use_activation: false``.

    Args:
        url: Base address of the server, without a path.
        sequences: Token ids, one request each, so that batching on the server is the server's own.
        protocol: Protocol of the server.
        model: Name of the model on the server; by default the first one that it lists.

    Raises:
        InputError: The server does not answer, or not with one number per sequence.
    """
    url = url.rstrip("/")
    if model is None:
        listed = _answer(f"{url}/v1/models", None)
        try:
            model = listed["data"][0]["id"]
        except (KeyError, IndexError, TypeError):
            raise InputError("lists no model", where=f"{url}/v1/models", fix="name it with --served-name") from None
    address = url + _PATHS[protocol]
    body: dict[str, Any] = {"model": model}
    if protocol == "vllm":
        body["use_activation"] = False
    return [_one(address, _answer(address, {**body, "input": list(ids)})) for ids in sequences]


def _one(address: str, answer: Any) -> float:
    try:
        (row,) = answer["data"]
        (reward,) = row["probs"] if "probs" in row else row["embedding"]
        return float(reward)
    except (KeyError, TypeError, ValueError):
        told = json.dumps(answer)[:120]
        raise InputError(f"answered without one number: {told}", where=address, fix="serve a one-label model") from None


def _answer(address: str, body: dict[str, Any] | None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data, {"Content-Type": "application/json"}), timeout=_TIMEOUT_S) as reply:
            return json.loads(reply.read())
    except HTTPError as error:
        raise InputError(f"answered {error.code}: {error.read()[:120]!r}", where=address) from None
    except (URLError, OSError, ValueError) as error:
        problem = getattr(error, "reason", error)
        raise InputError(
            f"does not answer: {problem}", where=address, fix="give the address of a running server"
        ) from None
