"""Answers from a file: repeat a recorded run without a model."""

from pathlib import Path

from pydantic import ValidationError

from rightly.errors import InputError
from rightly.inference.answer_cache import Exchange
from rightly.inference.generator import Completion, Request
from rightly.store.fingerprint import file_fingerprint, fingerprint


def replay_fingerprint(path: str | Path) -> str:
    """Identity of ``replay:FILE``: the content of the file.

    Raises:
        InputError: The file cannot be read.
    """
    return fingerprint("replay", answers=file_fingerprint(Path(path)))


class ReplayGenerator:
    """Answers the requests recorded in a file; any other request is a ``provider`` failure.

    Args:
        path: JSON Lines file; each line is ``{"request": {...}, "completion": {...}}`` (see `AnswerCache.exchanges`).

    Raises:
        InputError: The file cannot be read.
    """

    concurrency = 64

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.name = f"replay:{path.name}"
        self.fingerprint = replay_fingerprint(path)
        self._path = path
        self._answers: dict[str, Completion] = {}
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        self._add(line, f"{path}:{number}")
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=str(path), fix="give a replay file") from error

    def _add(self, line: bytes, where: str) -> None:
        try:
            exchange = Exchange.model_validate_json(line)
        except ValidationError as error:
            problem = f"not a request with its completion ({error.errors()[0]['msg']})"
            raise InputError(problem, where=where, fix="record the file again, or delete this line") from error
        self._answers[exchange.request.key] = exchange.completion.model_copy(update={"cached": True})

    async def generate(self, request: Request) -> Completion:
        """The recorded answer."""
        found = self._answers.get(request.key)
        if found is None:
            detail = f"{self._path} holds no answer to this request; record it with the model that the file is from"
            return Completion(failure="provider", detail=detail)
        return found

    async def aclose(self) -> None:
        """Nothing to release."""
