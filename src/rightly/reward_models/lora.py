"""LoRA adapters on reward models: the head is always trained, always saved, and merged without loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn
from transformers import PreTrainedModel

from rightly.errors import InputError, MissingExtraError
from rightly.reward_models.checkpoint import listed
from rightly.reward_models.model_parts import head_name

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


def refuse_beside_adapter(folder: Path) -> None:
    """Refuse to write whole weights where an adapter lies: transformers would put it on top of them.

    Raises:
        InputError: One lies there.
    """
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "holds an adapter, which would be added to the weights of a whole model beside it",
            where=str(folder),
            fix="give another output",
        )


def attach_adapter(
    model: PreTrainedModel, name: str, revision: str | None = None, *, fresh: Sequence[str] = ()
) -> "PeftModel":
    """The base with the adapter beside it.

    Args:
        model: The base.
        name: The adapter's folder or hub id.
        revision: On the hub.
        fresh: Names of weights that the base's checkpoint lacks; the adapter must bring them.

    Raises:
        InputError: The adapter does not bring them, so the rewards would be random.
    """
    from peft import PeftModel

    head = getattr(model, head_name(model))
    if isinstance(head, nn.Linear):
        head.float()  # as it was trained; its copy in the adapter takes this precision
    adapted = PeftModel.from_pretrained(model, name, revision=revision)
    saved = getattr(adapted.peft_config["default"], "modules_to_save", None) or ()
    random = [weight for weight in fresh if not any(_within(weight, module) for module in saved)]
    if random:
        modules = sorted({_module(weight, head_name(model)) for weight in random})
        part = "reward head" if head_name(model) in modules else "pooling layer"
        raise InputError(
            f"no trained {part}: neither the adapter nor its base holds {listed(random)}, rewards would be random",
            where=name,
            fix=f"train with modules_to_save={modules} or task_type='SEQ_CLS'",
        )
    return adapted


def merge_adapter(
    model: PreTrainedModel, name: str, revision: str | None = None, *, fresh: Sequence[str] = ()
) -> PreTrainedModel:
    """The base with the adapter's weights and head in it.

    Raises:
        InputError: As `attach_adapter`.
    """
    return attach_adapter(model, name, revision, fresh=fresh).merge_and_unload()  # type: ignore[return-value,operator]


def add_lora(
    model: PreTrainedModel,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: Sequence[str] | str = "all-linear",
    fresh: Sequence[str] = (),
) -> "PeftModel":
    """Wrap a model in a fresh LoRA adapter (Hu et al., 2021) whose reward head is trained and saved whole.

    Args:
        model: With its fast path installed.
        rank: Rank of the update.
        alpha: Scale of the update, over the rank.
        dropout: On the adapter's input.
        targets: Names of linear modules, or ``"all-linear"`` (the head excepted).
        fresh: Names of weights that the base's checkpoint lacks, such as a pooling layer: their modules are trained and
            saved whole, like the head, since nobody who loads the base again gets the same ones.
    """
    from peft import LoraConfig, get_peft_model

    head = head_name(model)
    whole = [head, *sorted({_module(weight, head) for weight in fresh} - {head})]
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        modules_to_save=whole,
        exclude_modules=whole[1:] or None,
    )
    return get_peft_model(model, config)  # type: ignore[return-value]


def _module(weight: str, head: str) -> str:
    """The module that holds a weight; the head is one module, whatever is in it."""
    return head if weight.split(".")[0] == head else weight.rpartition(".")[0]


def _within(weight: str, module: str) -> bool:
    """Whether a weight lies in a module, named whole or by its last parts."""
    return f".{module}." in f".{weight}"
