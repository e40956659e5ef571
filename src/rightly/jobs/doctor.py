"""Check whether all software that loads a reward model computes the same rewards."""

from typing import TYPE_CHECKING, Annotated, Literal

from rightly.errors import needs_extra
from rightly.jobs.config import Config, Flag

if TYPE_CHECKING:
    from rightly.reward_models.doctor import Diagnosis


class DoctorConfig(Config):
    """Configuration of an examination of a reward model."""

    model: Annotated[str, Flag(positional=True)]
    """Folder or hub id of the reward model."""
    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    """Precision of all scoring paths."""
    device: Annotated[str | None, Flag(metavar="NAME")] = None
    """Device: cpu, cuda, cuda:1. Default: the accelerator if there is one."""
    revision: Annotated[str | None, Flag(metavar="NAME")] = None
    """Revision on the hub: branch, tag or commit."""
    endpoint: Annotated[str | None, Flag(metavar="URL")] = None
    """Address of a running server with the same model, to compare with."""
    protocol: Literal["vllm", "sglang"] = "vllm"
    """Protocol of the server at --endpoint."""
    served_name: Annotated[str | None, Flag(metavar="NAME")] = None
    """Name of the model on the server. Default: the server's first model."""
    trust_remote_code: bool = False
    """Run code from the checkpoint."""


def run(config: DoctorConfig) -> "Diagnosis":
    """Score probes in every usual way and explain the differences.

    Raises:
        InputError: The model does not exist.
    """
    with needs_extra("the doctor", "train"):
        from rightly.reward_models.doctor import examine
    return examine(config.model, **config.model_dump(exclude={"model"}))
