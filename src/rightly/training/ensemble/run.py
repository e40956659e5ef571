"""Margins of pairs by an ensemble that is trained for it, cross-fitted: no model scores a pair that it trained on.

In rising cost: heads over frozen features, low-rank adapters, checkpoints along one run, full models. Whatever was trained
or scored lies in the folder and is not done again.
"""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError
from rightly.preferences.strength import assign_folds
from rightly.reward_models.features import frozen_features
from rightly.reward_models.identity import reward_model_fingerprint
from rightly.reward_models.margins import margin
from rightly.reward_models.model import WINDOW, RewardModel
from rightly.store.files import atomic_write
from rightly.store.fingerprint import fingerprint
from rightly.training.ensemble.heads import HeadEnsemble
from rightly.training.reward_model.recipe import RewardRecipe, parse_recipe
from rightly.types import Frozen, PreferencePair, content_key

Kind = Literal["heads", "lora", "checkpoints", "full"]

GroupBy = Literal["context", "domain", "pair"]

Say = Callable[[str], None]


class EnsemblePlan(Frozen):
    """What is trained.

    Attributes:
        base: Folder or hub id of the model that all members start from.
        kind: How much of it is trained.
        members: Models; for ``checkpoints`` the places along one run.
        folds: Of the cross-fit; 0 scores the pairs that were trained on, as the papers do.
        group_by: What is never parted by folds: pairs of one context, of one domain (a debate, a subset; up to its first
            ``/``), or nothing. Where responses recur over pairs, folds over single pairs let a model know them.
        max_length: Tokens of a sequence.
        seed: Of folds, samples and orders.
    """

    base: str
    kind: Kind = "heads"
    members: int = 5
    folds: int = 5
    group_by: GroupBy = "context"
    max_length: int = 512
    seed: int = 0


def ensemble_margins(
    folder: Path,
    pairs: Sequence[PreferencePair],
    plan: EnsemblePlan,
    *,
    recipe: dict[str, Any] | None = None,
    say: Say = lambda _line: None,
) -> NDArray[np.float64]:
    """Train the ensemble and score the pairs with it.

    Args:
        folder: Where features, runs and margins are kept.
        pairs: Labelled, no ties.
        plan: What is trained.
        recipe: Tables of a training recipe that go over the defaults (``trainer``, ``loss``...); not for heads.
        say: Told what is going on.

    Returns:
        ``(members, N)`` the labelled response's reward minus the best other's.

    Raises:
        InputError: A pair has no label, or there are too few groups.
    """
    unlabelled = next((pair.id for pair in pairs if pair.label in (None, "tie")), None)
    if unlabelled is not None:
        raise InputError(f"pair {unlabelled!r} has no better response", fix="leave ties and unlabelled pairs out")
    groups = group_keys(pairs, plan.group_by)
    folds = assign_folds(groups, plan.folds, plan.seed) if plan.folds else None
    if plan.kind == "heads":
        return _heads(folder, pairs, plan, groups, folds, say)
    return _runs(folder, pairs, plan, folds, recipe or {}, say)


def group_keys(pairs: Sequence[PreferencePair], group_by: GroupBy) -> list[str]:
    """The group of each pair that folds do not part; a pair without a context or domain stands for itself."""
    if group_by == "pair":
        return [pair.id for pair in pairs]
    if group_by == "domain":
        return [(pair.domain or pair.id).partition("/")[0] for pair in pairs]
    return [pair.context_key if pair.context else pair.id for pair in pairs]


def _heads(
    folder: Path,
    pairs: Sequence[PreferencePair],
    plan: EnsemblePlan,
    groups: Sequence[str],
    folds: NDArray[np.int64] | None,
    say: Say,
) -> NDArray[np.float64]:
    features = stored_features(folder / "features", pairs, plan.base, plan.max_length, say)
    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    best = [pair.choices.index(str(pair.label)) for pair in pairs]
    say(f"training {plan.members} heads on {len(pairs):,} pairs")
    return HeadEnsemble(plan.members, plan.seed).margins(features, best, numbers, folds)


