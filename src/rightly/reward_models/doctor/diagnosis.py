"""The doctor's report: comparison of all scoring paths, and problems with the file to change."""

from typing import Literal

from rightly.types import Frozen

Severity = Literal["error", "warning", "note"]


class Finding(Frozen):
    """A property of a checkpoint that changes or may change rewards.

    Attributes:
        kind: Short, stable name.
        severity: ``error``: some software computes wrong rewards; ``warning``: it may; ``note``: for information.
        problem: Observation and its consequence.
        cure: Instruction that fixes it, with the file to change.
    """

    kind: str
    severity: Severity
    problem: str
    cure: str = ""


class PathResult(Frozen):
    """Comparison of a scoring path with the reference.

    Attributes:
        name: Description of the path.
        largest: Largest difference of a reward; ``None`` if the path failed.
        order_flips: Number of probe pairs whose order differs.
        agrees: Whether the difference is within the tolerance of the precision.
        failure: Reason of a failure; empty without one.
        applicable: Whether users of such a model score it in this way.
    """

    name: str
    largest: float | None
    order_flips: int
    agrees: bool
    failure: str | None
    applicable: bool = True


class Diagnosis(Frozen):
    """Result of an examination.

    Attributes:
        model: Name of the checkpoint.
        architecture: Class of the model.
        dtype: Precision of the weights.
        contract: Whether the checkpoint has a token contract.
        rewards: Rewards of the reference path, one for each probe.
        paths: Comparisons of the other paths with the reference.
        findings: Problems and notes, worst first.
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
        """Whether no error was found."""
        return all(finding.severity != "error" for finding in self.findings)
