"""The recipe of a matcher: one TOML file; unknown keys are rejected, and all defaults are here."""

from typing import Any

from pydantic import Field

from rightly.matchers.bases import MINILM
from rightly.training.common.recipe import Lora
from rightly.types import Frozen


class MatcherModel(Frozen):
    """``[model]``: the model to train.

    Attributes:
        base: Model to start from: ``all-MiniLM-L6-v2`` or ``SmolLM2-135M-Instruct`` from a package, a folder, or a hub id.
        max_length: Maximum number of tokens of a point plus a reason.
        layers: Number of layers to keep, from the first; all by default.
        lora: Low-rank adapter on all layers from ``first_trained``; without it every layer is trained, but no embedding.
        first_trained: First layer with an adapter.
        rank: Rank to which the change of every weight matrix is cut when it is saved; ``None`` keeps it whole.
    """

    base: str = MINILM
    max_length: int = Field(default=128, ge=16)
    layers: int | None = Field(default=None, ge=1)
    lora: Lora | None = None
    first_trained: int = Field(default=0, ge=0)
    rank: int | None = Field(default=32, ge=1)


class MatcherData(Frozen):
    """``[data]``: sources of reasons.

    Attributes:
        entailment: Files of entailment sets as published: ``snli`` (a folder), ``cad_nli``, ``conjnli``, ``breaking_nli``,
            ``med``.
        entailment_limit: Maximum number of rows of each.
        entailment_first: Number of entailment rows before everything else.
        entailment_again: Number of entailment rows in every epoch of reasons.
        perspectrum: Folder of Perspectrum; its training part is used.
        argkp: Folder of ArgKP (the training part of the key point analysis task).
        topics: Topics of SummHay to calibrate coverage on: ``doctor``, ``sales``, ``news``. No row of SummHay is trained on.
        votes: Preference pairs with voters' reasons, from a source as for `rightly.data.load_pairs`.
        held_debates: Domains of those pairs (up to the first ``/``) that are held out.
        comve: Path of ComVE's ``train.csv``.
        contrasts: Files of written contrasts; ``written`` names the file shipped with the package.
        edits: Number of texts of every epoch that are edited by rule.
        epochs: Number of times that the reasons are drawn.
        rows: Maximum number of rows of an epoch; ``None`` for all.
        limit: Maximum number of rows of an epoch from each of ``votes``, ``comve`` and ``argkp``.
        max_characters: Maximum length of a voter's reason in characters; longer ones are excluded from training.
    """

    entailment: dict[str, str] = Field(default_factory=dict)
    entailment_limit: int = Field(default=8000, ge=0)
    entailment_first: int = Field(default=15000, ge=0)
    entailment_again: int = Field(default=6000, ge=0)
    perspectrum: str | None = None
    argkp: str | None = None
    topics: tuple[str, ...] = ()
    votes: tuple[str, ...] = ("sample:ukpconvarg1",)
    held_debates: tuple[str, ...] = ()
    comve: str | None = None
    contrasts: tuple[str, ...] = ("written",)
    edits: int = Field(default=8000, ge=0)
    epochs: int = Field(default=2, ge=1)
    rows: int | None = Field(default=None, ge=1)
    limit: int = Field(default=3000, ge=0)
    max_characters: int = Field(default=220, ge=20)


class MatcherRecipe(Frozen):
    """The complete recipe of a run.

    Attributes:
        output: Folder for the checkpoints and the matcher.
        trainer: Arguments passed to transformers' ``TrainingArguments``.
    """

    output: str
    model: MatcherModel = MatcherModel()
    data: MatcherData = MatcherData()
    trainer: dict[str, Any] = Field(default_factory=dict)
