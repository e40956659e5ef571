"""Does everyone who loads a reward model get the same rewards?"""

from typing import TYPE_CHECKING, Annotated, Literal

from rightly.errors import needs_extra
from rightly.jobs.config import Config, Flag

if TYPE_CHECKING:
    from rightly.reward_models.doctor import Diagnosis


class DoctorConfig(Config):
    """Which reward model is examined."""

    model: Annotated[str, Flag(positional=True)]
    """Folder or hub id of the reward model."""
    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    """Precision of every way of scoring."""
    device: Annotated[str | None, Flag(metavar="NAME")] = None
    """cpu, cuda, cuda:1. Default: the accelerator if there is one."""
    revision: Annotated[str | None, Flag(metavar="NAME")] = None
    """Branch, tag or commit on the hub."""
    endpoint: Annotated[str | None, Flag(metavar="URL")] = None
    """A running server of the same model, to be compared."""
    protocol: Literal["vllm", "sglang"] = "vllm"
    """What the server at --endpoint speaks."""
    served_name: Annotated[str | None, Flag(metavar="NAME")] = None
    """The model's name on the server. Default: its first."""
    trust_remote_code: bool = False
    """Run the checkpoint's own code."""


def run(config: DoctorConfig) -> "Diagnosis":
    """Score probes in every usual way and explain what differs.

    Raises:
        InputError: There is no such model.
    """
    with needs_extra("the doctor", "train"):
        from rightly.reward_models.doctor import examine
    return examine(config.model, **config.model_dump(exclude={"model"}))
