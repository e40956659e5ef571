"""Does everyone who loads this checkpoint get the same rewards? Scores it in every usual way and explains differences.

The causes are few and known: a pad token that is the final token, no pad token, a reward head that was never saved, a
second start token, a template that the checkpoint lacks. Each has a name, a consequence and a cure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig

from rightly.errors import InputError
from rightly.reward_models.checkpoint import Precision, load_tokenizer
from rightly.reward_models.contract import FILE
from rightly.reward_models.doctor.checks import Stored, about_paths, about_rewards, about_tokens, can_be_shifted
from rightly.reward_models.doctor.diagnosis import Diagnosis, Finding, PathResult
from rightly.reward_models.doctor.remote import Protocol, served_rewards
from rightly.reward_models.doctor.scoring_paths import (
    LEFT,
    PROBES,
    SHIFTED,
    ScoringPath,
    attempt,
    plain_model,
    plain_paths,
)
from rightly.reward_models.fast.packing import TokenGroup, group_sequences
from rightly.reward_models.lora import adapter_base
from rightly.reward_models.model import RewardModel
from rightly.reward_models.model_parts import backbone, pools_last_token

TOLERANCE = {"torch.float32": 1e-3, "torch.bfloat16": 0.05, "torch.float16": 0.01}
"""Largest difference of rewards, over their standard deviation on the probes or 1, that counts as the same."""

REFERENCE = "one at a time, unpadded"

_TOKENS = 2048
"""Tokens of one pass over the probes."""


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
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run the checkpoint's own code.
        endpoint: Base address of a server that serves the same model.
        protocol: What the server speaks.
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
        told = " ".join(str(error).split())[:200]
        finding = Finding(kind="unloadable", severity="error", problem=f"{type(error).__name__}: {told}")
        return Diagnosis(model=name, findings=(finding,))
    groups = [group_sequences([each.ids for each in model.encode(context, responses)]) for context, responses in PROBES]
    sequences = [sequence for group in groups for sequence in group.sequences()]
    reference = attempt(REFERENCE, lambda: _alone(model, sequences))
    if reference.rewards is None:
        problem = f"it computes no reward: {reference.failure}"
        return Diagnosis(model=name, findings=(Finding(kind="broken", severity="error", problem=problem),))
    config = AutoConfig.from_pretrained(base or name, **common)
    final_ids = {sequence[-1] for sequence in sequences}
    stored = Stored(name, base, config, load_tokenizer(name, base or name, common), final_ids)
    paths = [*_our_paths(model, groups), *_plain_paths(model, stored, sequences, common)]
    if endpoint is not None:
        found = served_rewards(endpoint, sequences, protocol=protocol, model=served_name)
        paths.append(ScoringPath(f"{protocol} at {endpoint}", tuple(found)))
    return _diagnosis(model, stored, reference.rewards, paths)


def _diagnosis(
    model: RewardModel, stored: Stored, reference: tuple[float, ...], paths: Sequence[ScoringPath]
) -> Diagnosis:
    used = next(model.model.parameters()).dtype
    compared = [_compare(path, reference, used) for path in paths]
    results = tuple(_applicable(result, model, stored) for result in compared if not result.name.endswith(SHIFTED))
    findings = [
        *about_rewards(reference),
        *about_tokens(stored, model),
        *about_paths(results, model, stored, shifted=can_be_shifted(compared)),
    ]
    order = ("error", "warning", "note")
    return Diagnosis(
        model=stored.name,
        architecture=type(model.model).__name__,
        dtype=str(used).removeprefix("torch."),
        contract=_has_contract(stored.name),
        rewards=reference,
        paths=results,
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


def _alone(model: RewardModel, sequences: Sequence[Sequence[int]]) -> list[float]:
    return _flat(model.score_groups([group_sequences([each])], _TOKENS, packed=False)[0] for each in sequences)


def _flat(rewards: Iterable[Sequence[float]]) -> list[float]:
    return [reward for group in rewards for reward in group]


def _our_paths(model: RewardModel, groups: Sequence[TokenGroup]) -> Iterator[ScoringPath]:
    yield attempt("rightly, padded", lambda: _flat(model.score_groups(groups, _TOKENS, packed=False)))
    if model.unpacked is None:
        yield attempt("rightly, packed", lambda: _flat(model.score_groups(groups, _TOKENS, packed=True)))


def _plain_paths(
    model: RewardModel, stored: Stored, sequences: list[tuple[int, ...]], common: dict[str, Any]
) -> Iterator[ScoringPath]:
    dtype = next(backbone(model.model).parameters()).dtype

    def load() -> Any:
        return plain_model(stored.name, stored.base, stored.tokenizer, dtype, **common).to(model.model.device)

    label = "transformers" if stored.base is None else "transformers, adapter beside its base"
    yield from plain_paths(label, load, stored.tokenizer, sequences, chat=model.contract.form == "chat")


def _compare(path: ScoringPath, reference: Sequence[float], dtype: torch.dtype) -> PathResult:
    if path.rewards is None:
        return PathResult(name=path.name, largest=None, order_flips=0, agrees=False, failure=path.failure)
    gap = float(np.abs(np.array(path.rewards) - np.array(reference)).max())
    scale = max(float(np.std(reference)), 1e-6)
    order_flips = sum(
        (path.rewards[i] > path.rewards[i + 1]) != (reference[i] > reference[i + 1])
        for i in range(0, len(reference), 2)
    )
    agrees = gap <= TOLERANCE.get(str(dtype), 0.05) * min(scale, 1.0)
    return PathResult(name=path.name, largest=gap, order_flips=order_flips, agrees=agrees, failure=None)


def _applicable(result: PathResult, model: RewardModel, stored: Stored) -> PathResult:
    """Encoders read the reward off the first token, which left padding displaces; their tokenisers pad right."""
    encoder = not pools_last_token(model.model) and stored.tokenizer.padding_side == "right"
    if encoder and result.name.endswith(LEFT) and not result.agrees:
        return result.model_copy(update={"applicable": False})
    return result
