"""The judges, atomiser and matcher of an audit, stored in a file so that none of them must be built."""

from rightly.judges.base import JudgeIdentity
from rightly.matchers.validation.trust import Trust, unmeasured
from rightly.types import Frozen


class Maker(Frozen):
    """Identity of an atomiser or a matcher, known without loading a model.

    Attributes:
        name: Display name of the maker.
        fingerprint: Digest of everything that can change its output.
    """

    name: str
    fingerprint: str


class Cast(Frozen):
    """The makers of an audit's records, stored when it ran: enough to score them again without building a model.

    Attributes:
        judges: Judges, in the order of the table.
        atomiser: Atomiser that splits the human reasons.
        matcher: Matcher that links them with the judges' reasons.
        splitter: Model that splits the prose of judges; ``None`` without one.
        smoke_only: Whether the matcher is for smoke tests only.
        reliability: Reliability lines of the matcher; empty if it was not measured.
        carries_ranking: Whether the matcher is reliable enough to rank judges; ``None`` if that was not measured.
    """

    judges: tuple[JudgeIdentity, ...]
    atomiser: Maker
    matcher: Maker
    splitter: Maker | None = None
    smoke_only: bool
    reliability: tuple[str, ...] = ()
    carries_ranking: bool | None = None

    def with_trust(self, trust: Trust | None) -> "Cast":
        """The cast with the measurements of its matcher."""
        lines = (unmeasured(self.matcher.name),) if trust is None else trust.lines()
        ranking = None if trust is None else trust.reliability.carries_ranking
        return self.model_copy(update={"reliability": lines, "carries_ranking": ranking})

    @property
    def names(self) -> list[str]:
        """The judges' names."""
        return [judge.name for judge in self.judges]
