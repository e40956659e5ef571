"""Split a judge's prose into its reasons, for formats whose judges do not list them.

The atomiser's model splits it, one request for each text. Without a model the reasons stay unread, and the consistency of
such a judge is not measured.
"""

from collections.abc import Callable, Iterable, Iterator

from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Generator, Request
from rightly.inference.reading import listed_texts
from rightly.inference.specs import Sampling
from rightly.prompting import fill, load_prompt
from rightly.references import subject_side
from rightly.store.fingerprint import fingerprint
from rightly.store.records import RecordFile
from rightly.types import FailureKind, Judgment, Rationale, Record, Turn, Usage, content_key

_READER_VERSION = 1
"""Version of the answer reader. Raise it when the same answer is read differently."""
UNSPLIT = "prose; to split it into reasons, give --atomiser MODEL"


class ProseRecord(Record):
    """The reasons in one text of a judge.

    Attributes:
        judge: Name of the judge, for display.
        splitter: Name of the model that split the text.
        made_by: Fingerprint of the splitter.
        prose: Content key of the text.
        reasons: Reasons in the names of the text, the weightiest first.
        raw: Unparsed answer.
        failure: Kind of failure, if any.
        detail: One line about the failure.
        usage: Billed tokens.
    """

    judge: str
    splitter: str
    made_by: str
    prose: str
    reasons: tuple[str, ...] = ()
    raw: str = ""
    failure: FailureKind | None = None
    detail: str = ""
    usage: Usage = Usage()

    @property
    def key(self) -> str:
        """Identity of the record: the text and the splitter."""
        return content_key([self.made_by, self.prose])

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.failure == "provider"


class ProseSplitter:
    """Asks a language model for the reasons in a text.

    Args:
        name: Display name of the model.
        generator: The model to ask.
        sampling: Decoding options of every call.
    """

    def __init__(self, name: str, generator: Generator, sampling: Sampling) -> None:
        self.name, self.concurrency = name, generator.concurrency
        self._generator, self._sampling = generator, sampling
        self._prompt = load_prompt("rightly.auditing", "split_reasons")
        self.fingerprint = fingerprint(
            "splitter",
            generator=generator.fingerprint,
            sampling=sampling.model_dump(),
            prompt=self._prompt,
            reader=_READER_VERSION,
        )

    def request(self, prose: str) -> Request:
        """The request about a text."""
        fields = {"fence": content_key([prose])[:8], "prose": prose}
        return self._sampling.request((Turn(role="user", content=fill(self._prompt, fields)),))

    async def split(self, judgment: Judgment) -> ProseRecord:
        """Ask once."""
        completion = await self._generator.generate(self.request(judgment.prose))
        reasons, problem = listed_texts(completion.text, "reasons")
        failure = completion.failure or ("unparsed" if problem else None)
        return ProseRecord(
            judge=judgment.judge,
            splitter=self.name,
            made_by=self.fingerprint,
            prose=content_key([judgment.prose]),
            reasons=() if failure else reasons,
            raw=completion.text,
            failure=failure,
            detail=completion.detail or problem,
            usage=completion.usage,
        )


async def collect_prose(
    judgments: Iterable[Judgment],
    splitter: ProseSplitter,
    records: RecordFile[ProseRecord],
    on_done: Callable[[ProseRecord | None], None],
) -> None:
    """Split every text that is not split yet, equal texts once.

    Args:
        judgments: Judgments; those without prose are skipped.
        splitter: Model that splits them.
        records: Store for the reasons; stored ones are not repeated.
        on_done: Callback for every new record; it gets ``None`` for every stored one.
    """
    done = records.done()

    def missing() -> Iterator[Judgment]:
        for judgment in judgments:
            key = content_key([splitter.fingerprint, content_key([judgment.prose])])
            if not judgment.prose:
                continue
            if key in done:
                on_done(None)
            else:
                done.add(key)
                yield judgment

    async for record in run_bounded(missing(), splitter.split, concurrency=splitter.concurrency):
        records.append(record)
        on_done(record)


def with_split_reasons(judgments: Iterable[Judgment], records: Iterable[ProseRecord]) -> list[Judgment]:
    """The judgments with the reasons of their prose, in the names of the stored pair; unsplit prose is named as unread."""
    known = {record.prose: record for record in records}
    return [_with_reasons(judgment, known.get(content_key([judgment.prose]))) for judgment in judgments]


def _with_reasons(judgment: Judgment, record: ProseRecord | None) -> Judgment:
    if not judgment.prose:
        return judgment
    if record is None:
        return judgment.model_copy(update={"unread": UNSPLIT})
    if record.failure is not None:
        return judgment.model_copy(update={"unread": f"prose that could not be split: {record.detail}"})
    reasons = [Rationale(text=text, about=subject_side(text)) for text in record.reasons]
    stored = reasons if judgment.order == "AB" else [reason.swap() for reason in reasons]
    return judgment.model_copy(update={"rationales": tuple(stored)})
