"""What can be wrong with a checkpoint, each with its name, its consequence and the file to change."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from rightly.reward_models.contract import Tokenizer, rendered_ending
from rightly.reward_models.doctor.diagnosis import Finding, PathResult, Severity
from rightly.reward_models.doctor.scoring_paths import (
    LEFT,
    PROBES,
    SHIFTED,
    USUAL,
    probe_turns,
    template_then_tokenise,
)
from rightly.reward_models.model import RewardModel
from rightly.reward_models.model_parts import head_name, pools_last_token


class Stored(NamedTuple):
    """The checkpoint as it lies there, before anything of ours has touched it.

    Attributes:
        name: Folder or hub id.
        base: The base of an adapter.
        config: The configuration that other software uses; an adapter's is that of its base.
        tokenizer: Its tokeniser.
        final_ids: The tokens that its texts end with.
    """

    name: str
    base: str | None
    config: Any
    tokenizer: Tokenizer
    final_ids: set[int]

    @property
    def config_file(self) -> str:
        """Where the configuration lies."""
        return f"{self.base or self.name}/config.json"

    @property
    def tokenizer_file(self) -> str:
        """Where the tokeniser's pad token lies."""
        return f"{self.name}/tokenizer_config.json"

    def token(self, number: int) -> str:
        """A token with its number, for people."""
        known = 0 <= number < len(self.tokenizer)
        return f"{self.tokenizer.convert_ids_to_tokens(number)!r} ({number})" if known else str(number)


def about_rewards(rewards: Sequence[float]) -> Iterator[Finding]:
    """Rewards that are no numbers, or always the same one."""
    if not np.isfinite(rewards).all():
        yield Finding(
            kind="not-finite",
            severity="error",
            problem="some rewards are not finite",
            cure="load in bfloat16 or float32; if they stay so, the weights are damaged",
        )
    elif np.std(rewards) < 1e-6 * max(1.0, float(np.abs(rewards).max())):
        yield Finding(
            kind="constant",
            severity="error",
            problem=f"every text gets the reward {rewards[0]:.6g}",
            cure="the head is zero or does not see the text: train again, with the head among what is saved",
        )


def about_tokens(stored: Stored, model: RewardModel) -> Iterator[Finding]:
    """Vocabulary, pad tokens, template."""
    rows = len(model.model.get_input_embeddings().weight)  # type: ignore[arg-type]
    if len(stored.tokenizer) > rows:
        yield Finding(
            kind="vocabulary",
            severity="error",
            problem=f"the tokeniser has {len(stored.tokenizer):,} tokens, the embedding {rows:,} rows",
            cure=f"save in {stored.name} the tokeniser that the model was trained with",
        )
    pad = stored.config.get_text_config().pad_token_id
    if pad is not None and not 0 <= pad < stored.config.get_text_config().vocab_size:
        yield Finding(
            kind="pad-out-of-range",
            severity="error",
            problem=f"{stored.config_file}: pad_token_id is {pad}, the embedding has {rows:,} rows: other software cannot "
            "load it, or takes padding for text",
            cure=_config_cure(stored, model),
        )
    elif pools_last_token(model.model):
        yield from _about_pads(stored, model, pad)
    yield from _about_template(stored, model)


def _about_pads(stored: Stored, model: RewardModel, pad: int | None) -> Iterator[Finding]:
    """The two files must name one token that no text ends with."""
    own = stored.tokenizer.pad_token_id
    if pad is None:
        problem = (
            f"{stored.config_file}: pad_token_id is not set: transformers refuses batches, other software pools padding"
        )
        yield Finding(kind="no-pad", severity="error", problem=problem, cure=_config_cure(stored, model))
    elif pad in stored.final_ids:
        yield Finding(
            kind="pad-is-final",
            severity="error",
            problem=f"{stored.config_file}: the pad token {stored.token(pad)} is also the last token of every text: "
            "software that finds the end by the pad id pools the token before it, vLLM pools the end itself",
            cure=_config_cure(stored, model),
        )
    if own is None:
        problem = f"{stored.tokenizer_file}: no pad_token: scripts take another one, often the end token"
        yield Finding(kind="no-pad", severity="warning", problem=problem, cure=_tokenizer_cure(stored, model))
    elif own in stored.final_ids and own != pad:
        yield Finding(
            kind="pad-is-final",
            severity="error",
            problem=f"{stored.tokenizer_file}: batches are filled with {stored.token(own)}, which is also the last token of "
            "every text: the end cannot be told from padding",
            cure=_tokenizer_cure(stored, model),
        )
    elif pad is not None and own != pad and pad not in stored.final_ids:
        yield Finding(
            kind="pad-disagrees",
            severity="error",
            problem=f"{stored.tokenizer_file} pads with {stored.token(own)}, {stored.config_file} looks for "
            f"{stored.token(pad)}: right-padded batches pool padding",
            cure=_config_cure(stored, model),
        )


def _good_pad(stored: Stored, model: RewardModel) -> int | None:
    """The token that both files should name: one of theirs that no text ends with, else what we would take."""
    pad = stored.config.get_text_config().pad_token_id
    candidates: tuple[Any, ...] = (stored.tokenizer.pad_token_id, pad, model.tokenizer.pad_token_id)
    rows = len(model.model.get_input_embeddings().weight)  # type: ignore[arg-type]
    usable = (n for n in candidates if n is not None and 0 <= n < rows and n not in stored.final_ids)
    return next(usable, None)


