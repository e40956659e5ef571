"""The recipe of a matcher: one TOML file, unknown keys refused, every default stated here."""

from typing import Any

from pydantic import Field

from rightly.matchers.packaged_encoder import PACKAGED
from rightly.training.common.recipe import Lora
from rightly.types import Frozen


class MatcherModel(Frozen):
    """``[model]``: what is trained.

    Attributes:
        base: Any encoder: the packaged MiniLM, a folder, or a hub id.
        max_length: Tokens of a point and a reason together.
        lora: The adapter; it and the head are all that is saved.
    """

    base: str = PACKAGED
    max_length: int = Field(default=128, ge=16)
    lora: Lora = Lora()


class MatcherData(Frozen):
    """``[data]``: whose reasons.

    Attributes:
        topics: Topics of SummHay to train on: ``doctor``, ``sales``, ``news``.
        votes: Preference pairs with voters' reasons, as `rightly.data.load_pairs` takes them.
        held_debates: Domains of those pairs (up to the first ``/``) that are left out.
        comve: ComVE's ``train.csv``.
        winowhy: WinoWhy's ``winowhy.json``.
        contrasts: Files of written contrasts; ``written`` names those that travel with the package.
        repeat: How often every written row is shown.
        limit: At most so many rows each of ``votes``, of ``comve``, of ``winowhy``.
        negations: At most so many reasons each of ``votes`` and ``comve`` that are turned into their opposites by rule.
        max_characters: Longer reasons are left out of training.
    """

    topics: tuple[str, ...] = ()
    votes: tuple[str, ...] = ("sample:ukpconvarg1",)
    held_debates: tuple[str, ...] = ()
    comve: str | None = None
    winowhy: str | None = None
    contrasts: tuple[str, ...] = ("written",)
    repeat: int = Field(default=1, ge=1)
    limit: int = Field(default=5000, ge=0)
    negations: int = Field(default=2500, ge=0)
    max_characters: int = Field(default=220, ge=20)


class MatcherRecipe(Frozen):
    """Everything a run is made of.

    Attributes:
        output: Folder of checkpoints and of the matcher.
        trainer: Arguments of transformers' ``TrainingArguments``, handed through.
    """

    output: str
    model: MatcherModel = MatcherModel()
    data: MatcherData = MatcherData()
    trainer: dict[str, Any] = Field(default_factory=dict)
