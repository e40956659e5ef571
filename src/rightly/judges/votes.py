"""What a judge says in one answer, and how several answers become one judgment."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from statistics import fmean
from typing import NamedTuple

from rightly.inference.generator import Completion
from rightly.inference.token_logprobs import stated_word
from rightly.judges.base import JudgeIdentity
from rightly.judges.declared import best_of
from rightly.judges.format import Format
from rightly.judges.parsing import Parsed
from rightly.metrics.accuracy import majority
from rightly.references import subject_side
from rightly.types import Choice, FailureKind, Judgment, Order, PreferencePair, Rationale, Usage, letter_of


class Sample(NamedTuple):
    """One answer, read.

    Attributes:
        verdict: Verdict; ``None`` after a failure, and for a score of a single response.
        failure: Kind of failure.
        detail: One line about the failure.
        rationales: Reasons, most important first.
        unread: Why the reasons could not be read.
        prose: Text with the reasons, if they are not listed.
        scores: Scores of the responses; ``None`` where one is unusable, which fails the sample.
        preference: Probability of response A by the log-probabilities, ties half.
        repaired: Whether the JSON of the answer had to be repaired.
        raw: Unparsed answer.
        usage: Billed tokens.
    """

    verdict: Choice | None
    failure: FailureKind | None
    detail: str
    rationales: tuple[Rationale, ...] = ()
    unread: str = ""
    prose: str = ""
    scores: tuple[float | None, ...] = ()
    preference: float | None = None
    repaired: bool = False
    raw: str = ""
    usage: Usage = Usage()

    @classmethod
    def of(cls, completion: Completion, parsed: Parsed, form: Format) -> "Sample":
        """The sample of an answer; after a failure it has neither verdict nor reasons."""
        failure, detail = completion.failure, completion.detail
        if failure is None and parsed.problem:
            failure, detail = "unparsed", parsed.problem
        if failure is not None:
            return cls(None, failure, detail, raw=completion.text, usage=completion.usage)
        shares = _shares(completion, form)
        return cls(
            verdict=parsed.verdict,
            failure=None,
            detail="",
            rationales=parsed.rationales,
            unread=parsed.unread,
            prose=parsed.prose,
            scores=_expected(shares, parsed.scores) if form.verdict.read == "score" else parsed.scores,
            preference=_preferred(shares, parsed.verdict, form),
            repaired=parsed.repaired,
            raw=completion.text,
            usage=completion.usage,
        )


def _shares(completion: Completion, form: Format) -> dict[str, float]:
    """Probability of each statement at the last token that states a verdict, over all statements; empty if unknown."""
    words = form.single_tokens
    last = next((each for each in reversed(completion.logprobs)), None)
    if last is None:
        return {}
    found: dict[str, float] = {}
    for token, logprob in last.alternatives.items():
        word = stated_word(token)
        if word in words:
            found[word] = found.get(word, 0.0) + math.exp(logprob)
    total = sum(found.values())
    return {word: share / total for word, share in found.items()} if total > 0 else {}


def _expected(shares: Mapping[str, float], scores: tuple[float, ...]) -> tuple[float, ...]:
    """The expected score, if the likeliest statements are known and the stated score is among them; else the score."""
    if len(scores) != 1 or f"{scores[0]:g}" not in shares:
        return scores
    return (sum(float(word) * share for word, share in shares.items()),)


def _preferred(shares: Mapping[str, float], verdict: Choice | None, form: Format) -> float | None:
    """The probability of response A, ties half; ``None`` if the token is not the stated verdict."""
    if form.verdict.read != "label" or form.compares != "pair":
        return None
    choices = {word: form.verdict.labels.get(word.upper()) for word in shares}
    if verdict is None or verdict not in choices.values():
        return None
    return sum(share * share_of(choices[word]) for word, share in shares.items())


def each_alone(samples: Sequence[Sample]) -> Sample:
    """One sample from the scores of single responses: the highest score wins, equal ones tie.

    The reasons are interleaved, every response's first, then every response's second, and name their response.
    """
    usage = sum((each.usage for each in samples), Usage())
    raw = "\n\n".join(f"## Response {letter_of(i)}\n{each.raw}" for i, each in enumerate(samples))
    failed = [(i, each) for i, each in enumerate(samples) if each.failure is not None]
    if failed:
        # A failed request is asked again, whatever else is wrong.
        place, first = next((one for one in failed if one[1].failure == "provider"), failed[0])
        detail = f"response {letter_of(place)}: {first.detail}"
        known = tuple(each.scores[0] if each.failure is None else None for each in samples)
        return Sample(None, first.failure, detail, scores=known, raw=raw, usage=usage)
    scores = tuple(score for each in samples for score in _numbers(each))
    lists = [[_about(reason, letter_of(i)) for reason in each.rationales] for i, each in enumerate(samples)]
    dealt = (reason for reason in chain.from_iterable(zip_longest(*lists)) if reason is not None)
    prose = "\n\n".join(f"Response {letter_of(i)}:\n{each.prose}" for i, each in enumerate(samples) if each.prose)
    unread = next((each.unread for each in samples if each.unread), "")
    return Sample(
        verdict=best_of(scores),
        failure=None,
        detail="",
        rationales=tuple(dealt),
        unread=unread,
        prose=prose,
        scores=scores,
        repaired=any(each.repaired for each in samples),
        raw=raw,
        usage=usage,
    )


def _about(reason: Rationale, letter: str) -> Rationale:
    """A reason about a response that was shown alone, with that response's name."""
    text = reason.text if subject_side(reason.text) else f"Response {letter}: {reason.text}"
    return reason.model_copy(update={"text": text, "about": letter if letter in ("A", "B") else None})


