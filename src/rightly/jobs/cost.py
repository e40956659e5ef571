"""Estimated requests and cost by role before the first call, and actual spending afterwards."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from rightly.auditing.points import Atomiser, GenerativeAtomiser
from rightly.inference.account import Account
from rightly.inference.book import Price, SpendingBook
from rightly.inference.bounds import estimate_usage, worst_usage
from rightly.inference.generator import Request
from rightly.inference.specs import price_of
from rightly.judges.base import Judge
from rightly.judges.generative import GenerativeJudge
from rightly.judges.panel import PanelJudge
from rightly.judges.specs import spec_of
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher
from rightly.matchers.official_grammar import SCHEME as OFFICIAL
from rightly.matchers.official_judge import OfficialMetaJudge
from rightly.types import PreferencePair, Usage

ANSWER_TOKENS = 400
"""Assumed tokens of one answer: five reasons and a verdict, without thinking."""
REASON = "x" * 120
"""Placeholder for a judge's reason, whose text is not known in advance."""
_PROSE = "x" * 4 * ANSWER_TOKENS
"""Placeholder for the prose of a judge."""
_SAMPLE = 200
_GUESSES = (
    f"(estimated with 4 characters per token, {ANSWER_TOKENS} tokens per answer, {len(REASON)} characters per reason to "
    "match; answers on disk or in the cache are free)"
)


class Asked(NamedTuple):
    """The expected requests to one model in one role.

    Attributes:
        role: Role of the model: ``judge``, ``atomiser``, ``judges' prose`` or ``matcher``.
        name: Spec of the model.
        requests: Requests of the sampled pairs.
        share: Number of requests that each of these stands for, in a run whose models are asked about different pairs.
    """

    role: str
    name: str
    requests: list[Request]
    share: float = 1.0

    @property
    def worst(self) -> Usage | None:
        """Maximum billed tokens of one attempt at each request; ``None`` if an answer has no limit."""
        found = [worst_usage(request) for request in self.requests]
        known = [usage for usage in found if usage is not None]
        return sum(known, Usage()) if len(known) == len(found) else None


def asked_of_judges(judges: Sequence[Judge], pairs: Sequence[PreferencePair]) -> list[Asked]:
    """The requests of the judges with a model about these pairs; each member of a panel is listed separately."""
    single = [one for judge in judges for one in (judge.members if isinstance(judge, PanelJudge) else [judge])]
    return [Asked("judge", judge.name, [r for pair in pairs for r in judge.requests(pair)]) for judge in single]


def asked_of_graders(
    atomiser: Atomiser, matcher: Matcher, judges: Sequence[Judge], pairs: Sequence[PreferencePair], max_reasons: int
) -> list[Asked]:
    """The requests to the atomiser and the matcher about these pairs; the lists to match are assumed."""
    with_reasons = [pair for pair in pairs if pair.rationales]
    asked = []
    if isinstance(atomiser, GenerativeAtomiser):
        asked.append(Asked("atomiser", atomiser.name, [atomiser.request(pair) for pair in with_reasons]))
        writers = [
            one for one in judges if isinstance(one, GenerativeJudge) and one.settings.form.reasons.at == "prose"
        ]
        texts = sum(len(judge.orders(pair)) for pair in with_reasons for judge in writers)
        if texts:
            asked.append(Asked("judges' prose", atomiser.name, [atomiser.splitter.request(_PROSE)] * texts))
    if isinstance(matcher, LLMMatcher | OfficialMetaJudge):
        reasons = [REASON] * max_reasons
        lists = [
            matcher.request([reason.text for reason in pair.rationales], reasons)
            for pair in with_reasons
            for judge in judges
            for _ in judge.orders(pair)
        ]
        asked.append(Asked("matcher", matcher.name, lists))
    return asked


def sample(pairs: Iterable[PreferencePair]) -> list[PreferencePair]:
    """The pairs used to measure prompt lengths: the first 200."""
    return list(islice(pairs, _SAMPLE))


def estimate_lines(asked: Sequence[Asked], n_looked: int, n_pairs: int | None, account: Account) -> list[str]:
    """A line for each model and role, and one for the total against the budget; empty without requests.

    Args:
        asked: Requests about the sampled pairs.
        n_looked: Number of sampled pairs.
        n_pairs: Total number of pairs; ``None`` if unknown, in which case the figures are for 1,000 pairs.
        account: Prices, budget, and earlier spending in the run folder.
    """
    asked = [each for each in asked if each.requests]
    if not asked:
        return []
    per_pair = (1000 if n_pairs is None else n_pairs) / n_looked
    per = " for every 1,000 pairs" if n_pairs is None else ""
    lines, sums, worsts = [], [], []
    for each in asked:
        scale = per_pair * each.share
        usage, price = estimate_usage(each.requests, output_tokens=ANSWER_TOKENS), _price(each.name, account)
        worst = None if price is None or each.worst is None else price.of(each.worst) * scale
        lines.append(
            f"{each.role} {each.name}: about {len(each.requests) * scale:,.0f} calls, {usage.input_tokens * scale:,.0f} "
            f"tokens in and {usage.output_tokens * scale:,.0f} out"
            f"{'' if price is None else _dollars(price.of(usage) * scale, worst)}{per}"
        )
        if price is not None:
            sums.append(price.of(usage) * scale)
            worsts.append(worst)
    if account.budget is not None or len(sums) > 1:
        known = [worst for worst in worsts if worst is not None]
        total = _dollars(sum(sums), sum(known) if len(known) == len(worsts) else None).removeprefix(", ")
        lines.append(f"{'all' if len(sums) == len(asked) else 'all with a price'}: {total}{per}{_against(account)}")
    return [*lines, _GUESSES]


def spending_lines(book: SpendingBook) -> list[str]:
    """Spending of a run folder by role and model, over all its processes; empty if nothing was billed."""
    lines = []
    for (role, model), one in sorted(book.settled.items()):
        money = f", ${one.dollars:,.4f}" if one.unpriced != one.usage else ""
        part = " for those that had a price" if money and one.unpriced != Usage() else ""
        lines.append(
            f"{role} {model}: {one.calls:,} calls billed, {one.usage.input_tokens:,} tokens in and "
            f"{one.usage.output_tokens:,} out{money}{part}"
        )
    if book.open:
        lines.append(
            f"{len(book.open):,} calls were sent and their bill never arrived (stopped, timed out, server error): up to "
            f"${book.reserved():,.4f} more, which counts as spent"
        )
    return ["spent in this run folder:", *lines] if lines else []


def _price(name: str, account: Account) -> Price | None:
    return price_of(spec_of(name).removeprefix(f"{OFFICIAL}:"), account.prices)


def _dollars(expected: float, worst: float | None) -> str:
    return f", about ${expected:,.2f}" + ("" if worst is None else f" and at most ${worst:,.2f}")


def _against(account: Account) -> str:
    if account.budget is None:
        return ""
    spent = account.spent
    before = f", of which ${spent:,.4f} is spent" if spent else ""
    return f"; the budget is ${account.budget:g}{before}: no call is sent that could pass it"
