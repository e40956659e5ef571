r"""Judges whose answers were published beside the pairs: they are replayed without a model.

RationaleRM's rows (and the result rows of its MetaJudge) hold for every judge ``{model}-checklist``, ``{model}-label`` and
``{model}-generated_text``. R-Align's rows hold one judge: ``model_judgment``, ``model_pred``, ``meta.model_name``, and
``metarm_verdict``, what R-Align's own judge of explanations said of it.

The released code of RationaleRM never reads a label, and its documentation calls it the preference of the model. Labels are
read where their form leaves no doubt: the five verdicts of the paper's prompt (``A>>B`` to ``B>>A``, also in ``\boxed{}`` or
``[[ ]]``), a response by name (its prompt equates Response 1 with A), or HelpSteer3's scale, which negative numbers give
away (below 0: response 1). Any other label is refused.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rightly.data.fields import Row, came, optional_text, texts
from rightly.data.layouts import as_known
from rightly.data.load import Rows, open_rows, row_pairs
from rightly.errors import InputError
from rightly.inference.generator import Request
from rightly.inference.reading import strip_thinking
from rightly.inference.specs import parse_spec
from rightly.judges.base import JudgeIdentity
from rightly.judges.parsing import READER_VERSION, parse_answer
from rightly.judges.verdict_labels import PAIRWISE_LABELS
from rightly.references import subject_side
from rightly.store.fingerprint import file_fingerprint, fingerprint
from rightly.types import Choice, FailureKind, Judgment, Order, PreferencePair, Rationale, RationaleVerdict

_VERSION = 1
"""Version of this reader. Raise it when the same row is read differently."""
_LISTED = re.compile(r"(?i)(?P<model>.+)-checklist")
_UNNAMED = "model"
"""Name of the judge in R-Align's rows that do not name it."""
_WRAPPED = re.compile(r"\\?boxed\{(.*)\}|\[\[(.*)\]\]")
_LABELS: Mapping[str, Choice] = {
    **{label.replace(" ", ""): choice for label, choice in PAIRWISE_LABELS.items()},
    **{f"{noun}{number}": side for noun in ("RESPONSE", "RESPONSE_") for number, side in (("1", "A"), ("2", "B"))},
}
_HELPSTEER3: Mapping[int, Choice] = {
    **dict.fromkeys((-3, -2, -1), "A"), 0: "tie", **dict.fromkeys((1, 2, 3), "B"),
}  # fmt: skip
_META: Mapping[str, RationaleVerdict] = {
    "Correct": "correct",
    "Incorrect": "incorrect",
    "CallFail": "failed",
    "ParseFail": "failed",
}
_SKIPPED = "SkippedLabelMismatch"


class Answer(NamedTuple):
    """A published answer, see `Judgment` for the fields."""

    verdict: Choice | None
    failure: FailureKind | None = None
    detail: str = ""
    rationales: tuple[Rationale, ...] = ()
    raw: str = ""
    rationale_verdict: RationaleVerdict | None = None


def is_published(text: str) -> bool:
    """Whether a spec is ``replay:FILE`` of rows with published answers, by its first row, and not of recorded exchanges."""
    spec = parse_spec(text)
    if spec.scheme != "replay" or not Path(spec.target).is_file():
        return False
    try:
        first = as_known(next(iter(open_rows(spec.target)), {}))
    except InputError:  # the reader of recorded exchanges names what is wrong with the file
        return False
    return "human-checklist" in first or {"gt_label", "conversations"} <= first.keys()


def published_identity(text: str) -> JudgeIdentity:
    """Identity of a published judge: the content of its file and its name in it.

    Raises:
        InputError: The spec has another option than ``model``, or names no model.
    """
    spec = parse_spec(text)
    for option in spec.options.keys() - {"model"}:
        raise InputError(f"{text!r}: unknown option {option!r}", fix="published answers have one option: ?model=NAME")
    model = spec.options.get("model", "")
    made_of = fingerprint(
        "published",
        file=file_fingerprint(Path(spec.target)),
        model=model.lower(),
        reader=[_VERSION, READER_VERSION],
    )
    return JudgeIdentity(name=text, fingerprint=made_of, note="published answers, in the published order only")


class PublishedJudge:
    """Answers a pair with the published answer to the same context and responses; another pair is a ``provider`` failure.

    Args:
        text: Spec ``replay:FILE?model=NAME``; the name in any case.

    Raises:
        InputError: The file holds no such model, or a row is unusable.
    """

    concurrency = 64

    def __init__(self, text: str) -> None:
        self.identity, self.name = published_identity(text), text
        spec = parse_spec(text)
        self._file, model = spec.target, spec.options.get("model", "")
        models, signed = _survey(self._file)
        if model.lower() not in models:
            problem = f"holds no answers of {model!r}" if model else "the model is not named"
            listed = (
                f"add ?model=NAME with one of: {', '.join(models.values())}"
                if models
                else "it holds no judge's answers"
            )
            raise InputError(problem, where=f"replay:{self._file}", fix=listed)
        self._model = models[model.lower()]
        self._answers: dict[str, dict[str, Answer]] = {}
        numbers = _HELPSTEER3 if model.lower() in signed else {}
        kept = open_rows(self._file).converted(lambda rows: _answers(rows, model.lower(), numbers))
        for pair, answer in kept:
            self._answers.setdefault(pair.content_key, {})[pair.id] = answer

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """The order in which the pair is stored."""
        return ("AB",)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """No requests: the answers are known."""
        return []

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """The published answer."""
        return Judgment(
            pair_id=pair.id,
            pair_key=pair.content_key,
            judge=self.name,
            made_by=self.identity.made_by(pair),
            order=order,
            **self._answer(pair)._asdict(),
        )

    async def aclose(self) -> None:
        """Nothing to release."""

    def _answer(self, pair: PreferencePair) -> Answer:
        """The answer of the row with the pair's content, and of several such rows of the one with its id."""
        found = self._answers.get(pair.content_key, {})
        if pair.id in found:
            return found[pair.id]
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        problem = f"{len(found)} different answers" if found else "no answer"
        return Answer(None, "provider", f"{self._file} holds {problem} of {self._model} to this pair")


