"""LoRA adapters for reward models: the head is always trained and saved, and is merged without loss."""

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
    """The base model of an adapter; ``None`` if the checkpoint is not an adapter."""
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
    """Refuse to write full weights into a folder with an adapter, which transformers would apply to them.

    Raises:
        InputError: The folder holds an adapter.
    """
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "holds an adapter, which would be added to the weights of a full model next to it",
            where=str(folder),
            fix="give another output",
        )


def attach_adapter(
    model: PreTrainedModel, name: str, revision: str | None = None, *, fresh: Sequence[str] = ()
) -> "PeftModel":
    """Attach an adapter to its base.

    Args:
        model: Base model.
        name: Folder or hub id of the adapter.
        revision: Revision on the hub.
        fresh: Names of weights that the base's checkpoint lacks; the adapter must provide them.

    Raises:
        InputError: The adapter lacks such weights, so the rewards would be random.
    """
    from peft import PeftModel

    head = getattr(model, head_name(model))
    if isinstance(head, nn.Linear):
        head.float()  # the precision of its training; its copy in the adapter gets the same
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
    """Merge an adapter's weights and head into its base.

    Raises:
        InputError: The conditions of `attach_adapter`.
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
    """Wrap a model in a new LoRA adapter (Hu et al., 2021) whose reward head is trained and saved in full.

    Args:
        model: Model with its fast path installed.
        rank: Rank of the update.
        alpha: Scale of the update, divided by the rank.
        dropout: Dropout probability on the adapter's input.
        targets: Names of linear modules, or ``"all-linear"`` (the head excepted).
        fresh: Names of weights that the base's checkpoint lacks, such as a pooling layer. Their modules are trained and
            saved in full, like the head, since loading the base again gives different random weights.
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
    """The module that holds a weight; the head is one module, regardless of its content."""
    return head if weight.split(".")[0] == head else weight.rpartition(".")[0]


def _within(weight: str, module: str) -> bool:
    """Whether a weight is in a module, given by its full name or its last parts."""
    return f".{module}." in f".{weight}"
