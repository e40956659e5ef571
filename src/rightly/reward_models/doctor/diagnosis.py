"""What the doctor reports: how each way of scoring compares, and what is wrong with what file."""

from typing import Literal

from rightly.types import Frozen

Severity = Literal["error", "warning", "note"]


class Finding(Frozen):
    """Something about a checkpoint that changes or may change rewards.

    Attributes:
        kind: Short name, stable.
        severity: ``error``: some software gets wrong rewards; ``warning``: it may; ``note``: worth knowing.
        problem: What is so, and what follows.
        cure: What to do about it, with the file to change.
    """

    kind: str
    severity: Severity
    problem: str
    cure: str = ""


class PathResult(Frozen):
    """A way of scoring against the reference.

    Attributes:
        name: What it is.
        largest: Largest difference of a reward; ``None`` where it failed.
        order_flips: Probe pairs whose order differs.
        agrees: Whether the difference is within the tolerance of the precision.
        failure: Why it gave no rewards.
        applicable: Whether users of such a model score it this way at all.
    """

    name: str
    largest: float | None
    order_flips: int
    agrees: bool
    failure: str | None
    applicable: bool = True


class Diagnosis(Frozen):
    """All that the doctor found.

    Attributes:
        model: The checkpoint.
        architecture: Its class.
        dtype: Precision of its weights.
        contract: Whether it brings a token contract.
        rewards: Rewards of the reference way, one for each probe.
        paths: The other ways against it.
        findings: What is wrong or worth knowing, worst first.
    """

    model: str
    architecture: str | None = None
    dtype: str | None = None
    contract: bool = False
    rewards: tuple[float, ...] = ()
    paths: tuple[PathResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def healthy(self) -> bool:
        """No error was found."""
        return all(finding.severity != "error" for finding in self.findings)
