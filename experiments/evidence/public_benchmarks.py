"""All benchmarks whose data are at hand, with the rules, a MiniLM reward model and stored runs, as one page of tables.

    python experiments/evidence/public_benchmarks.py DATA --work runs/public [--pairs pairs.jsonl.gz]

``DATA`` holds the upstream files: ``rm_bench_partial/``, ``judgebench/`` (``data/`` and ``outputs/``), ``llmbar/LLMBar/``,
``evalbiasbench/``, ``hhh_alignment/``. The reward model is all-MiniLM-L6-v2, trained on 3,000 strict pairs of UKPConvArg1 for
one epoch. A finished part is not run again. Prints the tables of ``leaderboard.md``.
"""

import argparse
import random
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

from minilm_ukp import minilm, write

from rightly.data.load import load_pairs

TRAIN = 3000
SETS = {
    "rm-bench": "rm_bench_partial",
    "judgebench-gpt": "judgebench",
    "judgebench-claude": "judgebench",
    "llmbar": "llmbar/LLMBar",
    "evalbiasbench": "evalbiasbench",
    "hhh": "hhh_alignment",
}


def train(folder: Path, source: str, quick: bool) -> Path:
    """The MiniLM reward model; made once a folder."""
    if (folder / "README.md").exists():
        return folder
    from rightly.training.reward_model.recipe import parse_recipe
    from rightly.training.reward_model.run import train_reward_model

    folder.parent.mkdir(parents=True, exist_ok=True)
    pairs = [pair for pair in load_pairs(source) if pair.label in ("A", "B")]
    pairs = random.Random(0).sample(pairs, min(64 if quick else TRAIN, len(pairs)))
    recipe = {
        "output": str(folder),
        "model": {"name": minilm(), "max_length": 256},
        "data": {"train": [write(folder.parent / "train.jsonl", pairs)]},
        "trainer": {
            "per_device_train_batch_size": 16,
            "num_train_epochs": 1,
            "learning_rate": 5e-5,
            "warmup_steps": 0.1,
            "bf16": True,
            "save_strategy": "no",
            "use_cpu": True,
            "disable_tqdm": True,
            "seed": 0,
            **({"max_steps": 2} if quick else {}),
        },
    }
    with redirect_stdout(sys.stderr):  # the Trainer prints
        train_reward_model(parse_recipe(recipe))
    return folder


def stored_runs(name: str, data: Path) -> list[str]:
    """Runs of others that lie beside the data."""
    if name == "judgebench-gpt":
        outputs = sorted((data / "judgebench" / "outputs").glob("*response_model=gpt*"))
        return [f"{path.name.split('judge_model=')[1].split('.jsonl')[0]}=stored:{path}" for path in outputs]
    return []


def rightly(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "rightly", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", default="sample:ukpconvarg1", help="UKPConvArg1, to train on")
    parser.add_argument("--work", type=Path, default=Path("runs/public_benchmarks"))
    parser.add_argument("--quick", action="store_true", help="Some steps, some items: does it run?")
    args = parser.parse_args()
    model = train(args.work / "minilm", args.pairs, args.quick)
    folders = []
    for name, place in SETS.items():
        if not (args.data / place).exists():
            print(f"{name}: no {args.data / place}", file=sys.stderr)
            continue
        models = [
            f"--model=MiniLM on UKPConvArg1=rm:{model}?dtype=bfloat16",
            *(f"--model={each}" for each in stored_runs(name, args.data)),
        ]
        folders.append(args.work / name)
        some = ["--limit", 8] if args.quick else []
        rightly(
            "bench",
            name,
            "--data",
            args.data / place,
            *models,
            *some,
            "--out",
            folders[-1],
            "--cache",
            args.work / "cache.db",
        )
    rightly("leaderboard", *folders, "--out", args.work)
    print((args.work / "leaderboard.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
