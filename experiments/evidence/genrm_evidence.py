"""What each reward makes of a judge, in the miniature world: accuracy, reasons and style over seeds and start models.

    python experiments/evidence/genrm_evidence.py --work runs/genrm --starts weak middle strong --seeds 5 --arms main
    python experiments/evidence/genrm_evidence.py --work runs/genrm --table        # tables in Markdown of what was run so far
    python experiments/evidence/genrm_evidence.py --quick                          # a few steps: does it run?

A start model is made by the recipe's warm-up and kept in --work/start; each run is one line of --work/runs.jsonl and is not
done again. Two processes may share --work with --part 0/2 and --part 1/2. Final answers are greedy, on pairs that no run saw.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

START_SETTINGS: Mapping[str, tuple[float, int, int]] = {
    "weak": (0.85, 1500, 3),
    "middle": (0.95, 2500, 4),
    "strong": (0.65, 3000, 1),
}
"""Share of points that the annotator sees, steps of the warm-up, seed; named by the accuracy that came of it."""
AP = {"compose": "product", "agreement": "ap-hard"}
F1 = {"compose": "product", "agreement": "f1"}
FOLLOW, CENT = {"follow": 1.0}, {"token_cost": 0.01}
EXCHANGED = {"exchange_style": True}
ARMS: dict[str, dict[str, Any]] = {
    "outcome": {"reward": {"compose": "outcome"}},
    "AP x outcome": {"reward": AP},
    "F1 x outcome": {"reward": F1},
    "AP x outcome, styles exchanged": {"reward": AP, "world": EXCHANGED},
    "F1 x outcome, verdict follows, styles exchanged": {"reward": {**F1, **FOLLOW}, "world": EXCHANGED},
    "F2 x outcome, verdict follows, styles exchanged": {
        "reward": {**F1, **FOLLOW, "agreement": "f2"},
        "world": EXCHANGED,
    },
    "outcome, styles exchanged": {"reward": {"compose": "outcome"}, "world": EXCHANGED},
    "outcome - .01/token": {"reward": {"compose": "outcome", **CENT}},
    "AP x outcome - .01/token": {"reward": {**AP, **CENT}},
    "F1 x outcome - .01/token": {"reward": {**F1, **CENT}},
    "F1 x outcome, verdict follows": {"reward": {**F1, **FOLLOW}},
    "F1 x outcome, importance, verdict follows": {"reward": {**F1, **FOLLOW, "by_importance": True}},
    "F1 x listed outcome": {"reward": {**F1, "verdict": "reasons"}},
    "F1 alone, verdict follows": {"reward": {"compose": "rationale", "agreement": "f1", **FOLLOW}},
    "F1 x outcome, verdict follows, KL .02": {"reward": {**F1, **FOLLOW}, "grpo": {"beta": 0.02}},
}
MAIN = tuple(ARMS)[:5]
SPLITS = {"as trained": None, "easy": 1.0, "normal": 0.5, "hard": 0.0}
TEST_SEED = 2_000_003
FIGURES = ("accuracy", "consistency", "precision", "f1", "spurious", "follows", "flips", "reasons")


def recipe_table(changes: Mapping[str, Any]) -> dict[str, Any]:
    from rightly.training.common.recipe import read_table

    table = read_table(Path(__file__).parents[2] / "recipes" / "genrm_world.toml")
    for name, values in changes.items():
        table[name] = {**table.get(name, {}), **values} if isinstance(values, Mapping) else values
    return table


def checked(table: Mapping[str, Any]) -> Any:
    from rightly.training.common.recipe import check_recipe
    from rightly.training.judge.recipe import GenrmRecipe

    return check_recipe(GenrmRecipe, table, "genrm_evidence")


def start_model(name: str, work: Path, steps: int | None) -> Path:
    """The start model of that name, made where it is missing."""
    from rightly.training.judge.run import FINISHED, train_judge

    sees, usual, seed = START_SETTINGS[name]
    folder = work / "start" / name
    if (folder / FINISHED).exists():
        return folder
    table = recipe_table({"output": str(folder), "world": {"sees": sees, "seed": 100 + seed}})
    if steps is not None:
        table["world"]["pairs"] = 64 * steps
    table["warmup"]["trainer"] |= {"max_steps": steps or usual, "seed": seed, "disable_tqdm": True}
    del table["grpo"], table["audit"]
    train_judge(checked(table))
    return folder


def measure(model: Path, correlation: float, n: int, verdict: str) -> dict[str, dict[str, float]]:
    """All figures of a model on every split; an answer without reasons may be right, with a consistency of 0."""
    from rightly.synthetic.reviews import draw_pairs, exchange_style
    from rightly.training.judge.data import judging_task
    from rightly.training.judge.eval_callback import audit_model
    from rightly.training.judge.run import load_judge

    graded_by = {"compose": "outcome", "verdict": verdict}
    recipe = checked(recipe_table({"audit": {"limit": 1, "max_tokens": 40, "batch_size": 125}, "reward": graded_by}))
    sets = {
        name: list(draw_pairs(n, seed=TEST_SEED + i, correlation=correlation if share is None else share))
        for i, (name, share) in enumerate(SPLITS.items())
    }
    restyled = {pair.id: exchange_style(pair) for pair in sets["as trained"]}
    task = judging_task(recipe)
    loaded, tokenizer = load_judge(recipe.model, str(model))
    return audit_model(loaded.eval(), tokenizer, replace(task, audit=sets, restyled=restyled), recipe.audit)


def run(work: Path, start: str, arm: str, correlation: float, seed: int, steps: int, n: int) -> dict[str, Any]:
    """Train one arm and measure it."""
    from rightly.training.judge.run import train_judge

    folder = work / "now" / f"{start}-{arm}-{correlation}-{seed}".replace(" ", "_").replace("/", "per")
    changes: dict[str, Any] = {
        "output": str(folder),
        "model": {"name": str(work / "start" / start)},
        "world": {"correlation": correlation, "seed": 500 + seed, "pairs": steps * 16, **ARMS[arm].get("world", {})},
        "grpo": {"max_steps": steps, "seed": seed, "disable_tqdm": True, **ARMS[arm].get("grpo", {})},
        "reward": {"follow": 0.0, **ARMS[arm]["reward"]},
    }
    table = recipe_table(changes)
    del table["warmup"], table["audit"]
    began = time.perf_counter()
    trained = train_judge(checked(table))
    seconds = (time.perf_counter() - began) / steps
    found = measure(folder, correlation, n, ARMS[arm]["reward"].get("verdict", "explicit"))
    curve = [row["reward"] for row in trained.history if "reward" in row]
    shutil.rmtree(folder)
    return {
        "start": start, "arm": arm, "correlation": correlation, "seed": seed, "steps": steps,
        "seconds_per_step": seconds, "reward": curve, "sets": found,
    }  # fmt: skip


def read_runs(work: Path) -> list[dict[str, Any]]:
    path = work / "runs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def key_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["start"], row["arm"], row["correlation"], row["seed"], row["steps"]


def mean_and_interval(values: Sequence[float]) -> str:
    """The mean over seeds with its 95% interval by Student's t."""
    from scipy.stats import t

    if len(values) < 2:
        return f"{np.mean(values):.3f}"
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{np.mean(values):.3f} ± {half:.3f}"