def in_stored_order(sample: Sample, shown: Sequence[int]) -> Sample:
    """A sample in the names of the stored pair.

    Args:
        sample: Sample in the names shown.
        shown: Place of each shown response in the stored pair.
    """
    if list(shown) == sorted(shown):
        return sample
    verdict = sample.verdict
    if verdict is not None and verdict != "tie":
        verdict = letter_of(next(place for n, place in enumerate(shown) if letter_of(n) == verdict))
    scores = tuple(score for _, score in sorted(zip(shown, sample.scores, strict=False)))
    if len(shown) > 2:
        # The names inside the reasons are those shown; reasons of three and more responses are matched with nothing.
        return sample._replace(verdict=verdict, scores=scores, rationales=(), unread="more than two responses")
    return sample._replace(
        verdict=verdict,
        scores=scores,
        rationales=tuple(reason.swap() for reason in sample.rationales),
        preference=None if sample.preference is None else 1 - sample.preference,
    )


def combined(
    samples: Sequence[Sample], pair: PreferencePair, judge: JudgeIdentity, order: Order, *, voted: bool
) -> Judgment:
    """One judgment from the samples of one question.

    The majority is the verdict, equal counts are a tie; scores are means over the samples. An unusable answer does not vote.
    The reasons are those of the first sample with that verdict. If any request failed, so has the judgment: a resumed run
    asks it again, and every figure is of the full number of samples.

    Args:
        samples: Samples in the names of the stored pair.
        pair: The judged pair.
        judge: Identity of the judge.
        order: Order shown.
        voted: Whether the judge votes; a single answer has no votes.
    """
    raw = (
        samples[0].raw if not voted else "\n\n".join(f"## Sample {i}\n{each.raw}" for i, each in enumerate(samples, 1))
    )
    common = {
        "pair_id": pair.id,
        "pair_key": pair.content_key,
        "judge": judge.name,
        "made_by": judge.made_by(pair),
        "order": order,
        "raw": raw,
        "usage": sum((each.usage for each in samples), Usage()),
    }
    failed = [each for each in samples if each.failure is not None]
    ended = next((each for each in failed if each.failure == "provider"), None)
    if ended is None and len(failed) == len(samples):
        ended = failed[0]
    if ended is not None:
        detail = (
            ended.detail if not voted else f"{len(failed)} of {len(samples)} samples failed, one with: {ended.detail}"
        )
        return Judgment(**common, failure=ended.failure, detail=detail, scores=_known_scores(failed))
    usable = [each for each in samples if each.failure is None]
    scores = _mean_scores(usable)
    verdict = best_of(scores) if scores and _by_scores(usable) else majority((each.verdict for each in usable), "tie")
    like = next((each for each in usable if each.verdict == verdict), usable[0])
    agree = like.verdict == verdict
    return Judgment(
        **common,
        verdict=verdict,
        rationales=like.rationales if agree else (),
        unread=like.unread if agree else "no sample has the verdict of the vote",
        prose=like.prose if agree else "",
        scores=scores,
        votes=tuple(each.verdict for each in samples) if voted else (),
        preference=_preference(usable, voted=voted) if len(pair.responses) == 2 else None,
        repaired=any(each.repaired for each in usable),
    )


def _mean_scores(samples: Sequence[Sample]) -> tuple[float, ...]:
    if not all(each.scores for each in samples):
        return ()
    return tuple(fmean(own) for own in zip(*map(_numbers, samples), strict=True))


def _known_scores(failed: Sequence[Sample]) -> tuple[float | None, ...]:
    """The mean score of every response over the failed samples that have one; empty if they score nothing."""
    columns = zip(*(each.scores for each in failed if each.scores), strict=True)
    known = ([score for score in own if score is not None] for own in columns)
    return tuple(fmean(own) if own else None for own in known)


def _numbers(sample: Sample) -> tuple[float, ...]:
    return tuple(score for score in sample.scores if score is not None)


def _by_scores(samples: Sequence[Sample]) -> bool:
    """Whether the verdicts are those of the scores: a form may state scores beside a verdict of its own."""
    return all(each.verdict == best_of(_numbers(each)) for each in samples)


def _preference(samples: Sequence[Sample], *, voted: bool) -> float | None:
    """The mean probability of response A over the samples; a sample without log-probabilities counts by its verdict."""
    known = [each.preference for each in samples]
    if not voted and known[0] is None:
        return None
    return fmean(share_of(each.verdict) if p is None else p for each, p in zip(samples, known, strict=True))


def share_of(verdict: Choice | None) -> float:
    """The share of response A in a verdict: 1, 0, or one half for a tie."""
    return 1.0 if verdict == "A" else 0.0 if verdict == "B" else 0.5
