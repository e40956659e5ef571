"""Training a reward model: Rightly beside TRL's RewardTrainer, in one run.

    python experiments/speed/rm_training.py [--hh FILE] [--rounds 3] [--out figures.json]

Every variant trains the same 25M Qwen3-shaped model on the same token ids, steps of 8 pairs, the same AdamW, each in a
process of its own, the variants in turn within a round. A process takes some steps to warm up (and to compile), and
then as many pairs as there are under the clock. CPU seconds are those of the process; the median of the rounds counts.
"""

import argparse
import json
import statistics
import time

from rm_material import (
    Meter,
    build_model,
    common_arguments,
    hh_pairs,
    in_own_process,
    long_prompts,
    peak_memory,
    short_prompts,
    spread,
)

from rightly.types import PreferencePair

PAIRS, STEP, WARM_UP, LONGEST = 24, 8, 3, 1024
TRL = {
    "TRL default (bf16, checkpointing)": dict(bf16=True, gradient_checkpointing=True),
    "TRL bf16": dict(bf16=True, gradient_checkpointing=False),
    "TRL fp32": dict(bf16=False, gradient_checkpointing=False),
    "TRL bf16, grouped by length": dict(
        bf16=True,
        gradient_checkpointing=False,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # else the lengths are removed before they are read
    ),
}
OURS = {
    "Rightly fp32": dict(bf16=False, compiled=False),
    "Rightly bf16": dict(bf16=True, compiled=False),
    "Rightly bf16, compiled": dict(bf16=True, compiled=True),
}


def sets(hh: str, quick: bool) -> dict[str, list[PreferencePair]]:
    pairs = hh_pairs(hh)
    count = STEP if quick else PAIRS
    found = {
        "HH pairs": spread(pairs, count * 3),  # as many as it takes to pad like the whole set
        "long prompts": long_prompts(pairs, count),
        "short prompts": short_prompts(count),
    }
    return {"HH pairs": found["HH pairs"]} if quick else found


def timed(meter: Meter):
    """A callback that starts the clock after the warm-up and stops it at the end."""
    from transformers import TrainerCallback

    class Timed(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == WARM_UP:
                meter.start()

    return Timed()


def measure(set_name: str, variant: str, options: argparse.Namespace) -> dict:
    import torch
    import transformers

    from rightly.reward_models.model import RewardModel
    from rightly.training.reward_model.data import prepare_pairs
    from rightly.training.reward_model.recipe import LossTable

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    pairs = sets(options.hh, options.quick)[set_name]
    packed = variant in OURS
    reward_model = RewardModel.load(options.work / "model", new_head=True, max_length=LONGEST, packed=packed)
    prepared, counts = prepare_pairs(pairs, reward_model, LossTable())
    steps, meter = len(prepared) // STEP, Meter()
    common = dict(
        output_dir=str(options.work / "out"),
        per_device_train_batch_size=STEP,
        max_steps=WARM_UP + steps,
        learning_rate=1e-5,
        save_strategy="no",
        report_to="none",
        logging_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=0,
    )
    begun = time.perf_counter()
    trainer = (_ours if packed else _trl)(variant, reward_model, prepared, common)
    trainer.add_callback(timed(meter))
    trainer.train()
    return {
        **meter.stop(),
        "first": time.perf_counter() - begun,
        "memory": peak_memory(),
        "pairs": len(prepared),
        "tokens": counts.tokens,
        "computed": sum(pair.group.tokens for pair in prepared),
        "prompt": sum(len(pair.group.prefix) for pair in prepared),
    }


def _ours(variant: str, reward_model, prepared: list, common: dict):
    from transformers import TrainingArguments

    from rightly.training.reward_model.objective import Objective
    from rightly.training.reward_model.recipe import LossTable
    from rightly.training.reward_model.trainer import RewardTrainer

    setting = OURS[variant]
    if setting["compiled"]:
        reward_model.compile()
    args = TrainingArguments(bf16=setting["bf16"], remove_unused_columns=False, **common)
    return RewardTrainer(reward_model, args, Objective(LossTable(), None, 0), prepared)


def _trl(variant: str, reward_model, prepared: list, common: dict):
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    model = AutoModelForSequenceClassification.from_pretrained(reward_model.name, num_labels=1)
    chosen, rejected = zip(*(pair.group.sequences() for pair in prepared), strict=True)
    data = Dataset.from_dict({"chosen_ids": [list(s) for s in chosen], "rejected_ids": [list(s) for s in rejected]})
    if "train_sampling_strategy" in TRL[variant]:
        data = data.add_column("length", [max(map(len, pair.group.sequences())) for pair in prepared])
    args = RewardConfig(max_length=LONGEST, **common, **TRL[variant])
    return RewardTrainer(model, args, train_dataset=data, processing_class=reward_model.tokenizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common_arguments(parser)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(*options.run, options)))
        return
    build_model(options.work / "model", hh_pairs(options.hh) + short_prompts(480), tiny=options.quick)
    variants = [name for name in (*TRL, *OURS) if not options.only or name in options.only]
    figures: dict[str, dict[str, list[dict]]] = {}
    passed_on = [f"--{name}={getattr(options, name)}" for name in ("work", "hh", "threads")]
    passed_on += ["--quick"] if options.quick else []
    for name in sets(options.hh, options.quick):
        if options.sets and name not in options.sets:
            continue
        figures[name] = {variant: [] for variant in variants}
        for _ in range(1 if options.quick else options.rounds):
            for variant in variants:
                arguments = ["--run", name, variant, *passed_on]
                figures[name][variant].append(in_own_process(__file__, arguments))
        show(name, figures[name])
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2))


def show(name: str, found: dict[str, list[dict]]) -> None:
    """One table of a set; a ratio above 1 is faster than that variant of TRL."""
    cpu = {variant: statistics.median(run["cpu"] for run in runs) for variant, runs in found.items()}
    some = next(iter(found.values()))[0]
    default = cpu.get("TRL default (bf16, checkpointing)")
    best = min((seconds for variant, seconds in cpu.items() if variant in TRL), default=None)
    print(
        f"\n{name}: {some['pairs']} pairs, {some['tokens']:,} tokens, {some['tokens'] / some['pairs'] / 2:.0f} a sequence"
    )
    print(
        f"{'variant':36} {'CPU s':>7} {'x default':>9} {'x best':>7} {'pairs/s':>8} {'tokens/s':>9} {'MiB':>6} {'1st s':>6}"
    )
    for variant, runs in found.items():
        seconds = cpu[variant]
        ratios = [f"{base / seconds:.2f}" if base else "-" for base in (default, best)]
        memory = statistics.median(run["memory"] for run in runs)
        first = statistics.median(run["first"] for run in runs)
        rates = (some["pairs"] / seconds, some["tokens"] / seconds)
        numbers = f"{seconds:7.2f} {ratios[0]:>9} {ratios[1]:>7} {rates[0]:8.2f} {rates[1]:9.0f}"
        print(f"{variant:36} {numbers} {memory:6.0f} {first:6.1f}")


if __name__ == "__main__":
    main()
