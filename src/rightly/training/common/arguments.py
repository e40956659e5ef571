"""Hugging Face's training arguments, from the ``[trainer]`` table of a recipe."""

from collections.abc import Mapping
from typing import Any

from transformers import TrainingArguments

from rightly.errors import InputError

_OWNED = {"output_dir", "remove_unused_columns", "metric_for_best_model_greater"}
_LOWER_IS_BETTER = ("nll", "brier", "ece")


def training_arguments(output: str, trainer: Mapping[str, Any]) -> TrainingArguments:
    """Build Hugging Face's arguments from Rightly's defaults and the recipe's values.

    Raises:
        InputError: An argument is unknown or unusable.
    """
    owned = _OWNED & set(trainer)
    if owned:
        raise InputError(f"trainer.{min(owned)} is set by the recipe itself", fix="remove it")
    given: dict[str, Any] = {
        "logging_steps": 10,
        "report_to": "none",
        "dataloader_pin_memory": False,
        "ddp_find_unused_parameters": False,
    }
    given |= trainer
    best = given.get("metric_for_best_model")
    if best is not None:
        given.setdefault("greater_is_better", not str(best).endswith(_LOWER_IS_BETTER))
    try:
        return TrainingArguments(output_dir=output, remove_unused_columns=False, **given)
    except (TypeError, ValueError) as error:
        problem = str(error).replace("TrainingArguments.__init__() got an unexpected keyword argument", "no argument")
        raise InputError(" ".join(problem.split()), where="[trainer]") from None