def _config_cure(stored: Stored, model: RewardModel) -> str:
    good = _good_pad(stored, model)
    named = "a token that no text ends with" if good is None else stored.token(good)
    if good is not None and stored.tokenizer.pad_token_id != good:
        named += f", and pad_token in {stored.tokenizer_file} to the same token"
    if stored.base is None:
        return f"set pad_token_id in {stored.config_file} to {named}; the weights stay as they are"
    return (
        "an adapter is loaded with its base's configuration: write both as one checkpoint, with its own, by "
        f"RewardModel.load({stored.name!r}).save(FOLDER), or set model.config.pad_token_id after loading to {named}"
    )


def _tokenizer_cure(stored: Stored, model: RewardModel) -> str:
    good = _good_pad(stored, model)
    named = "a token that no text ends with, as in config.json" if good is None else stored.token(good)
    return f"set pad_token in {stored.tokenizer_file} to {named}; the weights stay as they are"


def _about_template(stored: Stored, model: RewardModel) -> Iterator[Finding]:
    tokenizer, contract = stored.tokenizer, model.contract
    if contract.form != "chat":
        return
    if not tokenizer.chat_template:
        yield Finding(
            kind="no-template",
            severity="warning",
            problem=f"{stored.name} has no chat template: everyone will guess another; here it is 'Human: ... Assistant: "
            f"...' ended by {contract.final_token!r}",
            cure=f"store the template that it was trained with as {stored.name}/chat_template.jinja",
        )
        return
    usual = template_then_tokenise(tokenizer, next(probe_turns()))
    if tokenizer.bos_token_id is not None and usual[:2] == [tokenizer.bos_token_id] * 2:
        yield Finding(
            kind="double-start",
            severity="warning",
            problem=f"the template writes {tokenizer.bos_token!r} and the tokeniser adds another: scripts that render "
            "first and tokenise then score texts with two",
            cure="pass add_special_tokens=False when tokenising rendered text, or take the start token out of "
            f"post_processor in {stored.name}/tokenizer.json",
        )
    if not rendered_ending(tokenizer):
        yield Finding(
            kind="no-final-token",
            severity="warning",
            problem="the template sets nothing behind a response: the reward is read off its last word, which differs "
            "from text to text, and a text cut short looks finished",
            cure=f"add an end token to {stored.name}/chat_template.jinja, and train with it",
        )


def can_be_shifted(results: Sequence[PathResult]) -> bool:
    """Whether left-padded batches give the rewards once positions are counted from the first token."""
    return any(result.name.endswith(SHIFTED) and result.agrees for result in results)


def about_paths(
    results: Sequence[PathResult], model: RewardModel, stored: Stored, *, shifted: bool
) -> Iterator[Finding]:
    """Ways that give other rewards, with the cause where it is known.

    Args:
        results: Every way against the reference.
        model: As we load it.
        stored: As it lies there.
        shifted: From `can_be_shifted`.
    """
    if model.unpacked is not None:
        yield Finding(kind="unpacked", severity="note", problem=f"scored in padded batches: {model.unpacked}")
    head = getattr(model.model, head_name(model.model))
    if not isinstance(head, torch.nn.Linear) and pools_last_token(model.model):
        yield Finding(
            kind="head", severity="note", problem=f"the head is a {type(head).__name__}, kept in its precision"
        )
    for result in results:
        if result.agrees:
            continue
        if result.name.endswith(LEFT) and (shifted or not pools_last_token(model.model)):
            yield _about_left_padding(result, model, stored)
        else:
            yield _about_path(result)


def _about_left_padding(result: PathResult, model: RewardModel, stored: Stored) -> Finding:
    """Encoders and models with a vector for each position are padded right; only a tokeniser that pads left is wrong."""
    encoder, side = not pools_last_token(model.model), stored.tokenizer.padding_side
    problem = f"{result.name}: rewards differ by up to {result.largest:.3g}: "
    if encoder:
        problem += "the reward is read off the first token, which left padding displaces"
    else:
        problem += f"{stored.config.model_type} has a vector for each position, and left padding moves the text"
    problem += f"; {stored.tokenizer_file} pads {side}"
    if side == "left":
        cure = f"set padding_side in {stored.tokenizer_file} to right"
        return Finding(kind="left-padding", severity="error", problem=problem, cure=cure)
    if encoder:
        return Finding(kind="not-applicable", severity="note", problem=problem)
    cure = "pad right, or pass position_ids=attention_mask.cumsum(1) - 1"
    return Finding(kind="left-padding", severity="warning", problem=problem, cure=cure)


def _about_path(result: PathResult) -> Finding:
    if result.failure is not None:
        problem = f"{result.name}: fails ({result.failure})"
    else:
        turned = f", and {result.order_flips} of {len(PROBES)} pairs change their order" if result.order_flips else ""
        problem = f"{result.name}: rewards differ by up to {result.largest:.3g}{turned}"
    usual = result.name == USUAL
    severity: Severity = "warning" if usual else "error"
    cure = "" if usual else "see the other findings for the cause"
    return Finding(kind="disagrees", severity=severity, problem=problem, cure=cure)
