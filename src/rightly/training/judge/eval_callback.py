"""Audit a judge during training: grade greedy answers to fixed pairs at regular steps."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.utils import gather_object
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rightly.inference.generator import Request
from rightly.inference.transformers_engine import TransformersEngine
from rightly.rewards.grader import JudgeAnswer
from rightly.rewards.rule import Reference
from rightly.rewards.summary import summarise
from rightly.store.files import atomic_write
from rightly.training.judge.data import JudgingTask
from rightly.training.judge.recipe import AuditTable
from rightly.types import PreferencePair

DYNAMICS = "dynamics.jsonl"


def audit_model(
    model: Any, tokenizer: Any, task: JudgingTask, table: AuditTable, *, rank: int = 0, world_size: int = 1
) -> dict[str, dict[str, float]]:
    """The figures of `rightly.rewards.summary` for every audit set, and ``flips``.

    ``flips`` is the share of verdicts that change when only the style of the responses changes, among pairs with a restyled
    version and a verdict on both versions.

    Args:
        model: The judge, a causal language model.
        tokenizer: Tokenizer of the judge, padded on the left.
        task: Task with the audit sets.
        table: Audit settings of the recipe.
        rank: Number of this process, which audits every ``world_size``-th pair from ``rank``; results are gathered from all.
        world_size: Number of processes.
    """
    engine = TransformersEngine(model, tokenizer)
    found: dict[str, dict[str, float]] = {}
    for name, pairs in task.audit.items():
        mine = pairs[rank::world_size]
        answers = answer_pairs(engine, task, mine, table)
        graded = task.reward.grade_now(answers, [Reference.of(pair) for pair in mine], match_all=True)
        restyled = [(i, task.restyled[pair.id]) for i, pair in enumerate(mine) if pair.id in task.restyled]
        again = answer_pairs(engine, task, [pair for _, pair in restyled], table)
        read = task.reward.read
        verdicts = [(read(answers[i]).verdict, read(a).verdict) for (i, _), a in zip(restyled, again, strict=True)]
        if world_size > 1:
            graded, verdicts = gather_object(graded), gather_object(verdicts)
        flips = [first != second for first, second in verdicts if first is not None and second is not None]
        found[name] = summarise(graded) | ({"flips": float(np.mean(flips))} if flips else {})
    return found


def read_dynamics(folder: Path) -> list[dict[str, Any]]:
    """Read the audit results of a run by step: ``{"step": 25, "set": "audit", "accuracy": ...}``."""
    try:
        lines = (folder / DYNAMICS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [json.loads(line) for line in lines]


class JudgeEvalCallback(TrainerCallback):
    """Audits before the first step, at regular steps, and at the end; the records are in ``dynamics.jsonl``.

    A run that resumes from a checkpoint discards later records.

    Args:
        task: Task with the audit sets.
        table: Audit settings of the recipe.
        folder: Folder of the run.
    """

    def __init__(self, task: JudgingTask, table: AuditTable, folder: Path) -> None:
        self._task, self._table, self._folder = task, table, folder
        self._last = -1
        self.trainer: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Audit before the first step; a resumed run discards records after its checkpoint."""
        if state.is_world_process_zero:
            known = read_dynamics(self._folder) if state.global_step else []
            self._write([row for row in known if row["step"] <= state.global_step])
        if state.global_step == 0:
            self._audit(state)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Audit at regular steps."""
        if state.global_step % self._table.every == 0:
            self._audit(state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Audit after the last step."""
        self._audit(state)

    def _audit(self, state: TrainerState) -> None:
        if self._last == state.global_step:
            return
        accelerator, model = self.trainer.accelerator, self.trainer.model
        training = model.training
        with _unwrapped(self.trainer) as plain:
            plain.eval()
            found = audit_model(
                plain,
                self.trainer.processing_class,
                self._task,
                self._table,
                rank=accelerator.process_index,
                world_size=accelerator.num_processes,
            )
        model.train(training)
        self._last = state.global_step
        if state.is_world_process_zero:
            rows = [{"step": state.global_step, "set": name, **figures} for name, figures in found.items()]
            self._write([*read_dynamics(self._folder), *rows])

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._folder / DYNAMICS) as partial:
            partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _unwrapped(trainer: Any) -> AbstractContextManager[Any]:
    """The model ready for generation: gathered if DeepSpeed has sharded it."""
    if trainer.accelerator.num_processes == 1:
        return nullcontext(trainer.accelerator.unwrap_model(trainer.model))
    from trl.models.utils import unwrap_model_for_generation

    return unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator)


def answer_pairs(
    engine: TransformersEngine, task: JudgingTask, pairs: Sequence[PreferencePair], table: AuditTable
) -> list[JudgeAnswer]:
    """Greedy answers to pairs as shown."""
    requests = [Request(messages=task.messages(pair), max_tokens=table.max_tokens) for pair in pairs]
    chunks = [requests[i : i + table.batch_size] for i in range(0, len(requests), table.batch_size)]
    completions = [completion for chunk in chunks for completion in engine(chunk)]
    return [JudgeAnswer(completion.text, completion.usage.output_tokens) for completion in completions]
