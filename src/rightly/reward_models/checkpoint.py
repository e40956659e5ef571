"""Load a checkpoint's configuration, weights and tokeniser, and report missing weights once and correctly.

Transformers reports every weight that a file lacks, even a reward head that an adapter then provides. Here that report is
silenced, and weights that are still random after loading everything cause an error or a warning that names them.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from rightly.errors import InputError
from rightly.reward_models.contract import Tokenizer
from rightly.reward_models.model_parts import backbone, head_name
from rightly.reward_models.padding import set_pad_id

logger = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "bfloat16", "float16"]


class Weights(NamedTuple):
    """A sequence classifier loaded from its checkpoint.

    Attributes:
        model: Sequence classifier with one label.
        fresh: Names of the weights that the checkpoint lacks, which are random.
    """

    model: PreTrainedModel
    fresh: tuple[str, ...]


def read_config(source: str, options: dict[str, Any]) -> Any:
    """The configuration of a model with a single output.

    Raises:
        InputError: The model does not exist, or its head has several outputs.
    """
    if source.startswith((".", "/", "~")) and not Path(source).is_dir():
        raise InputError("no such folder", where=source, fix="give a folder or a hub id of a model")
    try:
        config = AutoConfig.from_pretrained(source, **options)
    except (OSError, ValueError) as error:
        raise InputError(str(error).splitlines()[0], where=source, fix="give a folder or a hub id of a model") from None
    if is_classifier(config) and config.num_labels != 1:
        raise InputError(f"has {config.num_labels} labels, a reward model has one", where=source)
    config.num_labels = 1
    return config


def is_classifier(config: Any) -> bool:
    """Whether the checkpoint declares a sequence classification head, rather than another head or none."""
    return any("SequenceClassification" in name for name in config.architectures or ())


def load_tokenizer(name: str, source: str, options: dict[str, Any]) -> Tokenizer:
    """The checkpoint's tokeniser, or that of its base for an adapter without one."""
    try:
        return AutoTokenizer.from_pretrained(name, **options)
    except (OSError, ValueError):
        return AutoTokenizer.from_pretrained(source, **options)


def load_weights(source: str, config: Any, tokenizer: Tokenizer, dtype: Precision, options: dict[str, Any]) -> Weights:
    """Build the model; a pad id outside the embedding, which would prevent this, is corrected.

    Args:
        source: Folder or hub id of weights that are not an adapter.
        config: Configuration from `read_config`.
        tokenizer: Tokeniser of the model, for the pad token.
        dtype: Precision of the body.
        options: Options passed to transformers.
    """
    text = config.get_text_config()
    if text.pad_token_id is not None and not 0 <= text.pad_token_id < text.vocab_size:
        own = tokenizer.pad_token_id
        set_pad_id(config, own if own is not None and own < text.vocab_size else None)
    with without_loading_report():
        model, info = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            output_loading_info=True,
            **{name: value for name, value in options.items() if value is not None},
        )
    _tell_unused(source, model, info["unexpected_keys"], of_this_task=is_classifier(config))
    if not any(name.split(".")[0] == head_name(model) for name in info["missing_keys"]):
        _restore_head(model, source, options["revision"])
    return Weights(model, tuple(sorted(info["missing_keys"])))


@contextmanager
def without_loading_report() -> Iterator[None]:
    """Suppress transformers' table of missing weights; its other messages are kept."""
    reporter = logging.getLogger("transformers.modeling_utils")

    def other(record: logging.LogRecord) -> bool:
        return "LOAD REPORT" not in record.getMessage()

    reporter.addFilter(other)
    try:
        yield
    finally:
        reporter.removeFilter(other)


def refuse_random(name: str, model: PreTrainedModel, fresh: Sequence[str]) -> None:
    """Refuse to score with untrained weights.

    Raises:
        InputError: Some weights are untrained.
    """
    if not fresh:
        return
    head = any(not in_body(model, weight) for weight in fresh)
    raise InputError(
        f"has no trained {'reward head' if head else 'weights for its whole body'} ({listed(fresh)} missing)",
        where=name,
        fix="score with a trained reward model, or train this one with `rightly train rm`"
        if head
        else "the checkpoint is incomplete: download or save it again",
    )


def tell_random(name: str, model: PreTrainedModel, fresh: Sequence[str]) -> None:
    """Log which weights, apart from a new head, start at random in a model that will be trained."""
    body = [weight for weight in fresh if in_body(model, weight)]
    if body:
        logger.warning("%s: lacks weights of its body, they start at random and are trained: %s", name, listed(body))


def in_body(model: PreTrainedModel, weight: str) -> bool:
    """Whether a weight belongs to the body rather than to a head; its name may lack the body's prefix."""
    first = weight.split(".")[0]
    return first == model.base_model_prefix or first in dict(backbone(model).named_children())


def listed(names: Iterable[str]) -> str:
    """The first few names, as text."""
    names = sorted(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _tell_unused(source: str, model: PreTrainedModel, names: Iterable[str], *, of_this_task: bool) -> None:
    """Log the file's weights that the model does not use; the head of another task is expected among them."""
    strange = [name for name in names if of_this_task or in_body(model, name)]
    if strange:
        logger.warning("%s: holds weights that %s does not use: %s", source, type(model).__name__, listed(strange))


def _restore_head(model: PreTrainedModel, source: str, revision: str | None) -> None:
    """Restore a float32 head that was rounded by loading in a lower precision."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    head = getattr(model, head_name(model))
    if not isinstance(head, torch.nn.Linear) or head.weight.dtype == torch.float32:
        return
    path = cached_file(source, "model.safetensors", revision=revision, _raise_exceptions_for_missing_entries=False)
    if path is None:
        return
    name = f"{head_name(model)}.weight"
    with safe_open(path, framework="pt") as weights:
        if name in weights.keys():  # noqa: SIM118 - not a mapping
            head.float()
            head.weight.data.copy_(weights.get_tensor(name))
