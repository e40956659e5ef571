"""The form of a judge's question and answer, declared in a TOML file: one file for every kind of judge.

A published judge is trained on its own form, and guessing a form gives wrong verdicts. A format states the prompt, the
labels, how the verdict is stated and how the reasons are. `docs/formats.md` describes the fields. The wording of others'
prompts is not part of this project: a format names the authors' file, from which their prompt is read when the user has it.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from rightly.errors import InputError, did_you_mean
from rightly.judges.parsing import READER_VERSION
from rightly.judges.upstream import upstream_text
from rightly.judges.verdict_labels import PAIRWISE_LABELS
from rightly.prompting import fields_of, fill
from rightly.store.fingerprint import fingerprint
from rightly.types import Choice, Frozen, PreferencePair, Turn, content_key, letter_of

DEFAULT = "rightly"
"""The format of judges whose spec names none."""


class FormatMessage(Frozen):
    """One message of the prompt.

    Attributes:
        role: Role of the message; ``context`` stands for the messages of the pair's context, in their own roles.
        text: Text with fields in double braces.
        upstream: The authors' text, as ``FILE:NAME`` below their repository; empty if they publish none.
        theirs: Whether the text was read from there.
    """

    role: str
    text: str = ""
    upstream: str = ""
    theirs: bool = False


class Upstream(Frozen):
    """Where the authors publish their prompt.

    Attributes:
        repository: Address of their repository.
        fields: Our field for each of theirs.
    """

    repository: str
    fields: dict[str, str] = Field(default_factory=dict)


class VerdictForm(Frozen):
    r"""How the verdict is stated.

    Attributes:
        at: Place of the verdict: a member of a JSON object, ``[[A]]``, ``\boxed{A}``, a tag, the text after a marker, the last
            line (``end``); or ``free``: any explicit form, else a sentence.
        name: Name of the JSON member or of the tag, or the marker.
        which: Which of several statements counts. ``only``: two that differ are no verdict. ``each``: one statement for each
            response, in order.
        read: Content: a label; a number on a scale from the first response to the second; a score for every response
            (the higher one is better); the score of the only response.
        labels: Labels, upper case, and their choices.
        range: Least and greatest number.
        scores: JSON members that hold the scores of the two responses, beside a label or a scale.
    """

    at: Literal["json", "brackets", "boxed", "tag", "after", "end", "free"]
    name: str = ""
    which: Literal["last", "first", "only", "each"] = "last"
    read: Literal["label", "scale", "scores", "score"] = "label"
    labels: dict[str, Choice] = Field(default_factory=lambda: dict(PAIRWISE_LABELS))
    range: tuple[float, float] | None = None
    scores: tuple[str, str] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "VerdictForm":
        if self.at in ("json", "tag", "after") and not self.name:
            raise ValueError(f"at = {self.at!r} needs name")
        if self.read != "label" and self.range is None:
            raise ValueError(f"read = {self.read!r} needs range = [least, greatest]")
        if self.which == "each" and self.read != "scores":
            raise ValueError('which = "each" needs read = "scores"')
        if self.at == "free" and self.read != "label":
            raise ValueError('at = "free" reads labels only')
        return self


class ReasonsForm(Frozen):
    """How the reasons are stated.

    Attributes:
        at: A list in the JSON object of the verdict; list items before the verdict; list items under headings; prose, which an
            atomiser splits; or none.
        name: Name of the JSON member, or of a tag that encloses the reasons; ``thinking`` for the thinking itself; empty for
            all text before the verdict.
        headings: Words of the headings whose items are reasons; empty for all headings.
    """

    at: Literal["json", "list", "sections", "prose", "none"]
    name: str = ""
    headings: tuple[str, ...] = ()


class Format(Frozen):
    """A declared form of question and answer.

    Attributes:
        name: Name in specs.
        title: What it is, in one line.
        version: Version of the form; raised when the same answer should be read differently.
        compares: What one request shows: a ``pair``, ``each`` response alone, or ``all`` responses.
        several: Format with scores that the same judge uses where several responses may be right (RewardBench 2's Ties), by
            name or file; empty for the same format.
        message: Messages of the prompt, in order.
        upstream: Where the authors publish their prompt; ``None`` if the prompt is ours.
        verdict: How the verdict is stated.
        reasons: How the reasons are stated.
        thinking: Names of tags that enclose thinking, besides those that are always read as such (``<think>`` and the like).
        values: Texts for further fields of the prompt, for example a rubric.
        answer_schema: JSON schema of the answer, for endpoints that enforce one; ``None`` if the answer is not JSON.
    """

    name: str
    title: str
    version: int = 1
    compares: Literal["pair", "each", "all"] = "pair"
    several: str = ""
    message: tuple[FormatMessage, ...]
    upstream: Upstream | None = None
    verdict: VerdictForm
    reasons: ReasonsForm
    thinking: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    answer_schema: dict[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of everything that can change the question or the reading; names and titles cannot, nor another format."""
        content = self.model_dump(mode="json", exclude={"name", "title", "several", "upstream"})
        return fingerprint("format", content=content, reader=READER_VERSION)

    @property
    def label(self) -> str:
        """Addition to the name of a judge: whether the authors' prompt is replaced by ours."""
        if self.upstream is None or all(message.theirs for message in self.message):
            return ""
        return " (prompt ours in part)" if any(message.theirs for message in self.message) else " (prompt ours)"

    @property
    def single_tokens(self) -> tuple[str, ...]:
        """Statements of the verdict that are one token in most vocabularies: letters, and whole numbers of a scale."""
        if self.verdict.range is not None:
            least, most = self.verdict.range
            return tuple(str(number) for number in range(int(least), int(most) + 1))
        return (*(label for label in self.verdict.labels if len(label) == 1), "tie")

    def takes(self, pair: PreferencePair) -> bool:
        """Whether a judge in this format can judge the pair."""
        return self.compares != "pair" or len(pair.responses) == 2

    def prompt(self, shown: PreferencePair, max_reasons: int) -> tuple[Turn, ...]:
        """The prompt about a pair as it is shown.

        Args:
            shown: The pair in the order shown; for ``each`` with the response alone in `PreferencePair.responses`.
            max_reasons: Number of reasons that the prompt allows.
        """
        known = prompt_fields(shown, max_reasons) | self.values
        turns: list[Turn] = []
        for message in self.message:
            if message.role == "context":
                turns += [Turn(role=turn.role, content=turn.content) for turn in shown.context]
                continue
            asked = {name: known[name] for name in fields_of(message.text) if name in known}
            turns.append(Turn(role=message.role, content=fill(message.text, asked)))
        return tuple(turns)

    def with_upstream(self, place: str) -> "Format":
        """The format with the authors' prompt, read from a copy of their repository.

        Args:
            place: Folder of the repository, or the file.

        Raises:
            InputError: The format has no prompt of others, the file cannot be read, or it has a field that is not known.
        """
        if self.upstream is None or not any(message.upstream for message in self.message):
            raise InputError(f"format {self.name!r} names no file of others with its prompt", fix="leave prompt= out")
        messages = []
        for message in self.message:
            if message.upstream:
                text = upstream_text(place, message.upstream, self.upstream.fields)
                message = message.model_copy(update={"text": text, "theirs": True})
            messages.append(message)
        return _checked(self.model_copy(update={"message": tuple(messages)}), place)


def prompt_fields(shown: PreferencePair, max_reasons: int) -> dict[str, str]:
    """The fields that a prompt can use.

    ``context`` (all messages with their roles), ``question`` (the message itself if there is only one, else the same),
    ``response_a``, ``response_b``, ... in the order shown, ``responses`` (all, with their letters), ``response`` (the only
    one), ``max_reasons``, and ``fence``, a code that the material cannot contain by chance.
    """
    fence = content_key([*(m.content for m in shown.context), *shown.responses])[:8]
    context = "\n\n".join(f"{m.role}: {m.content}" for m in shown.context) or "(none)"
    single = len(shown.context) == 1 and shown.context[0].role == "user"
    letters = [letter_of(place) for place in range(len(shown.responses))]
    blocks = (
        f"[Response {letter} {fence}]\n{text}\n[end of Response {letter} {fence}]"
        for letter, text in zip(letters, shown.responses, strict=True)
    )
    return {
        "context": context,
        "question": shown.context[0].content if single else context,
        "fence": fence,
        "max_reasons": str(max_reasons),
        "responses": "\n\n".join(blocks),
        "response": shown.responses[0],
    } | {f"response_{letter.lower()}": text for letter, text in zip(letters, shown.responses, strict=True)}


def load_format(name: str) -> Format:
    """The format of this name, or in a file.

    Args:
        name: Name of a shipped format, or path of a TOML file.

    Raises:
        InputError: There is no such format, or the file is not a format.
    """
    shipped = format_names()
    if name in shipped:
        text = resources.files("rightly.judges").joinpath("formats", f"{name}.toml").read_text(encoding="utf-8")
        return _checked(_parsed({"name": name} | tomllib.loads(text), name), name)
    if not name.endswith(".toml"):
        raise InputError(
            f"{name!r} is not a judge format",
            fix=did_you_mean(name, shipped, "give a name or the path of a .toml file"),
        )
    path = Path(name)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=name, fix="give the path of a format") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", where=name) from error
    return _checked(_parsed({"name": path.stem, "title": path.stem} | found, name), name)


