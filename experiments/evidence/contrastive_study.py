"""The contrastive losses beside plain ranking: two real sets, several seeds, in-domain and shifted, features drawn.

    python experiments/evidence/contrastive_study.py --ukp pairs.jsonl.gz --harmless test.jsonl.gz --helpful helpful.jsonl.gz
    python experiments/evidence/contrastive_study.py --quick          # shipped samples, some steps: does it run?

Model: the first layers of all-MiniLM-L6-v2 (``--layers``). Sets: UKPConvArg1 (shift: debates held out whole) and HH-RLHF
(trained on harmless, shift: helpful). Coefficients are the papers' defaults of each variant, and for SimCSE a tenth of them;
none was tuned here. A finished run is not trained again. Writes results.json, features.svg and a table on standard output.
"""

import argparse
import gzip
import json
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from minilm_ukp import debates, minilm, write

from rightly.data.load import load_pairs
from rightly.types import Message, PreferencePair

SEEDS = 5
ARMS = {
    "plain": None,
    "SimCSE, responses": {"kind": "simcse", "features": "response"},
    "SimCSE, differences": {"kind": "simcse", "features": "difference"},
    "SimCSE, responses, beta 0.1": {"kind": "simcse", "features": "response", "beta": 0.1},
    "SimCSE, differences, beta 0.1": {"kind": "simcse", "features": "difference", "beta": 0.1},
    "SwAV, responses": {"kind": "swav", "features": "response"},
    "SwAV, differences": {"kind": "swav", "features": "difference"},
}
DROPOUT = 0.05


def base_model(folder: Path, layers: int = 2) -> str:
    """all-MiniLM-L6-v2 cut behind that layer (it has six); made once a folder."""
    if not (folder / "config.json").exists():
        from transformers import AutoTokenizer, BertModel

        model = BertModel.from_pretrained(minilm(), num_hidden_layers=layers)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(minilm()).save_pretrained(folder)
    return str(folder)