def _survey(file: str) -> tuple[dict[str, str], set[str]]:
    """The models of a file, by lower-case name, and those with a negative number among their labels."""
    models: dict[str, str] = {}
    signed: set[str] = set()
    for row in open_rows(file).converted(lambda rows: map(as_known, rows)):
        if "gt_label" in row:
            models.setdefault(_named(row).lower(), _named(row))
            continue
        columns = {column.lower(): column for column in row}
        for column in row:
            listed = _LISTED.fullmatch(column)
            model = "human" if listed is None else listed["model"].lower()
            if listed is None or model == "human":
                continue
            models.setdefault(model, listed["model"])
            label = _whole(row.get(columns.get(f"{model}-label", "")))
            if label is not None and label < 0:
                signed.add(model)
    return models, signed


def _answers(rows: Rows, model: str, numbers: Mapping[int, Choice]) -> Iterator[tuple[PreferencePair, Answer]]:
    """The pairs that a model (in lower case) answered, each with the answer."""
    for row, pair in row_pairs(rows):
        if "gt_label" in row:
            if _named(row).lower() == model:
                yield pair, _explained(row)
            continue
        columns = {column.lower(): column for column in row}
        own = {part: columns.get(f"{model}-{part}", "") for part in ("checklist", "label", "generated_text")}
        if own["checklist"]:
            yield pair, _listed(row, own, numbers)


def _listed(row: Row, own: Mapping[str, str], numbers: Mapping[int, Choice]) -> Answer:
    """An answer of RationaleRM: its list, and the verdict of its label, else of its text."""
    listed = tuple(Rationale(text=point, about=subject_side(point)) for point in texts(row, own["checklist"]))
    raw = (optional_text(row, own["generated_text"]) or "") if own["generated_text"] else ""
    if not own["label"] and not own["generated_text"]:
        name = own["checklist"].rpartition("-")[0]
        problem = f"column {own['checklist']!r} stands without {name}-label and {name}-generated_text"
        raise InputError(problem, fix="add the model's label (A>B, B>A, A=B, ...)")
    label = row.get(own["label"]) if own["label"] else None
    if label is not None:
        return Answer(_meaning(label, own["label"], numbers), rationales=listed, raw=raw)
    read = parse_answer(raw)
    if read.verdict is None:
        return Answer(None, "unparsed", f"no label, and of the text: {read.problem}", raw=raw)
    return Answer(read.verdict, rationales=listed, raw=raw)


def _explained(row: Row) -> Answer:
    """An answer of R-Align: its explanation is one reason, without thinking."""
    raw, said, meta = (row.get(column) for column in ("model_judgment", "model_pred", "metarm_verdict"))
    if meta is not None and meta != _SKIPPED and meta not in _META:
        offered = ", ".join([*_META, _SKIPPED])
        raise InputError(f"column 'metarm_verdict' is {came(meta)}, expected one of {offered}", fix="write one of them")
    if said is not None and said not in ("A", "B"):
        raise InputError(f"column 'model_pred' is {came(said)}, expected A, B or null", fix="write one of them")
    raw = optional_text(row, "model_judgment")
    if raw is None and said is None:
        return Answer(None, "provider", "the published run has no answer here")
    raw = raw or ""
    if said is None:
        return Answer(None, "unparsed", "the published run found no verdict in the answer", raw=raw)
    reason = strip_thinking(raw).strip()
    reasons = (Rationale(text=reason),) if reason else ()
    return Answer(said, rationales=reasons, raw=raw, rationale_verdict=_META.get(str(meta)))


def _meaning(label: Any, column: str, numbers: Mapping[int, Choice]) -> Choice:
    number = _whole(label)
    bare = _WRAPPED.sub(lambda found: found[1] or found[2] or "", label) if isinstance(label, str) else ""
    choice = _LABELS.get("".join(bare.upper().split())) if number is None else numbers.get(number)
    if choice is None:
        unknown = number is not None and not numbers
        why = (
            " (no label of this model is negative, so its numbers do not say which response they mean)"
            if unknown
            else ""
        )
        raise InputError(
            f"label in column {column!r} is {came(label)}{why}",
            fix="write A>>B, A>B, A=B, B>A, B>>A, or -3 to 3 (below 0: response 1)",
        )
    return choice


def _named(row: Row) -> str:
    """Name of the judge of an R-Align row."""
    meta = row.get("meta")
    name = meta.get("model_name") if isinstance(meta, Mapping) else None
    return name if isinstance(name, str) and name else _UNNAMED


def _whole(label: Any) -> int | None:
    """A label that is a whole number, also as text."""
    if isinstance(label, str) and re.fullmatch(r"\s*[-+]?\d{1,2}\s*", label):
        return int(label)
    if isinstance(label, bool) or not isinstance(label, int | float) or label != label // 1:
        return None
    return int(label)
