"""Answers from a file: a recorded run again, without a model."""

from pathlib import Path

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.inference.cache import Exchange
from rightly.inference.generator import Completion, Request


class ReplayGenerator:
    """Answers requests that a file holds; any other request is a ``provider`` failure.

    Args:
        path: JSON lines, each ``{"request": {...}, "completion": {...}}`` (`AnswerCache.exchanges` writes them).

    Raises:
        InputError: The file cannot be read.
    """

    concurrency = 64

    def __init__(self, path: Path) -> None:
        self.name = f"replay:{path.name}"
        self._path = path
        self._answers: dict[str, Completion] = {}
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=str(path), fix="give a replay file") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                exchange = Exchange.model_validate_json(line)
            except ValidationError as error:
                problem = f"not a request with its completion ({error.errors()[0]['msg']})"
                raise InputError(problem, where=f"{path}:{number}") from error
            self._answers[exchange.request.key] = exchange.completion

    async def generate(self, request: Request) -> Completion:
        """The recorded answer."""
        found = self._answers.get(request.key)
        return found or Completion(failure="provider", detail=f"{self._path} holds no answer to this request")

    async def aclose(self) -> None:
        """Nothing to release."""
