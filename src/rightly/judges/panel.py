"""Several judges as one: the majority's verdict with the majority's reasons."""

import asyncio
from collections.abc import Sequence
from itertools import chain, zip_longest
from statistics import fmean

from rightly.inference.dispatch import all_ended
from rightly.inference.generator import Request
from rightly.judges.base import Judge, JudgeIdentity
from rightly.judges.votes import share_of
from rightly.metrics.accuracy import majority
from rightly.store.fingerprint import fingerprint
from rightly.types import Judgment, Order, PreferencePair, Rationale, Usage


class PanelJudge:
    """A majority panel.

    The verdict needs more votes than any other; equal counts are a tie. A failed member does not vote, and a panel fails
    only if all its members fail. The reasons are those of the members that voted with the panel, interleaved (every
    member's first, then every member's second, ...), without repeats. The panel's preference is the mean of its members'.

    Args:
        members: The judges of the panel, two or more.

    Attributes:
        members: The judges of the panel.
    """

    def __init__(self, members: Sequence[Judge]) -> None:
        self.identity = panel_identity([member.identity for member in members])
        self.name = self.identity.name
        self.concurrency = max(member.concurrency for member in members)
        self.members = tuple(members)

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """Both orders if any member wants both."""
        wanted = {order for member in self.members for order in member.orders(pair)}
        return tuple(order for order in ("AB", "BA") if order in wanted)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """The requests of all members."""
        return [request for member in self.members for request in member.requests(pair)]

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Ask all members concurrently. If one ends the run, the others' answers are awaited, as they may be billed."""
        said = await all_ended(member.judge(pair, order) for member in self.members)
        usage = sum((one.usage for one in said), Usage())
        raw = "\n\n".join(f"## {one.judge}: {one.verdict or one.failure}\n{one.raw}" for one in said)
        pairwise = len(pair.responses) == 2
        verdict = majority((one.verdict for one in said), "tie")
        if verdict is None:
            retry = any(one.retry for one in said)
            return Judgment(
                pair_id=pair.id,
                pair_key=pair.content_key,
                judge=self.name,
                made_by=self.identity.made_by(pair),
                order=order,
                failure="provider" if retry else said[0].failure,
                detail="; ".join(f"{one.judge}: {one.detail}" for one in said),
                raw=raw,
                usage=usage,
            )
        agree = [one for one in said if one.verdict == verdict]
        reasons = _deal([one.rationales for one in agree])
        return Judgment(
            pair_id=pair.id,
            pair_key=pair.content_key,
            judge=self.name,
            made_by=self.identity.made_by(pair),
            order=order,
            verdict=verdict,
            rationales=reasons,
            unread="" if reasons else _unread(agree),
            preference=fmean(_preference(one) for one in said if one.verdict is not None) if pairwise else None,
            raw=raw,
            usage=usage,
        )

    async def aclose(self) -> None:
        """Close all members."""
        await asyncio.gather(*(member.aclose() for member in self.members))


def _preference(said: Judgment) -> float:
    return share_of(said.verdict) if said.preference is None else said.preference


def _unread(agree: Sequence[Judgment]) -> str:
    """Why the members that voted with the panel have no reasons; empty if they gave none."""
    if not agree:
        return "no member has the panel's verdict"
    return next((one.unread or "prose of a panel's member" for one in agree if one.unread or one.prose), "")


def panel_identity(members: Sequence[JudgeIdentity]) -> JudgeIdentity:
    """Identity of a panel of these judges."""
    return JudgeIdentity(
        name="panel:" + "+".join(member.name for member in members),
        fingerprint=fingerprint("panel", members=[member.fingerprint for member in members]),
        note="a majority panel",
        held_out_person=any(member.held_out_person for member in members),
        compares_all=all(member.compares_all for member in members),
    )


def _deal(lists: Sequence[Sequence[Rationale]]) -> tuple[Rationale, ...]:
    dealt = (reason for reason in chain.from_iterable(zip_longest(*lists)) if reason is not None)
    return tuple({reason.text: reason for reason in dealt}.values())
