"""What judging will take, said before the first call."""

from collections.abc import Iterable, Sequence
from itertools import islice

from rightly.inference.account import Price, estimate_usage
from rightly.judges.judge import Judge
from rightly.types import PreferencePair

ANSWER_TOKENS = 400
"""A guess at one answer: five reasons and a verdict; thinking comes on top."""
_SAMPLE = 200


def estimate_lines(
    judges: Sequence[Judge], pairs: Iterable[PreferencePair], n_pairs: int | None, prices: dict[str, Price]
) -> list[str]:
    """A line for each judge that asks a model.

    Args:
        judges: The judges.
        pairs: Pairs to measure prompts on; the first 200 are looked at.
        n_pairs: How many there are in all; ``None`` when nobody knows, then the figures are for 1,000 pairs.
        prices: Price by judge name, where known.
    """
    looked = list(islice(pairs, _SAMPLE))
    lines = []
    for judge in judges:
        requests = [request for pair in looked for request in judge.requests(pair)]
        if not requests:
            continue
        scale = (1000 if n_pairs is None else n_pairs) / len(looked)
        usage = estimate_usage(requests, output_tokens=ANSWER_TOKENS)
        price = prices.get(judge.name)
        money = f", about ${price.of(usage) * scale:,.2f}" if price else ""
        per = " for every 1,000 pairs" if n_pairs is None else ""
        lines.append(
            f"{judge.name}: about {len(requests) * scale:,.0f} calls, {usage.input_tokens * scale:,.0f} tokens in and "
            f"{usage.output_tokens * scale:,.0f} out{money}{per} (4 characters a token, {ANSWER_TOKENS} tokens an answer; "
            "answers in the cache cost nothing)"
        )
    return lines
