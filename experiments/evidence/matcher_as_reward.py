"""Does a matcher hold as a training reward? Tricks on people's own words, and GRPO against it with the exact matcher beside it.

    python experiments/evidence/matcher_as_reward.py --matcher local:minilm [--pairs 300] [--steps 50]

First: hand-made lists on pairs of ComVE, verdict always right; each cell is a mean reward, in bold where a trick earns at least
as much as another person's right reason. Then: the miniature judge is trained from its start model with the matcher as its
reward (average precision or F1, times outcome); its greedy answers are graded by the matcher and by the world's exact one.
A hole shows as a rising reward without rising exact agreement.
"""

import argparse
import contextlib
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from rightly.data.load import load_pairs
from rightly.data.samples import confusing_reasons
from rightly.jobs.demo_judge import _table
from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.rule import Reference, RewardRule
from rightly.synthetic.reviews import read_stance
from rightly.training.common.recipe import check_recipe
from rightly.training.judge import data as judge_data
from rightly.training.judge import run as judge_run
from rightly.training.judge.recipe import GenrmRecipe
from rightly.types import PreferencePair

REWARDS = {
    "AP": RewardRule(),
    "F1": RewardRule(agreement="f1"),
    "AP - .1/junk": RewardRule(point_cost=0.1),
    "recall": RewardRule(agreement="recall"),
}
CANNED = "It is against common sense."


def statements(pair: PreferencePair) -> list[str]:
    return [response[0].content if not isinstance(response, str) else response for response in pair.responses]


def tricks(pairs: Sequence[PreferencePair]) -> dict[str, Callable[[PreferencePair, random.Random], list[str]]]:
    confusing = confusing_reasons()
    everyone = [reason.text for pair in pairs for reason in pair.rationales]
    wrong = {"A": 1, "B": 0}
    return {
        "another person's right reason": lambda pair, _: [pair.rationales[0].text],
        "a confusing reason": lambda pair, _: [confusing[pair.id][0]],
        "both confusing reasons": lambda pair, _: list(confusing[pair.id]),
        "canned": lambda pair, _: [CANNED],
        "canned, five ways": lambda pair, _: [
            CANNED, "Nobody does that.", "It is impossible.", "It makes no sense.", "That is wrong.",
        ],
        "vague verdict": lambda pair, _: [f"Response {pair.label} is better", f"Response {pair.label} makes more sense"],
        "the statement, copied": lambda pair, _: [statements(pair)[wrong[pair.label]]],
        "both statements, copied": lambda pair, _: statements(pair),
        "the statement denied": lambda pair, _: [f"It is not true that {statements(pair)[wrong[pair.label]].lower()}"],
        "ten reasons of other pairs": lambda pair, draw: draw.sample(everyone, 10),
        "the right reason, then ten of other pairs": lambda pair, draw: [
            pair.rationales[0].text, *draw.sample(everyone, 10),
        ],
        "the right reason, five times": lambda pair, _: [pair.rationales[0].text] * 5,
    }  # fmt: skip


def print_tricks(matcher: str, pairs: Sequence[PreferencePair]) -> None:
    """The person whose reason is said is left out of the points."""
    print(f"| list ({matcher}, {len(pairs)} pairs) | {' | '.join(REWARDS)} |\n|{' --- |' * (len(REWARDS) + 1)}")
    references = [Reference.of(pair.model_copy(update={"rationales": pair.rationales[1:]})) for pair in pairs]
    rewards = {name: JudgmentReward(rule, matcher) for name, rule in REWARDS.items()}
    best: dict[str, float] = {}
    for trick, make in tricks(pairs).items():
        cells = []
        for name, reward in rewards.items():
            draw = random.Random(trick)
            listed = [[f"{n}. {text}" for n, text in enumerate(make(pair, draw), 1)] for pair in pairs]
            texts = ["\n".join([*lines, f"[[{pair.label}]]"]) for lines, pair in zip(listed, pairs, strict=True)]
            graded = reward.grade_now([JudgeAnswer(text) for text in texts], references)
            value = float(np.mean([each.reward for each in graded]))
            honest = best.setdefault(name, value)
            right = "right reason" in trick
            cells.append(f"{value:.3f}" if right or value < honest else f"**{value:.3f}**")
        print(f"| {trick} | {' | '.join(cells)} |", flush=True)
    for reward in rewards.values():
        reward.close()


def train(matcher: str, agreement: str, steps: int, folder: Path) -> list[dict]:
    """GRPO with the matcher as reward; the audits grade the same answers by both matchers."""
    exact = judge_data._world_task

    def task(recipe: GenrmRecipe) -> judge_data.JudgingTask:
        made = exact(recipe)
        return replace(made, reward=JudgmentReward(recipe.reward, matcher, stance=read_stance))

    judge_data._world_task = task
    with as_file(files("rightly.synthetic") / "start") as start:
        table = _table(folder, start, {"reward": {"compose": "product", "agreement": agreement}}, steps, 0)
        table["grpo"] |= {"save_strategy": "steps", "save_steps": max(steps // 5, 1)}
        table["audit"]["every"] = max(steps // 5, 1)
        recipe = check_recipe(GenrmRecipe, table, "experiment")
        with contextlib.redirect_stdout(io.StringIO()):
            found = judge_run.train_judge(recipe).dynamics
    judge_data._world_task = exact
    return found + graded_exactly(recipe, folder, steps)


def graded_exactly(recipe: GenrmRecipe, folder: Path, steps: int) -> list[dict]:
    """The saved judges' greedy answers, graded by the world's exact matcher."""
    from rightly.training.judge.eval_callback import audit_model

    task = judge_data._world_task(recipe)
    rows = []
    with as_file(files("rightly.synthetic") / "start") as start:
        saved = [(0, start), *((int(p.name.split("-")[1]), p) for p in sorted(folder.glob("checkpoint-*")))]
        for step, path in sorted(saved):
            model, tokenizer = judge_run.load_judge(recipe.model, str(path))
            for name, found in audit_model(model.eval(), tokenizer, task, recipe.audit).items():
                rows.append({"step": step, "set": name, "by": "exact", **found})
    task.reward.close()
    return rows


def print_training(rows: Sequence[dict]) -> None:
    names = [
        name
        for name in ("accuracy", "consistency", "ap", "precision", "points", "reward")
        if any(name in r for r in rows)
    ]
    print(f"\n| set | step | graded by | {' | '.join(names)} |\n|{' --- |' * (len(names) + 3)}")
    for row in sorted(rows, key=lambda each: (each["set"], each["step"], each.get("by", ""))):
        shown = " | ".join("" if row.get(name) is None else f"{row[name]:.3f}" for name in names)
        print(f"| {row['set']} | {row['step']} | {row.get('by', 'the matcher')} | {shown} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matcher", default="local:minilm")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--agreement", action="append")
    parser.add_argument("--work", type=Path, default=Path("runs/matcher_as_reward"))
    options = parser.parse_args()
    if options.pairs:
        print_tricks(options.matcher, list(load_pairs("sample:comve", limit=options.pairs)))
    for agreement in (options.agreement or ["ap-hard", "f1"]) if options.steps else ():
        rows = train(options.matcher, agreement, options.steps, options.work / agreement)
        (options.work / f"{agreement}.json").write_text(json.dumps(rows))
        print(f"\n**GRPO, {agreement} x outcome, {options.steps} steps**")
        print_training(rows)


if __name__ == "__main__":
    main()
