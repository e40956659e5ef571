"""LoRA adapters on reward models: the head is always trained, always saved, and merged without loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedModel

from rightly.errors import InputError, MissingExtraError
from rightly.reward_models.anatomy import head_name

if TYPE_CHECKING:
    from peft import PeftModel


def adapter_base(name: str, revision: str | None = None) -> str | None:
    """The base model of an adapter; ``None`` where the checkpoint is no adapter."""
    if Path(name).is_dir() and not (Path(name) / "adapter_config.json").exists():
        return None
    try:
        from peft import PeftConfig
    except ImportError:
        if (Path(name) / "adapter_config.json").exists():
            raise MissingExtraError("a LoRA adapter", "train") from None
        return None
    try:
        config = PeftConfig.from_pretrained(name, revision=revision)
    except (OSError, ValueError):
        return None
    return config.base_model_name_or_path


def attach_adapter(model: PreTrainedModel, name: str, revision: str | None = None) -> "PeftModel":
    """The base with the adapter beside it.

    Raises:
        InputError: The adapter holds no reward head, so the rewards would be those of a random one.
    """
    from peft import PeftModel

    head = head_name(model)
    adapted = PeftModel.from_pretrained(model, name, revision=revision)
    saved = getattr(adapted.peft_config["default"], "modules_to_save", None) or ()
    if head not in saved:
        raise InputError(
            f"the adapter does not hold the reward head ({head!r}), its rewards would be random",
            where=name,
            fix=f"train with modules_to_save=[{head!r}] or task_type='SEQ_CLS'",
        )
    return adapted


def merge_adapter(model: PreTrainedModel, name: str, revision: str | None = None) -> PreTrainedModel:
    """The base with the adapter's weights and head in it.

    Raises:
        InputError: As `attach_adapter`.
    """
    return attach_adapter(model, name, revision).merge_and_unload()  # type: ignore[return-value,operator]


def add_lora(
    model: PreTrainedModel,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: Sequence[str] | str = "all-linear",
) -> "PeftModel":
    """Wrap a model in a fresh LoRA adapter (Hu et al., 2021) whose reward head is trained and saved whole.

    Args:
        model: With its fast path installed.
        rank: Rank of the update.
        alpha: Scale of the update, over the rank.
        dropout: On the adapter's input.
        targets: Names of linear modules, or ``"all-linear"`` (the head excepted).
    """
    from peft import LoraConfig, get_peft_model

    head = head_name(model)
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        modules_to_save=[head],
    )
    return get_peft_model(model, config)  # type: ignore[return-value]