def format_names() -> list[str]:
    """Names of the shipped formats, in alphabetical order."""
    folder = resources.files("rightly.judges").joinpath("formats")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def format_with_prompt(text: str) -> Format:
    """The default format with another prompt, as one user message; its form of answer stays."""
    default = load_format(DEFAULT)
    changed = default.model_copy(update={"message": (FormatMessage(role="user", text=text),)})
    return _checked(changed, "the prompt")


def _parsed(found: Mapping[str, Any], where: str) -> Format:
    try:
        return Format.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "format"
        raise InputError(f"{place}: {first['msg']}", where=where, fix="docs/formats.md describes the fields") from error


def _checked(made: Format, where: str) -> Format:
    """The format, if its prompt uses known fields only and shows all the responses.

    Raises:
        InputError: It does not.
    """
    asked = {field for message in made.message for field in fields_of(message.text)}
    letters = 26 if made.compares == "all" else 2
    responses = (
        {"response"} if made.compares == "each" else {f"response_{letter_of(i).lower()}" for i in range(letters)}
    )
    known = {"context", "question", "fence", "max_reasons", "responses", *responses, *made.values}
    unknown = sorted(asked - known)
    if unknown:
        raise InputError(f"the prompt uses an unknown field {unknown[0]!r}", where=where, fix=f"known: {sorted(known)}")
    needed = {"each": {"response"}, "all": {"response_a", "response_b"}, "pair": {"response_a", "response_b"}}
    missing = sorted(needed[made.compares] - asked)
    if missing and not (made.compares != "each" and "responses" in asked):
        raise InputError(
            f"the prompt does not show {{{{{missing[0]}}}}}", where=where, fix="add the field to a message"
        )
    return made
