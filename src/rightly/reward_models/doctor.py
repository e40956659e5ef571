"""Does everyone who loads this checkpoint get the same rewards? Scores it in every usual way and explains differences.

The causes are few and known: a pad token that is the final token, no pad token, a reward head that was never saved, a
second start token, a template that the checkpoint lacks. Each has a name, a consequence and a cure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from transformers import AutoConfig

from rightly.errors import InputError
from rightly.reward_models.adapters import adapter_base, attach_adapter
from rightly.reward_models.anatomy import backbone, head_name, pools_last_token
from rightly.reward_models.contract import FILE, Tokenizer
from rightly.reward_models.model import Precision, RewardModel, load_tokenizer
from rightly.reward_models.packing import group_sequences
from rightly.reward_models.served import Protocol, served_rewards
from rightly.reward_models.ways import (
    PROBES,
    Way,
    attempt,
    plain_model,
    probe_turns,
    template_then_tokenise,
    through_transformers,
)
from rightly.types import Frozen

Severity = Literal["error", "warning", "note"]

TOLERANCE = {"torch.float32": 1e-3, "torch.bfloat16": 0.05, "torch.float16": 0.01}
"""Largest difference of rewards, over their standard deviation on the probes or 1, that counts as the same."""

REFERENCE = "one at a time, unpadded"

_TOKENS = 2048
"""Of one pass over the probes."""


class Finding(Frozen):
    """Something about a checkpoint that changes or may change rewards.

    Attributes:
        kind: Short name, stable.
        severity: ``error``: some software gets wrong rewards; ``warning``: it may; ``note``: worth knowing.
        problem: What is so, and what follows.
        cure: What to do about it.
    """

    kind: str
    severity: Severity
    problem: str
    cure: str = ""


class WayResult(Frozen):
    """A way of scoring against the reference.

    Attributes:
        name: What it is.
        largest: Largest difference of a reward; ``None`` where it failed.
        turned: Probe pairs whose order differs.
        agrees: Whether the difference is within the tolerance of the precision.
        failure: Why it gave no rewards.
    """

    name: str
    largest: float | None
    turned: int
    agrees: bool
    failure: str | None


class Diagnosis(Frozen):
    """All that the doctor found.

    Attributes:
        model: The checkpoint.
        architecture: Its class.
        dtype: Of its weights.
        contract: Whether it brings a token contract.
        rewards: Of the reference way, one a probe.
        ways: The others against it.
        findings: Worst first.
    """

    model: str
    architecture: str | None = None
    dtype: str | None = None
    contract: bool = False
    rewards: tuple[float, ...] = ()
    ways: tuple[WayResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def healthy(self) -> bool:
        """No error was found."""
        return all(finding.severity != "error" for finding in self.findings)


class _Stored(NamedTuple):
    """The checkpoint as it lies there, before anything of ours has touched it."""

    config: Any
    tokenizer: Tokenizer


def examine(
    name: str,
    *,
    dtype: Precision = "float32",
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    endpoint: str | None = None,
    protocol: Protocol = "vllm",
    served_name: str | None = None,
) -> Diagnosis:
    """Score fixed probes in every way and say what is wrong.

    Args:
        name: Folder or hub id, of weights or of an adapter.
        dtype: Precision of all local ways.
        device: Where to compute; by default the accelerator if there is one.
        revision: On the hub.
        trust_remote_code: Run the checkpoint's own code.
        endpoint: Base address of a server that serves the same model.
        protocol: What it speaks.
        served_name: The model's name there.

    Raises:
        InputError: There is no such checkpoint, or no such server.
    """
    common = {"revision": revision, "trust_remote_code": trust_remote_code}
    base = adapter_base(name, revision)
    try:
        model = RewardModel.load(name, dtype=dtype, device=device, **common)
    except InputError as error:
        return Diagnosis(model=name, findings=(_unloadable(error),))
    except Exception as error:  # noqa: BLE001 - checkpoints break in every manner, and that is the finding
        return Diagnosis(model=name, findings=(_damaged(base or name, error, common),))
    config = AutoConfig.from_pretrained(base or name, **common)
    stored = _Stored(config, load_tokenizer(name, base or name, common))
    used = next(model.model.parameters()).dtype
    groups = [group_sequences([each.ids for each in model.encode(context, responses)]) for context, responses in PROBES]
    sequences = [sequence for group in groups for sequence in group.sequences()]
    reference = attempt(REFERENCE, lambda: _alone(model, sequences))
    if reference.rewards is None:
        problem = f"it computes no reward: {reference.failure}"
        return Diagnosis(model=name, findings=(Finding(kind="broken", severity="error", problem=problem),))
    ways = [attempt("rightly, padded", lambda: _flat(model.score_groups(groups, _TOKENS, packed=False)))]
    if model.unpacked is None:
        ways.append(attempt("rightly, packed", lambda: _flat(model.score_groups(groups, _TOKENS, packed=True))))
    ways += _plain_ways(name, base, model, stored, sequences, common)
    if endpoint is not None:
        found = served_rewards(endpoint, sequences, protocol=protocol, model=served_name)
        ways.append(Way(f"{protocol} at {endpoint}", tuple(found)))
    results = tuple(_compare(way, reference.rewards, used) for way in ways)
    findings = [*_about_rewards(reference.rewards), *_about_tokens(stored, model), *_about_ways(results, model)]
    order = ("error", "warning", "note")
    return Diagnosis(
        model=name,
        architecture=type(model.model).__name__,
        dtype=str(used).removeprefix("torch."),
        contract=_has_contract(name),
        rewards=reference.rewards,
        ways=results,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.severity))),
    )


def _has_contract(name: str) -> bool:
    from transformers.utils.hub import cached_file

    return cached_file(name, FILE, _raise_exceptions_for_missing_entries=False) is not None


def _unloadable(error: InputError) -> Finding:
    random_head = "reward head" in error.problem
    return Finding(
        kind="random-head" if random_head else "unloadable", severity="error", problem=error.problem, cure=error.fix
    )


def _damaged(source: str, error: Exception, common: dict[str, Any]) -> Finding:
    """What kept transformers from building the model."""
    config = AutoConfig.from_pretrained(source, **common).get_text_config()
    pad = config.pad_token_id
    if pad is not None and not 0 <= pad < config.vocab_size:
        return Finding(
            kind="pad-out-of-range",
            severity="error",
            problem=f"config.pad_token_id is {pad}, the embedding has {config.vocab_size:,} rows: it cannot be loaded",
            cure="set pad_token_id in config.json to a token that no text ends with",
        )
    told = " ".join(str(error).split())[:200]
    return Finding(kind="unloadable", severity="error", problem=f"{type(error).__name__}: {told}")


def _alone(model: RewardModel, sequences: Sequence[Sequence[int]]) -> list[float]:
    return _flat(model.score_groups([group_sequences([each])], _TOKENS, packed=False)[0] for each in sequences)


def _flat(rewards: Iterable[Sequence[float]]) -> list[float]:
    return [reward for group in rewards for reward in group]


def _plain_ways(
    name: str,
    base: str | None,
    model: RewardModel,
    stored: _Stored,
    sequences: list[tuple[int, ...]],
    common: dict[str, Any],
) -> Iterator[Way]:
    """Transformers without us, on the same tokens and on the tokens that most scripts make."""
    plain = plain_model(base or name, next(backbone(model.model).parameters()).dtype, **common)
    label = "transformers"
    if base is not None:
        plain, label = attach_adapter(plain, name, common["revision"]), "transformers, adapter beside its base"
    plain = plain.to(model.model.device)
    if base is not None:
        plain.config.pad_token_id = stored.tokenizer.pad_token_id
    pad = stored.tokenizer.pad_token_id if stored.tokenizer.pad_token_id is not None else 0
    yield attempt(f"{label}, batches of 1", lambda: through_transformers(plain, sequences, pad, batch=1))
    for side in ("right", "left"):
        yield attempt(
            f"{label}, batches of 16 padded {side}",
            lambda side=side: through_transformers(plain, sequences, pad, batch=16, side=side),
        )
    if model.contract.form == "chat" and stored.tokenizer.chat_template:
        usual = [template_then_tokenise(stored.tokenizer, turns) for turns in probe_turns()]
        yield attempt(USUAL, lambda: through_transformers(plain, usual, pad, batch=1))


USUAL = "template to text, text to tokens"


def _compare(way: Way, reference: Sequence[float], dtype: torch.dtype) -> WayResult:
    if way.rewards is None:
        return WayResult(name=way.name, largest=None, turned=0, agrees=False, failure=way.failure)
    gap = float(np.abs(np.array(way.rewards) - np.array(reference)).max())
    scale = max(float(np.std(reference)), 1e-6)
    turned = sum(
        (way.rewards[i] > way.rewards[i + 1]) != (reference[i] > reference[i + 1]) for i in range(0, len(reference), 2)
    )
    agrees = gap <= TOLERANCE.get(str(dtype), 0.05) * min(scale, 1.0)
    return WayResult(name=way.name, largest=gap, turned=turned, agrees=agrees, failure=None)


def _about_rewards(rewards: Sequence[float]) -> Iterator[Finding]:
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


def _about_tokens(stored: _Stored, model: RewardModel) -> Iterator[Finding]:
    config, tokenizer = stored.config.get_text_config(), stored.tokenizer
    rows = len(model.model.get_input_embeddings().weight)  # type: ignore[arg-type]
    pad = tokenizer.pad_token_id
    final_ids = {model.encode(context, responses)[0].ids[-1] for context, responses in PROBES}
    reads_last = pools_last_token(model.model)
    named = "" if pad is None else repr(tokenizer.decode([pad]))
    if len(tokenizer) > rows:
        yield Finding(
            kind="vocabulary",
            severity="error",
            problem=f"the tokeniser has {len(tokenizer):,} tokens, the embedding {rows:,} rows",
            cure="save the tokeniser that the model was trained with",
        )
    if reads_last and config.pad_token_id is None:
        yield Finding(
            kind="no-pad",
            severity="error",
            problem="config.pad_token_id is not set: transformers refuses batches, other software pools padding",
            cure=_pad_cure(model),
        )
    elif reads_last and config.pad_token_id in final_ids:
        yield Finding(
            kind="pad-is-final",
            severity="error",
            problem=f"the pad token {named or config.pad_token_id} is also the last token of every text: software that "
            "finds the end by the pad id pools the token before it, vLLM pools the end itself",
            cure=_pad_cure(model),
        )
    if reads_last and pad is not None and config.pad_token_id is not None and pad != config.pad_token_id:
        yield Finding(
            kind="pad-disagrees",
            severity="error",
            problem=f"the tokeniser pads with {pad} ({named}), the configuration looks for {config.pad_token_id}: "
            "right-padded batches pool padding",
            cure=f"set pad_token_id to {pad} in config.json",
        )
    yield from _about_template(stored, model)


def _pad_cure(model: RewardModel) -> str:
    pad = model.contract.pad_token
    token = f"{pad!r} ({model.tokenizer.convert_tokens_to_ids(pad)})" if pad else "a token that no text ends with"
    return f"set pad_token in the tokeniser and pad_token_id in config.json to {token}; the weights stay as they are"


def _about_template(stored: _Stored, model: RewardModel) -> Iterator[Finding]:
    tokenizer, contract = stored.tokenizer, model.contract
    if contract.form != "chat":
        return
    if not tokenizer.chat_template:
        yield Finding(
            kind="no-template",
            severity="warning",
            problem="the checkpoint has no chat template: everyone will guess another; here it is 'Human: ... Assistant: "
            f"...' ended by {contract.final_token!r}",
            cure="store the template that it was trained with in the tokeniser",
        )
        return
    turns = next(probe_turns())
    usual = template_then_tokenise(tokenizer, turns)
    if tokenizer.bos_token_id is not None and usual[:2] == [tokenizer.bos_token_id] * 2:
        yield Finding(
            kind="double-start",
            severity="warning",
            problem=f"the template writes {tokenizer.bos_token!r} and the tokeniser adds another: scripts that render "
            "first and tokenise then score texts with two",
            cure="pass add_special_tokens=False when tokenising rendered text, or set add_bos_token to false",
        )
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    tail = text.rpartition(turns[-1]["content"])[2]
    if not tail:
        yield Finding(
            kind="no-final-token",
            severity="warning",
            problem="the template sets nothing behind a response: the reward is read off its last word, which differs "
            "from text to text, and a text cut short looks finished",
            cure="add an end token to the template, and train with it",
        )


def _about_ways(results: Sequence[WayResult], model: RewardModel) -> Iterator[Finding]:
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
        if result.failure is not None:
            problem = f"{result.name}: fails ({result.failure})"
        else:
            turned = f", and {result.turned} of {len(PROBES)} pairs are turned" if result.turned else ""
            problem = f"{result.name}: rewards differ by up to {result.largest:.3g}{turned}"
        cure = "" if result.name == USUAL else "see the other findings for the cause"
        severity: Severity = "warning" if result.name == USUAL else "error"
        yield Finding(kind="disagrees", severity=severity, problem=problem, cure=cure)