def tables(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table for each start model and correlation, a row for each arm."""
    groups = dict.fromkeys((row["start"], row["correlation"], row["steps"]) for row in rows if row["arm"] != "start")
    for start, correlation, steps in groups:
        yield f"\n**{start}**, correlation {correlation}, {steps} steps\n"
        heads = ["arm", "seeds", "as trained", "easy", "normal", "hard", "consistency", "consistency, hard"]
        heads += ["precision", "spurious", "follows", "flips", "reasons"]
        yield "| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads)
        for arm in ("start", *ARMS):
            found = [
                row["sets"] for row in rows
                if row["start"] == start and row["arm"] == arm and row["correlation"] == correlation
                and (arm == "start" or row["steps"] == steps)
            ]  # fmt: skip
            if found:
                spots = [(split, "accuracy") for split in SPLITS] + [
                    ("as trained", "consistency"),
                    ("hard", "consistency"),
                ]
                spots += [("as trained", name) for name in ("precision", "spurious", "follows", "flips", "reasons")]
                cells = [mean_and_interval([sets[split].get(name, 0.0) for sets in found]) for split, name in spots]
                yield "| " + " | ".join([arm, str(len(found)), *cells]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/genrm_evidence"))
    parser.add_argument("--starts", nargs="+", default=list(START_SETTINGS), choices=list(START_SETTINGS))
    parser.add_argument("--arms", nargs="+", default=["main"], help="main, all, or names")
    parser.add_argument("--correlations", nargs="+", type=float, default=[0.75])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=500, help="test pairs a split")
    parser.add_argument("--part", default="0/1", help="which share of the runs this process does")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if not args.table:
        work_through(args)
    print("\n".join(tables(read_runs(args.work))))


def work_through(args: argparse.Namespace) -> None:
    arms = {"main": list(MAIN), "all": list(ARMS)}.get(args.arms[0], args.arms)
    starts, seeds, steps, pairs = args.starts, range(args.seeds), args.steps, args.pairs
    if args.quick:
        arms, starts, seeds, steps, pairs = arms[:2], starts[:1], range(1), 2, 8
    part, parts = map(int, args.part.split("/"))
    jobs = [(s, a, c, seed) for seed in seeds for c in args.correlations for s in starts for a in ("start", *arms)]
    for start, arm, correlation, seed in jobs[part::parts]:
        start_model(start, args.work, 3 if args.quick else None)
        spot = {
            "start": start,
            "arm": arm,
            "correlation": correlation,
            "seed": seed,
            "steps": 0 if arm == "start" else steps,
        }
        if key_of(spot) in {key_of(row) for row in read_runs(args.work)} or (arm == "start" and seed):
            continue
        if arm == "start":
            row = spot | {"sets": measure(args.work / "start" / start, correlation, pairs, "explicit")}
        else:
            row = run(args.work, start, arm, correlation, seed, steps, pairs)
        with (args.work / "runs.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
