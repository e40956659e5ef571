"""Split human feedback into atomic points: one checkable statement about one response each.

As in "Outcome Accuracy is Not Enough" (2026, section 3 and its appendix on decomposition): specific points are kept,
vague ones are made concrete or dropped, repeats merged, contradictions dropped, nothing added. The feedback of all
annotators of a pair becomes one list.
"""

from typing import Protocol

from rightly.auditing.prose import ProseSplitter
from rightly.inference.generator import Generator, Request
from rightly.inference.reading import listed_texts
from rightly.inference.specs import Sampling
from rightly.prompting import fill, load_prompt
from rightly.store.fingerprint import fingerprint
from rightly.types import FailureKind, Message, PreferencePair, Record, Usage, content_key

_READER_VERSION = 2
"""Version of the answer reader. Raise it when the same answer is read differently."""


class AtomRecord(Record):
    """The human points of one pair.

    Attributes:
        pair_id: Id of the pair.
        atomiser: Name of the atomiser, for display.
        made_by: Fingerprint of the atomiser.
        feedback: Content key of the pair and its human reasons.
        points: Human points, in the names of the stored pair.
        raw: Unparsed answer.
        failure: Kind of failure, if any.
        detail: One line about the failure.
        usage: Billed tokens.
    """

    pair_id: str
    atomiser: str
    made_by: str
    feedback: str
    points: tuple[str, ...] = ()
    raw: str = ""
    failure: FailureKind | None = None
    detail: str = ""
    usage: Usage = Usage()

    @property
    def key(self) -> str:
        """Identity of the record: the feedback on the pair and the atomiser."""
        return atom_key(self.made_by, self.feedback)

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.failure == "provider"


class Atomiser(Protocol):
    """Interface of everything that splits the rationales of a pair into points.

    Attributes:
        name: Display name of the atomiser.
        fingerprint: Digest of everything that can change the points.
        concurrency: Useful number of pairs in flight at once.
    """

    name: str
    fingerprint: str
    concurrency: int

    async def atomise(self, pair: PreferencePair) -> AtomRecord:
        """Split this pair's human rationales into points."""
        ...

    async def aclose(self) -> None:
        """Release the atomiser's resources."""
        ...


class GivenPoints:
    """Uses the human reasons unchanged: one point each, without repeats."""

    name = "given"
    fingerprint = fingerprint("given")
    concurrency = 1

    async def atomise(self, pair: PreferencePair) -> AtomRecord:
        """Make one point of each reason with a text."""
        texts = (" ".join(reason.text.split()) for reason in pair.rationales)
        points = tuple(dict.fromkeys(text for text in texts if text))
        return _record(self, pair).model_copy(update={"points": points})

    async def aclose(self) -> None:
        """Nothing to release."""


class GenerativeAtomiser:
    """Asks a language model to split the feedback of all annotators of a pair into one list of points."""

    def __init__(self, name: str, generator: Generator, sampling: Sampling) -> None:
        self.name, self.concurrency = name, generator.concurrency
        self._generator, self._sampling = generator, sampling
        self.fingerprint = atomiser_fingerprint(generator.fingerprint, sampling)
        self._prompt = load_prompt("rightly.auditing", "atomise")

    async def atomise(self, pair: PreferencePair) -> AtomRecord:
        """Ask once; a pair without reasons has no points and sends no request."""
        record = _record(self, pair)
        if not pair.rationales:
            return record
        completion = await self._generator.generate(self.request(pair))
        points, problem = listed_texts(completion.text, "points")
        failure = completion.failure or ("unparsed" if problem else None)
        return record.model_copy(
            update={
                "points": () if failure else points,
                "raw": completion.text,
                "failure": failure,
                "detail": completion.detail or problem,
                "usage": completion.usage,
            }
        )

    @property
    def splitter(self) -> ProseSplitter:
        """The same model, as the splitter of judges' prose."""
        return ProseSplitter(self.name, self._generator, self._sampling)

    def request(self, pair: PreferencePair) -> Request:
        """The request about a pair."""
        return self._sampling.request((_message(self._prompt, pair),))

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()


def atomiser_fingerprint(generator: str, sampling: Sampling) -> str:
    """Identity of the atomiser that asks this generator: its model, decoding options, prompt and reader."""
    prompt = load_prompt("rightly.auditing", "atomise")
    return fingerprint(
        "atomiser", generator=generator, sampling=sampling.model_dump(), prompt=prompt, reader=_READER_VERSION
    )


def atom_key(made_by: str, feedback: str) -> str:
    """The key of the points that an atomiser makes from a feedback."""
    return content_key([made_by, feedback])


def feedback_key(pair: PreferencePair) -> str:
    """Identity of an atomiser's input: the pair's id, context, responses and human reasons."""
    return content_key(
        [pair.id, pair.content_key, *(f"{reason.annotator}\x1f{reason.text}" for reason in pair.rationales)]
    )


def _record(atomiser: Atomiser, pair: PreferencePair) -> AtomRecord:
    return AtomRecord(
        pair_id=pair.id, atomiser=atomiser.name, made_by=atomiser.fingerprint, feedback=feedback_key(pair)
    )


def _message(prompt: str, pair: PreferencePair) -> Message:
    fields = {
        "fence": content_key([*pair.responses, *(reason.text for reason in pair.rationales)])[:8],
        "context": "\n\n".join(f"{m.role}: {m.content}" for m in pair.context) or "(none)",
        "response_a": pair.responses[0],
        "response_b": pair.responses[1],
        "feedback": "\n".join(f"- {reason.annotator or 'annotator'}: {reason.text}" for reason in pair.rationales),
    }
    return Message(role="user", content=fill(prompt, fields))
