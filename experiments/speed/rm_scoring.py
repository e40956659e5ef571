"""Scoring with a reward model: Rightly beside reward-bench's loop and transformers' pipeline, in one run.

    python experiments/speed/rm_scoring.py [--rm-bench FOLDER] [--hh FILE] [--rounds 3] [--out figures.json]

All variants score the same token ids with the same 25M Qwen3-shaped model, each in a process of its own that warms up on
the same data first. ``--rm-bench`` names a folder with RM-Bench's ``*_filtered.json``; without it that set is left out.
A ratio is printed only where the fp32 scores equal those of batch 1 to 1e-4.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from rm_material import (
    SHAPE,
    Meter,
    best_of,
    build_model,
    common_arguments,
    hh_pairs,
    in_own_process,
    peak_memory,
    rm_bench,
    short_prompts,
    spread,
)

from rightly.types import PreferencePair

LONGEST = 2048
BUDGET = 8192
PADDED = {
    "batch 1": dict(batch=1),
    "reward-bench's loop (padded 8)": dict(batch=8),
    "transformers' pipeline (batch 8)": dict(pipeline=True),
    "sorted, 4,096-token budget": dict(budget=4096),
}
OURS = {"Rightly": dict(compiled=False), "Rightly, compiled": dict(compiled=True)}
PRECISIONS = ("float32", "bfloat16")


def sets(options: argparse.Namespace) -> dict[str, list[PreferencePair]]:
    pairs = hh_pairs(options.hh)
    few = options.quick
    found = {}
    if options.rm_bench:
        found["RM-Bench"] = rm_bench(Path(options.rm_bench), 4 if few else 8)
    found["best of 16, HH prompts"] = best_of(pairs, 1 if few else 3, 4 if few else 16)
    found["HH pairs"] = spread(pairs, 4 if few else 24)
    found["short prompts"] = spread(short_prompts(480), 4 if few else 48)
    return found


def measure(set_name: str, variant: str, options: argparse.Namespace) -> dict:
    import torch
    import transformers

    from rightly.reward_models.model import RewardModel

    name, precision = variant.rsplit(" | ", 1)
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    pairs = sets(options)[set_name]
    ours = name in OURS
    model = RewardModel.load(
        options.work / "model",
        new_head=True,
        dtype=precision,
        max_length=LONGEST,
        packed=ours,  # type: ignore[arg-type]
    )
    if ours:
        if OURS[name]["compiled"]:
            model.compile()

        def run() -> list[float]:
            return [reward for scored in model.score(pairs, tokens_per_batch=BUDGET) for reward in scored.rewards]
    else:
        run = _peer(model, pairs, PADDED[name])
    begun = time.perf_counter()
    run()
    first, meter = time.perf_counter() - begun, Meter()
    meter.start()
    scores = run()
    found = meter.stop() | {"first": first, "memory": peak_memory(), "scores": scores}
    lengths = [len(each.ids) for pair in pairs for each in model.encode(pair.context, pair.responses)]
    return found | {"pairs": len(pairs), "responses": len(lengths), "tokens": sum(lengths)}


def _peer(model, pairs: list[PreferencePair], setting: dict):
    """What the peers do: every response with its prompt again, right-padded, in the order of the data."""
    import torch
    from transformers import TextClassificationPipeline

    def sequences() -> list[tuple[int, ...]]:
        return [each.ids for pair in pairs for each in model.encode(pair.context, pair.responses)]

    @torch.inference_mode()
    def forward(part: list[tuple[int, ...]]) -> list[float]:
        padded = model.tokenizer.pad({"input_ids": [list(s) for s in part]}, return_tensors="pt")
        return model.model(padded["input_ids"], attention_mask=padded["attention_mask"]).logits[:, 0].tolist()

    def in_batches() -> list[float]:
        found, size = sequences(), setting["batch"]
        return [score for i in range(0, len(found), size) for score in forward(found[i : i + size])]

    def by_budget() -> list[float]:
        found = sequences()
        order = sorted(range(len(found)), key=lambda i: -len(found[i]))
        scores = [0.0] * len(found)
        while order:
            part = order[: max(setting["budget"] // len(found[order[0]]), 1)]
            for place, score in zip(part, forward([found[i] for i in part]), strict=True):
                scores[place] = score
            order = order[len(part) :]
        return scores

    def in_pipeline() -> list[float]:
        pipe = TextClassificationPipeline(model=model.model, tokenizer=model.tokenizer)
        texts = [model.tokenizer.decode(ids) for ids in sequences()]
        found = pipe(texts, batch_size=8, function_to_apply="none", truncation=True, max_length=LONGEST)
        return [each["score"] for each in found]

    return in_pipeline if "pipeline" in setting else in_batches if "batch" in setting else by_budget


def matrix_peak(threads: int) -> dict[str, float]:
    """GFLOP/s of products of this model's own shapes, 4,096 tokens at a time."""
    import torch

    torch.set_num_threads(threads)
    peaks = {}
    for precision in PRECISIONS:
        dtype = getattr(torch, precision)
        x = torch.randn(4096, SHAPE["hidden_size"], dtype=dtype)
        w = torch.randn(SHAPE["intermediate_size"], SHAPE["hidden_size"], dtype=dtype)
        with torch.inference_mode():
            for _ in range(3):
                torch.nn.functional.linear(x, w)
            meter = Meter()
            meter.start()
            for _ in range(20):
                torch.nn.functional.linear(x, w)
        peaks[precision] = 20 * 2 * x.numel() * w.shape[0] / meter.stop()["cpu"] / 1e9
    return peaks


