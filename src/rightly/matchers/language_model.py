"""The MetaJudge: a language model that says which reasons make the same point, and how far.

It sees the two lists and nothing else ("Outcome Accuracy is Not Enough", 2026, section 3). Where the paper asks for the
one best reason of every point, this prompt asks for every link, sparse and graded, so that the best one-to-one matching
can be computed instead of hoped for.
"""

import re
from collections.abc import Sequence

from rightly.inference.generator import Generator, Request
from rightly.inference.reading import strip_thinking
from rightly.inference.specs import Sampling
from rightly.matchers.base import MOSTLY, Link, Match
from rightly.prompting import fill, load_prompt
from rightly.store.fingerprint import fingerprint
from rightly.types import Message, content_key

_READER_VERSION = 2
"""Raise it when the same answer is read differently."""
_BLOCK = re.compile(r"(?is)<matches>(?!.*<matches>)(.*?)(?:</matches>|\Z)")
_LINE = re.compile(
    r"(?im)^\W*R\s*(?P<reference>\d+)\s*@\s*(?:S\s*(?P<candidate>\d+)\s*[:=]\s*(?P<score>\d*\.?\d+)|(?P<none>none|S0|R0))"
)


class LLMMatcher:
    """Matches two lists by asking a generator.

    Args:
        name: Name in tables.
        generator: The model.
        sampling: Decoding options.
    """

    smoke_only = False
    free = False
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, name: str, generator: Generator, sampling: Sampling) -> None:
        self.name, self.concurrency = name, generator.concurrency
        self._generator, self._sampling = generator, sampling
        self.fingerprint = llm_matcher_fingerprint(generator.fingerprint, sampling)
        self._prompt = load_prompt("rightly.matchers", "metajudge")

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the lists; an answer that does not account for every point is a failed match."""
        if not reference or not candidate:
            return Match()
        completion = await self._generator.generate(self.request(reference, candidate))
        links, problem = parse_links(completion.text, len(reference), len(candidate))
        failure = completion.failure or ("unparsed" if problem else None)
        return Match(
            links=() if failure else links,
            raw=completion.text,
            failure=failure,
            detail=completion.detail or problem,
            usage=completion.usage,
        )

    def request(self, reference: Sequence[str], candidate: Sequence[str]) -> Request:
        """What the model is asked about two lists."""
        return self._sampling.request(self._messages(reference, candidate))

    def _messages(self, reference: Sequence[str], candidate: Sequence[str]) -> tuple[Message, ...]:
        fields = {
            "fence": content_key([*reference, *candidate])[:8],
            "reference": _numbered("R", reference),
            "candidate": _numbered("S", candidate),
        }
        return (Message(role="user", content=fill(self._prompt, fields)),)

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()


def llm_matcher_fingerprint(generator: str, sampling: Sampling) -> str:
    """Identity of the MetaJudge that asks this generator: its model, decoding options, prompt and reader."""
    prompt = load_prompt("rightly.matchers", "metajudge")
    return fingerprint(
        "metajudge", generator=generator, sampling=sampling.model_dump(), prompt=prompt, reader=_READER_VERSION
    )


def parse_links(text: str, n_reference: int, n_candidate: int) -> tuple[tuple[Link, ...], str]:
    """The links in a MetaJudge's answer, and what is wrong with it (empty when nothing is).

    The last ``<matches>`` block counts, thinking is cut off first. Every point must be accounted for, by a link or by
    ``none``; indices outside the lists and scores outside [0, 1] make the whole answer unusable.
    """
    blocks = _BLOCK.findall(strip_thinking(text))
    if not blocks:
        return (), "no <matches> block in the answer"
    links: list[Link] = []
    seen: set[int] = set()
    for line in _LINE.finditer(blocks[-1]):
        reference = int(line["reference"])
        seen.add(reference)
        if not 1 <= reference <= n_reference:
            return (), f"R{reference} is not one of {n_reference} reference points"
        if line["none"] or line["candidate"] == "0":
            continue
        candidate, score = int(line["candidate"]), float(line["score"])
        if not 1 <= candidate <= n_candidate:
            return (), f"S{candidate} is not one of {n_candidate} candidate reasons"
        if score > 1:
            return (), f"score {score} of R{reference} is above 1"
        if score > 0:
            links.append(Link(reference=reference - 1, candidate=candidate - 1, score=score))
    missing = sorted(set(range(1, n_reference + 1)) - seen)
    if missing:
        return (), f"nothing is said of R{missing[0]}"
    return tuple(links), ""


def _numbered(letter: str, points: Sequence[str]) -> str:
    return "\n".join(f"{letter}{number}: {' '.join(point.split())}" for number, point in enumerate(points, start=1))
