"""The model card of a trained reward model: what it read, how it was trained, how good it is and where it is not."""

import json

from rightly.data.source import source_name
from rightly.metrics.preference import PreferenceMetrics
from rightly.reward_models.model import RewardModel
from rightly.training.reward_model.recipe import RewardRecipe
from rightly.training.reward_model.result import TrainedRewardModel

_MERGED = (
    "The low-rank adapter is merged into its base here. `adapter/` holds it alone; software that loads it from there takes the "
    "pad token from the base's configuration."
)


def write_card(recipe: RewardRecipe, trained: TrainedRewardModel, reward_model: RewardModel) -> None:
    """Write ``README.md`` into the model's folder."""
    (trained.folder / "README.md").write_text(model_card(recipe, trained, reward_model), encoding="utf-8")


def model_card(recipe: RewardRecipe, trained: TrainedRewardModel, reward_model: RewardModel) -> str:
    """A Hugging Face model card in Markdown."""
    contract = reward_model.contract
    lora = recipe.model.lora
    adapter = lora is not None and not lora.merge
    parts = [
        _front_matter(recipe, adapter),
        f"# Reward model from {' '.join(recipe.model.name.split())}",
        "A scalar (Bradley-Terry) reward model: it gives a response in its conversation a number; the difference of two "
        "numbers is the log-odds that the first response is preferred. Single numbers mean nothing by themselves.",
        "```python\nfrom rightly.reward_models.model import RewardModel\n\n"
        f"model = RewardModel.load({trained.folder.name!r})\n```",
        *([_MERGED] if lora is not None and lora.merge else []),
        "## What it reads",
        _table(
            ("", ""),
            [
                (
                    "pooled at",
                    "the last token of the template" if contract.final_token is None else repr(contract.final_token),
                ),
                ("pad token", repr(contract.pad_token)),
                ("longest sequence", f"{contract.max_length} tokens; the prompt is cut from its left"),
                ("form", contract.form),
            ],
        ),
        "## Data",
        _table(
            ("set", "read", "used", "unlabelled", "ties left out", "no difference, left out", "truncated", "tokens"),
            [
                (name, c.read, c.used, c.unlabelled, c.ties, c.no_difference, c.truncated, c.tokens)
                for name, c in trained.counts.items()
            ],
        ),
        "Trained on: "
        + ", ".join(f"`{source_name(source)}`" for source in recipe.data.train)
        + f"; {trained.steps} steps.",
        "## Figures",
        _figures(trained.results) if trained.results else "It was not evaluated.",
        *(_details(name, metrics) for name, metrics in trained.results.items()),
        "## Recipe",
        f"```json\n{recipe.model_dump_json(indent=2, exclude_defaults=True)}\n```",
        "## Limits",
        _limits(trained),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(recipe: RewardRecipe, adapter: bool) -> str:
    library = "peft" if adapter else "transformers"
    return (
        f"---\nlibrary_name: {library}\npipeline_tag: text-classification\nbase_model: {json.dumps(recipe.model.name)}\n"
        "tags:\n- reward-model\n- rightly\n---"
    )


def _figures(results: dict[str, PreferenceMetrics]) -> str:
    rows = [
        (
            name,
            m.n,
            f"{m.accuracy:.3f}" + ("" if m.accuracy_low is None else f" [{m.accuracy_low:.3f}, {m.accuracy_high:.3f}]"),
            f"{m.nll:.3f}",
            f"{m.brier:.3f}",
            f"{m.ece:.3f}",
            f"{m.margin_mean:.2f} ± {m.margin_sd:.2f}",
            "-" if m.length_correlation is None else f"{m.length_correlation:+.2f}",
        )
        for name, m in results.items()
    ]
    heads = ("set", "pairs", "accuracy [95%]", "NLL", "Brier", "ECE", "margin", "length correlation")
    return _table(heads, rows)


def _details(name: str, metrics: PreferenceMetrics) -> str:
    slices = [(part.name.replace("_", " "), part.n, f"{part.accuracy:.3f}") for part in metrics.by_length]
    slices += [(f"strength {part.name}", part.n, f"{part.accuracy:.3f}") for part in metrics.by_strength]
    curve = [(f"{b.confidence:.2f}", b.n, f"{b.accuracy:.2f}") for b in metrics.reliability]
    parts = [f"### {name}"]
    if slices:
        parts.append(_table(("the preferred response is", "pairs", "accuracy"), slices))
    parts.append(_table(("confidence", "pairs", "accuracy"), curve))
    return "\n\n".join(parts)


def _limits(trained: TrainedRewardModel) -> str:
    said = []
    for name, metrics in trained.results.items():
        worst = min(metrics.by_length, key=lambda part: part.accuracy, default=None)
        if worst is not None:
            said.append(
                f"- On {name}, accuracy is {worst.accuracy:.3f} where the preferred response is "
                f"{worst.name.replace('_', ' of ').replace('of length', 'in length')} ({worst.n} pairs)."
            )
    said.append(
        "- Rewards of different prompts are not comparable: training only ever compared responses to one prompt."
    )
    return "\n".join(said)


def _table(heads: tuple, rows: list[tuple]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