def ukp_sets(source: str, seed: int, train: int, test: int) -> dict[str, list[PreferencePair]]:
    """Debates are dealt out by the seed: two thirds to train and test in, the rest to test shifted."""
    by_debate = debates(list(load_pairs(source)))
    names = list(by_debate)
    draw = random.Random(seed)
    draw.shuffle(names)
    at_home = [pair for name in names[: 2 * len(names) // 3] for pair in by_debate[name]]
    away = [pair for name in names[2 * len(names) // 3 :] for pair in by_debate[name]]
    return split(at_home, away, draw, train, test)


def hh_sets(harmless: str, helpful: str, seed: int, train: int, test: int) -> dict[str, list[PreferencePair]]:
    """Trained on harmless pairs; shifted are the helpful ones."""
    return split(list(load_pairs(harmless)), helpful_pairs(helpful), random.Random(seed), train, test)


def helpful_pairs(source: str) -> list[PreferencePair]:
    """Pairs in a form that rightly reads, or in OpenJudge's packaging of the helpful part."""
    if "openjudge" not in source:
        return list(load_pairs(source))
    pairs = []
    with gzip.open(source, "rb") as lines:
        for line in lines:
            row = json.loads(line)
            sample = row["evaluation_sample"]
            context = tuple(Message(role=turn["role"], content=turn["content"]) for turn in sample["input"])
            texts = {each["content_label"]: each["content"] for each in sample["outputs"]}
            responses = (texts["chosen"], texts["rejected"])
            pairs.append(PreferencePair(id=row["unique_id"], context=context, responses=responses, label="A"))
    return pairs


def split(
    at_home: list[PreferencePair], away: list[PreferencePair], draw: random.Random, train: int, test: int
) -> dict[str, list[PreferencePair]]:
    draw.shuffle(at_home)
    draw.shuffle(away)
    train = min(train, len(at_home) * 2 // 3)
    contexts = {pair.context_key for pair in at_home[:train]} if len(away) and at_home[0].domain is None else set()
    rest = [pair for pair in at_home[train:] if pair.context_key not in contexts]
    return {"train": at_home[:train], "in-domain": rest[:test], "shifted": away[:test]}


def run(folder: Path, base: str, contrastive: dict | None, sets: dict, seed: int, args) -> dict:
    """Accuracy, NLL and spread of the features of one trained model, on every test set."""
    path = folder / "result.json"
    if path.exists():
        return json.loads(path.read_text())
    from rightly.training.reward_model.recipe import parse_recipe
    from rightly.training.reward_model.run import train_reward_model

    folder.mkdir(parents=True, exist_ok=True)
    files = {name: write(folder / f"{name}.jsonl", pairs) for name, pairs in sets.items()}
    recipe = {
        "output": str(folder / "run"),
        "model": {"name": base, "max_length": 96},
        "data": {"train": [files.pop("train")], "eval": files},
        "dropout": DROPOUT,
        **({} if contrastive is None else {"contrastive": contrastive}),
        "trainer": {
            "per_device_train_batch_size": 16,
            "num_train_epochs": 1,
            "learning_rate": 2e-4,
            "warmup_steps": 0.1,
            "weight_decay": 0.01,
            "bf16": True,
            "save_strategy": "no",
            "use_cpu": True,
            "logging_steps": 50,
            "disable_tqdm": True,
            "seed": seed,
            **({"max_steps": 2} if args.quick else {}),
        },
    }
    trained = train_reward_model(parse_recipe(recipe))
    result: dict = {
        name: {"accuracy": found.accuracy, "nll": found.nll, "ece": found.ece}
        for name, found in trained.results.items()
    }
    for name in ("in-domain", "shifted"):
        features = features_of(str(folder / "run"), sets[name][:300])
        result[name] |= spread(features)
        if seed == 0:
            np.save(folder / f"features-{name}.npy", features.astype(np.float32))
    (folder / "run" / "model.safetensors").unlink()
    path.write_text(json.dumps(result))
    return result


def features_of(name: str, pairs: list[PreferencePair]) -> np.ndarray:
    """``(pairs, 2, H)`` pooled features of the preferred and the other response."""
    import torch

    from rightly.reward_models.fast.batches import make_batch, to_device
    from rightly.reward_models.fast.packing import group_sequences
    from rightly.reward_models.model import RewardModel

    model = RewardModel.load(name, dtype="float32", device="cpu")
    rows = []
    with torch.inference_mode():
        for pair in pairs:
            first = pair.choices.index(pair.label)
            found = model.encode(pair.context, [pair.responses[first], pair.responses[1 - first]])
            batch = make_batch([group_sequences([each.ids for each in found])], packed=False, pad_id=model.pad_id)
            rows.append(model.model(**to_device(batch, model.model.device)).hidden_states[0].float().numpy())
    return np.stack(rows)


def spread(features: np.ndarray) -> dict[str, float]:
    """How far features lie apart.

    ``uniformity``: log of the mean Gaussian potential over all responses on the sphere, lower is more even (Wang and
    Isola, 2020). ``separation``: distance of the means of preferred and other responses, over their pooled standard
    deviation along that line.
    """
    flat = features.reshape(-1, features.shape[-1])
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    squared = np.clip(2 - 2 * unit @ unit.T, 0, None)[np.triu_indices(len(unit), 1)]
    gap = features[:, 0].mean(0) - features[:, 1].mean(0)
    along = features @ (gap / np.linalg.norm(gap))
    deviation = np.sqrt((along[:, 0].var() + along[:, 1].var()) / 2)
    return {
        "uniformity": float(np.log(np.exp(-2 * squared).mean())),
        "separation": float((along[:, 0].mean() - along[:, 1].mean()) / deviation),
    }


def gradients(base: str, pairs: list[PreferencePair], seed: int) -> Iterable[str]:
    """How hard each loss pulls at the first step: the norm of its gradient on one batch, before any coefficient."""
    import torch

    from rightly.losses import SwAV, difference_features, ranking_loss, response_features, simcse_loss
    from rightly.reward_models.fast.batches import padded_batch
    from rightly.reward_models.model import RewardModel
    from rightly.training.reward_model.dropout import set_dropout

    torch.manual_seed(seed)
    model = RewardModel.load(base, new_head=True, dtype="float32", device="cpu", max_length=96)
    set_dropout(model.model, DROPOUT)
    model.model.train()
    ids = []
    for pair in pairs[:16]:
        first = pair.choices.index(pair.label)
        ids += [each.ids for each in model.encode(pair.context, [pair.responses[first], pair.responses[1 - first]])]
    views = [model.model(**padded_batch(ids, model.pad_id)) for _ in range(2)]
    parameters = [each for each in model.model.parameters() if each.requires_grad]

    def norm(loss: torch.Tensor) -> float:
        found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return float(torch.stack([each.norm() for each in found if each is not None]).norm())

    rewards = [view.logits[:, 0] for view in views]
    features = [view.hidden_states[0] for view in views]
    yield f"ranking {norm(torch.stack([ranking_loss(r[0::2], r[1::2]) for r in rewards]).mean()):.2g}"
    for name, form, clusters in (("responses", response_features, 50), ("differences", difference_features, 20)):
        both = [form(each[0::2], each[1::2]) for each in features]
        swav = SwAV(both[0].shape[1], clusters)
        yield f"SimCSE, {name} {norm(simcse_loss(*both, temperature=0.05)):.2g}; SwAV, {name} {norm(swav(*both)):.2g}"
    model.model.eval()
    for name, found in (
        ("with dropout", features[0]),
        ("without", model.model(**padded_batch(ids, model.pad_id)).hidden_states[0]),
    ):
        unit = torch.nn.functional.normalize(found, dim=1)
        alike = (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)].mean()
        yield f"mean cosine of the features of two responses, {name}: {float(alike):.3f}"


def table(results: dict[str, dict[str, list[dict]]]) -> Iterable[str]:
    """Mean over seeds, and the paired difference to plain with its t interval."""
    from scipy.stats import t

    for name, arms in results.items():
        yield f"\n**{name}**, {len(arms['plain'])} seeds\n"
        yield "| | test | accuracy | minus plain [95%] | NLL | ECE | uniformity | separation |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        for test in ("in-domain", "shifted"):
            base = np.array([each[test]["accuracy"] for each in arms["plain"]])
            for arm, runs in arms.items():
                means = {key: np.mean([each[test][key] for each in runs]) for key in runs[0][test]}
                gaps = np.array([each[test]["accuracy"] for each in runs]) - base
                half = t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
                versus = (
                    ""
                    if arm == "plain"
                    else f"{gaps.mean():+.3f} [{gaps.mean() - half:+.3f}, {gaps.mean() + half:+.3f}]"
                )
                figures = " | ".join(f"{means[key]:.3f}" for key in ("nll", "ece", "uniformity", "separation"))
                yield f"| {arm} | {test} | {means['accuracy']:.3f} | {versus} | {figures} |"


def draw(work: Path, sets: Iterable[str], arms: list[str], path: Path) -> None:
    """Features of the shifted test sets of seed 0 on their two first principal components, a panel an arm and set."""
    panels, size = [], 190
    for row, name in enumerate(sets):
        for column, arm in enumerate(arms):
            features = np.load(work / slug(name, arm, 0) / "features-shifted.npy")
            flat = features.reshape(-1, features.shape[-1])
            flat = flat - flat.mean(0)
            _, _, axes = np.linalg.svd(flat, full_matrices=False)
            places = flat @ axes[:2].T
            low, high = np.quantile(places, [0.005, 0.995], axis=0)
            places = np.clip((places - low) / (high - low), 0, 1) * (size - 16) + 8
            x, y = column * (size + 12), row * (size + 34) + 24
            title = arm.replace("beta", "β") if column else f"{name}: {arm}"
            dots = "".join(
                f'<circle cx="{x + a:.1f}" cy="{y + b:.1f}" r="2" fill="{"#0b6e99" if i % 2 == 0 else "#d9822b"}"/>'
                for i, (a, b) in enumerate(places)
            )
            panels.append(
                f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="none" stroke="#bbb"/>'
                f'<text x="{x}" y="{y - 7}">{title}</text><g fill-opacity="0.55">{dots}</g>'
            )
    width, height = len(arms) * (size + 12), len(list(sets)) * (size + 34) + 30
    legend = (
        f'<g transform="translate(0,{height - 14})"><circle cx="6" cy="0" r="4" fill="#0b6e99"/>'
        '<text x="16" y="4">preferred response</text><circle cx="146" cy="0" r="4" fill="#d9822b"/>'
        '<text x="156" y="4">other response</text></g>'
    )
    style = (
        "<style>text{font:11px system-ui,sans-serif;fill:#333}</style><rect width='100%' height='100%' fill='#fff'/>"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 0 {width + 8} {height}">{style}'
    path.write_text(f"{head}{''.join(panels)}{legend}</svg>\n")


def slug(name: str, arm: str, seed: int) -> str:
    return f"{name}-{arm}-{seed}".replace(", ", "-").replace(" ", "-").lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ukp", default="sample:ukpconvarg1")
    parser.add_argument("--harmless", default="sample:hh-rlhf")
    parser.add_argument("--helpful", default="sample:hh-rlhf")
    parser.add_argument("--train", type=int, default=640)
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--layers", type=int, default=2, help="Of all-MiniLM-L6-v2's six; one --work for each number.")
    parser.add_argument("--arms", nargs="*", choices=ARMS, help="Only these.")
    parser.add_argument("--sets", nargs="*", help="UKPConvArg1, HH-RLHF; both by default.")
    parser.add_argument("--work", type=Path, default=Path("runs/contrastive_study"))
    parser.add_argument("--gradients", action="store_true", help="Only how hard each loss pulls at the first step.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.threads:
        import torch

        torch.set_num_threads(args.threads)
    base = base_model(args.work / "base", args.layers)
    makers = {
        "UKPConvArg1": lambda seed: ukp_sets(args.ukp, seed, args.train, args.test),
        "HH-RLHF": lambda seed: hh_sets(args.harmless, args.helpful, seed, args.train, args.test),
    }
    if args.gradients:
        for name in args.sets or makers:
            print(f"{name}: norm of the gradient at the first step")
            print("\n".join(gradients(base, makers[name](0)["train"], 0)))
        return
    arms = args.arms or list(ARMS)
    results: dict = {name: {arm: [] for arm in arms} for name in args.sets or makers}
    for name in results:
        for seed in range(1 if args.quick else args.seeds):
            sets = makers[name](seed)
            for arm in arms:
                results[name][arm].append(run(args.work / slug(name, arm, seed), base, ARMS[arm], sets, seed, args))
        (args.work / "results.json").write_text(json.dumps(results, indent=1))
    draw(args.work, list(results), arms, args.work / "features.svg")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