def weights_in_products() -> int:
    """Weights that every token is multiplied with."""
    head = SHAPE["head_dim"]
    heads, shared = SHAPE["num_attention_heads"], SHAPE["num_key_value_heads"]
    attention = SHAPE["hidden_size"] * head * (2 * heads + 2 * shared)
    return SHAPE["num_hidden_layers"] * (attention + 3 * SHAPE["hidden_size"] * SHAPE["intermediate_size"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common_arguments(parser)
    parser.add_argument("--rm-bench", default="", help="folder with RM-Bench's *_filtered.json")
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(*options.run, options)))
        return
    build_model(options.work / "model", hh_pairs(options.hh) + short_prompts(480), tiny=options.quick)
    variants = [f"{name} | {precision}" for precision in PRECISIONS for name in (*PADDED, *OURS)]
    variants = [v for v in variants if not options.only or v in options.only]
    passed_on = [
        f"--{name.replace('_', '-')}={getattr(options, name)}" for name in ("work", "hh", "threads", "rm_bench")
    ]
    passed_on += ["--quick"] if options.quick else []
    peaks, figures = matrix_peak(options.threads), {}
    for name in sets(options):
        if options.sets and name not in options.sets:
            continue
        figures[name] = {variant: [] for variant in variants}
        for _ in range(1 if options.quick else options.rounds):
            for variant in variants:
                figures[name][variant].append(in_own_process(__file__, ["--run", name, variant, *passed_on]))
        show(name, figures[name], peaks)
    if options.out:
        options.out.write_text(json.dumps({"peaks": peaks, "sets": figures}, indent=2))


def show(name: str, found: dict[str, list[dict]], peaks: dict[str, float]) -> None:
    """One table of a set, ratios to reward-bench's loop in fp32 and in the same precision."""
    cpu = {variant: statistics.median(run["cpu"] for run in runs) for variant, runs in found.items()}
    some = next(iter(found.values()))[0]
    alone = found.get("batch 1 | float32", [some])[0]["scores"]
    flops = 2 * weights_in_products() * some["tokens"] / 1e9
    print(f"\n{name}: {some['pairs']} prompts, {some['responses']} responses, {some['tokens']:,} tokens")
    heads = ("CPU s", "x loop", "x same", "tokens/s", "of peak", "peak MiB", "difference")
    print(f"{'variant':46}" + "".join(f"{head:>11}" for head in heads))
    for variant, runs in found.items():
        seconds, precision = cpu[variant], variant.rsplit(" | ", 1)[1]
        difference = max(abs(a - b) for a, b in zip(runs[0]["scores"], alone, strict=True))
        wrong = precision == "float32" and difference > 1e-4
        ratios = [
            "wrong" if wrong else f"{base / seconds:.2f}" if base else "-"
            for base in (cpu.get(f"reward-bench's loop (padded 8) | {p}") for p in ("float32", precision))
        ]
        share = f"{flops / seconds / peaks[precision]:.0%}"
        memory = statistics.median(run["memory"] for run in runs)
        cells = (
            f"{seconds:.2f}",
            *ratios,
            f"{some['tokens'] / seconds:,.0f}",
            share,
            f"{memory:.0f}",
            f"{difference:.1e}",
        )
        print(f"{variant:46}" + "".join(f"{cell:>11}" for cell in cells))
    print(
        "of peak: products of the tokens as if computed one by one, over the time these products need at the measured"
    )
    print(
        f"peak ({peaks['float32']:.0f} GFLOP/s fp32, {peaks['bfloat16']:.0f} bf16, per CPU second); sharing can exceed 100%"
    )


if __name__ == "__main__":
    main()
