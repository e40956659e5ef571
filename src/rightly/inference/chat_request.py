"""The body of a chat request, in the fields that this model takes."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from rightly.errors import InputError
from rightly.inference.generator import Request
from rightly.inference.token_logprobs import TOP

_FEWER_TOP = 5
"""Likeliest tokens asked for at an endpoint that gives fewer than `TOP` at a place."""
_OWN_FIELDS = {
    "model": "write it as openai:MODEL",
    "messages": "remove it",
    "stream": "remove it: answers are read whole",
    "n": "remove it: every answer is a call of its own",
    "max_tokens": "write ?max_tokens=N, which a budget can count on",
    "max_completion_tokens": "write ?max_tokens=N, which a budget can count on",
}


class Learned(NamedTuple):
    """What a model's refusals taught.

    Attributes:
        renamed: Fields that it names differently, or rejects (``None``).
        top_logprobs: Likeliest tokens that it lists at a place.
    """

    renamed: Mapping[str, str | None]
    top_logprobs: int


NOTHING_LEARNED = Learned({}, TOP)


class ChatRequest:
    """Writes the bodies of the requests to one model.

    Args:
        model: Name of the model at the endpoint.
        reasoning_effort: The field of this name in every call: how much the model thinks.
        chat_template_kwargs: The field of this name in every call: arguments of the chat template at vLLM and SGLang.
        extra_body: Further fields of every call; they replace fields of the request.

    Attributes:
        learned: What the model's refusals taught so far.
        sent: The fields of every call as they were given, for the model's identity.

    Raises:
        InputError: ``extra_body`` holds a field that Rightly sets.
    """

    def __init__(
        self,
        model: str,
        reasoning_effort: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"reasoning_effort": reasoning_effort, "chat_template_kwargs": chat_template_kwargs}
        self._model, self.learned = model, NOTHING_LEARNED
        self.sent = given | {"extra_body": extra_body}
        self._extra = {name: value for name, value in given.items() if value} | _allowed(extra_body or {})

    def learn(self, message: str, request: Request, sent: Learned) -> bool:
        """Learn from a refusal which field this model names differently or rejects.

        Args:
            message: The server's message.
            request: The request that was refused.
            sent: What was known when it was sent.

        Returns:
            Whether another attempt may succeed, since something is known that was not when this one was sent.
        """
        renamed = dict(self.learned.renamed)
        if request.max_tokens is not None and "max_tokens" not in sent.renamed and "max_completion_tokens" in message:
            self.learned = self.learned._replace(renamed=renamed | {"max_tokens": "max_completion_tokens"})
            return True
        if request.logprobs_of and sent.top_logprobs > _FEWER_TOP and "logprobs" in message:
            self.learned = self.learned._replace(top_logprobs=_FEWER_TOP)
            return True
        for field in ("temperature", "top_p", "seed"):
            asked = getattr(request, field) is not None and field not in sent.renamed
            if asked and f"'{field}'" in message and "nsupported" in message:
                self.learned = self.learned._replace(renamed=renamed | {field: None})
                return True
        return False

    def fields(self, request: Request) -> dict[str, Any]:
        """The body of a request, before it becomes JSON."""
        fields: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        }
        if request.response_format is not None:
            fields["response_format"] = json.loads(request.response_format)
        if request.logprobs_of:
            fields |= {"logprobs": True, "top_logprobs": self.learned.top_logprobs}
        for field in ("temperature", "top_p", "max_tokens", "seed"):
            value, name = getattr(request, field), self.learned.renamed.get(field, field)
            if value is not None and name is not None:
                # With one seed all samples of a question would be the same answer.
                fields[name] = value + request.sample if field == "seed" else value
        return fields | self._extra


def _allowed(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The extra fields of every call, if Rightly sets none of them.

    Raises:
        InputError: It sets one.
    """
    for name, instead in _OWN_FIELDS.items():
        if name in extra:
            raise InputError(f"extra_body sets {name!r}, which Rightly sets itself", fix=instead)
    return dict(extra)
