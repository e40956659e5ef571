"""Lines of a batch's files: the input that is uploaded, and the completions in what comes back."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rightly.inference.batch_endpoint import ENDPOINT
from rightly.inference.batch_journal import Call
from rightly.inference.chat_completion import Retry, message_of, moderated, read_answer
from rightly.inference.generator import Completion, Request
from rightly.types import Usage


class Result(NamedTuple):
    """What a batch says of one of its calls.

    Attributes:
        completion: The answer, or a failure.
        billed: Billed tokens; ``None`` if they are not told, in which case the worst case stays reserved.
        refusal: The server's message if it refused a field of the request (HTTP 400), else empty.
    """

    completion: Completion
    billed: Usage | None
    refusal: str = ""


def input_line(custom_id: str, body: Mapping[str, Any]) -> bytes:
    """The line that asks for one answer."""
    line = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def results(calls: Iterable[Call], files: Iterable[bytes], status: str, problem: str) -> list[Result]:
    """The results of these calls, in their order.

    Args:
        calls: The calls of the batch.
        files: Contents of its output file and its error file.
        status: Status of the batch.
        problem: The provider's message about the whole batch, if there is one.
    """
    lines: dict[str, Mapping[str, Any]] = {}
    for content in files:
        for raw in content.split(b"\n"):
            try:
                line = json.loads(raw)
                lines[line["custom_id"]] = line
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
    why = f"the batch is {status} and holds no answer to this request" + (f" ({problem})" if problem else "")
    missing = Result(Completion(failure="provider", detail=why), Usage())
    found = ((call, lines.get(call.custom_id)) for call in calls)
    return [missing if line is None else _result(line, call.request) for call, line in found]


def _result(line: Mapping[str, Any], request: Request) -> Result:
    response = line.get("response")
    if not isinstance(response, dict):
        raw = json.dumps({"error": line.get("error")}).encode()
        return Result(Completion(failure="provider", detail=message_of(raw)), Usage())
    status, raw = response.get("status_code"), json.dumps(response.get("body")).encode()
    if status == 200:
        answer = read_answer(raw, request.logprobs_of)
        billed = answer.usage if answer.usage.input_tokens else None
        if isinstance(answer, Retry):
            return Result(Completion(failure="provider", detail=answer.problem, usage=answer.usage), billed)
        return Result(answer, billed)
    refused = moderated(status, raw) if isinstance(status, int) else None
    if refused is not None:
        return Result(refused, Usage())
    message = message_of(raw)
    failed = Completion(failure="provider", detail=f"HTTP {status}: {message}")
    return Result(failed, Usage(), message if status == 400 else "")
