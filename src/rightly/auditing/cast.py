"""Who makes the records of an audit: judges, atomiser, matcher; told from a file, without building anybody."""

from rightly.judges.base import JudgeIdentity
from rightly.matchers.validation.trust import Trust, unmeasured
from rightly.types import Frozen


class Maker(Frozen):
    """Who splits reasons, or matches them; told without loading a model.

    Attributes:
        name: For people.
        fingerprint: Digest of everything that can change what it makes.
    """

    name: str
    fingerprint: str


class Cast(Frozen):
    """Who makes the records of an audit, as noted when it asked: enough to score them again without building anybody.

    Attributes:
        judges: The judges, in the order of the table.
        atomiser: Who splits the human reasons.
        matcher: Who matches them with the judges' reasons.
        smoke_only: Whether the matcher only shows that the pipeline runs.
        reliability: What was known of the matcher.
        carries_ranking: Whether it is reliable enough to rank judges; ``None`` where that was not measured.
    """

    judges: tuple[JudgeIdentity, ...]
    atomiser: Maker
    matcher: Maker
    smoke_only: bool
    reliability: tuple[str, ...] = ()
    carries_ranking: bool | None = None

    def with_trust(self, trust: Trust | None) -> "Cast":
        """The cast with what is known of its matcher."""
        lines = (unmeasured(self.matcher.name),) if trust is None else trust.lines()
        ranking = None if trust is None else trust.reliability.carries_ranking
        return self.model_copy(update={"reliability": lines, "carries_ranking": ranking})

    @property
    def names(self) -> list[str]:
        """The judges' names."""
        return [judge.name for judge in self.judges]