def stored_features(
    folder: Path, pairs: Sequence[PreferencePair], base: str, max_length: int, say: Say = lambda _line: None
) -> list[NDArray[np.float32]]:
    """Frozen features of pairs, computed once: a file for each window of pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    model: RewardModel | None = None
    made_by = reward_model_fingerprint(base, max_length=max_length)
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(pairs), WINDOW):
        window = pairs[start : start + WINDOW]
        key = content_key([made_by, *(pair.content_key for pair in window)])
        path = folder / f"{key}.npy"
        if not path.exists():
            if model is None:
                model = RewardModel.load(base, new_head=True, max_length=max_length, dtype="auto")
            say(f"features of pairs {start + 1:,} to {start + len(window):,} of {len(pairs):,}")
            _write_array(path, np.concatenate(frozen_features(model, window)))
        rows = np.load(path)
        at = np.cumsum([len(pair.responses) for pair in window])[:-1]
        found += np.split(rows, at)
    return found


def _write_array(path: Path, array: NDArray[np.float32]) -> None:
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.save(file, array)


def _runs(
    folder: Path,
    pairs: Sequence[PreferencePair],
    plan: EnsemblePlan,
    folds: NDArray[np.int64] | None,
    tables: dict[str, Any],
    say: Say,
) -> NDArray[np.float64]:
    """Members that are trained by recipes, a run for each member and fold."""
    result = np.full((plan.members, len(pairs)), np.nan)
    base = reward_model_fingerprint(plan.base, max_length=plan.max_length)
    count = 1 if folds is None else int(folds.max()) + 1
    for member in range(1 if plan.kind == "checkpoints" else plan.members):
        for fold in range(count):
            scored = np.arange(len(pairs)) if folds is None else np.flatnonzero(folds == fold)
            trained = scored if folds is None else np.flatnonzero(folds != fold)
            train, score = [pairs[i] for i in trained.tolist()], [pairs[i] for i in scored.tolist()]
            own = folder / f"member{member}-fold{fold}-{_member_key(base, plan, member, tables, train, score)}"
            path = own / "margins.json"
            if not path.exists():
                say(f"member {member + 1} of {plan.members}, fold {fold + 1} of {count}: {len(trained):,} pairs")
                found = _train_and_score(_recipe(own, train, plan, member, tables), plan, score)
                with atomic_write(path) as partial:
                    partial.write_text(json.dumps(found))
            margins = np.array(json.loads(path.read_text()))
            rows = slice(None) if plan.kind == "checkpoints" else slice(member, member + 1)
            result[rows, scored] = margins
    return result


def _member_key(
    base: str,
    plan: EnsemblePlan,
    member: int,
    tables: dict[str, Any],
    train: Sequence[PreferencePair],
    score: Sequence[PreferencePair],
) -> str:
    """Identity of a member's margins: what it starts from, how and on what it is trained, what it scores."""
    return fingerprint(
        "margins",
        base=base,
        plan=plan.model_dump(mode="json", include={"kind", "max_length", "seed"}),
        checkpoints=plan.members if plan.kind == "checkpoints" else None,
        member=member,
        tables=tables,
        train=[pair.model_dump_json() for pair in train],
        score=[[pair.content_key, pair.label] for pair in score],
    )[:16]


def _recipe(
    folder: Path, train: Sequence[PreferencePair], plan: EnsemblePlan, member: int, tables: dict[str, Any]
) -> RewardRecipe:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "train.jsonl"
    source.write_text("".join(pair.model_dump_json() + "\n" for pair in train), encoding="utf-8")
    model = {"name": plan.base, "max_length": plan.max_length, **tables.get("model", {})}
    if plan.kind == "lora":
        model["lora"] = {"rank": 16, "alpha": 32, **model.get("lora", {}), "merge": False}  # scored once, then deleted
    trainer = {
        "per_device_train_batch_size": 16,
        "num_train_epochs": 1,
        "learning_rate": 1e-3 if plan.kind == "lora" else 5e-5,
        "warmup_steps": 0.1,
        "save_strategy": "no",
        "disable_tqdm": True,
        **tables.get("trainer", {}),
        "seed": plan.seed + member,
    }
    if plan.kind == "checkpoints":
        trainer |= {"save_strategy": "steps", "save_steps": 1 / plan.members, "save_total_limit": None}
    rest = {name: table for name, table in tables.items() if name not in ("model", "trainer", "data", "output")}
    return parse_recipe(
        {"output": str(folder / "run"), "model": model, "data": {"train": [str(source)]}, "trainer": trainer, **rest}
    )


def _train_and_score(recipe: RewardRecipe, plan: EnsemblePlan, pairs: Sequence[PreferencePair]) -> list[list[float]]:
    """Margins of the pairs by the trained model, or by each checkpoint of its run."""
    import shutil

    from rightly.training.reward_model.run import train_reward_model

    with redirect_stdout(sys.stderr):  # the Trainer's log; standard output is the caller's
        output = train_reward_model(recipe).folder
    models = [output]
    if plan.kind == "checkpoints":
        models = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))[-plan.members :]
        if len(models) < plan.members:
            raise InputError(
                f"the run gave {len(models)} checkpoints for {plan.members} members", fix="ask for fewer members"
            )
    found = []
    for path in models:
        model = RewardModel.load(path, max_length=plan.max_length, dtype="auto")
        found.append([margin(scored.rewards, scored.pair.label) for scored in model.score(pairs)])
    shutil.rmtree(output)
    return found
