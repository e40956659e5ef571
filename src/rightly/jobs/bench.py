"""Run a benchmark: store the answers of models of every kind, then score them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from rightly.benchmarks.answers import Answer, from_judgments, from_scores, questions
from rightly.benchmarks.baselines import BASELINES, baseline_answers
from rightly.benchmarks.benchmark import Benchmark
from rightly.benchmarks.catalogue import benchmark_named
from rightly.benchmarks.own import OWN, has_side
from rightly.benchmarks.result import About, BenchResult, bench_result
from rightly.benchmarks.stored import stored_answers
from rightly.data.source import PairSource, files_of, source_name
from rightly.errors import InputError, needs_extra
from rightly.inference.book import LEDGER
from rightly.inference.run_now import in_one_go
from rightly.inference.specs import parse_spec
from rightly.jobs.asking import ask_judges
from rightly.jobs.config import AnyJudge, AskingConfig, Flag
from rightly.jobs.events import SILENT, Events
from rightly.judges.base import Judge, JudgeIdentity
from rightly.judges.specs import JudgeBuilder
from rightly.store.records import RecordFile
from rightly.store.run_folder import RunFolder, read_identity
from rightly.types import Frozen, Judgment, PreferencePair, content_key

ANSWERS = "answers.jsonl"
SCORES = "scores"


class _LoadOptions(Frozen):
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_length: int | None = Field(default=None, ge=8)
    revision: str | None = None


class BenchConfig(AskingConfig):
    """Configuration of a benchmark run: benchmark, data and models."""

    name: Annotated[str, Flag(positional=True, metavar="BENCHMARK")]
    """The benchmark."""
    models: Annotated[tuple[AnyJudge, ...], Flag("--model", metavar="SPEC")] = ()
    """Reward model (rm:NAME), published run (stored:FILE) or judge; NAME=SPEC sets a name; repeat for several."""
    data: Annotated[PairSource | None, Flag(metavar="PATH")] = None
    """File, folder or hub address of the data. Default: the official data on the hub."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Use only N items, evenly spaced over the data."""


@dataclass(frozen=True)
class Bench:
    """Result of a benchmark run.

    Attributes:
        folder: Run folder.
        result: Tables, as in ``bench.json``.
    """

    folder: Path
    result: BenchResult


async def arun(config: BenchConfig, events: Events = SILENT) -> Bench:
    """Get the missing answers and score all of them; writes ``answers.jsonl`` and ``bench.json``.

    Raises:
        InputError: A name, a spec or the data are not usable.
        BudgetExceededError: The next call does not fit the budget; finished work is kept.
        EndpointError: No request of a judge was answered.
    """
    benchmark = benchmark_named(config.name)
    wanted = dict(map(_named, config.models))
    if len(wanted) < len(config.models):
        raise InputError("the same model is given twice", where="--model")
    whole = _items(benchmark, config.data)
    items = whole if config.limit is None else _spread(whole, config.limit)
    identity = {
        "verb": "bench",
        "benchmark": benchmark.name,
        "data": content_key([item.content_key for item in items]),
        "seed": config.seed,
        "max_reasons": config.max_reasons,
    }
    folder = RunFolder(
        config.out,
        identity,
        owns=("judgments.jsonl", SCORES, ANSWERS, "bench.json", "report.html", "leaderboard.md"),
        ledger=LEDGER,
        inputs=(
            *files_of([config.data or ()]),
            *(spec.partition(":")[2] for spec in config.models if isinstance(spec, str)),
            config.cache,
        ),
        fresh=not config.resume,
    )
    chosen = {item.id for item in items}
    judges = {name: spec for name, spec in wanted.items() if _kind(spec) == "judge" and spec not in BASELINES}
    found = await _ask(config, benchmark, items, judges, folder, events) if judges else {}
    for name, spec in wanted.items():
        if isinstance(spec, str) and _kind(spec) == "rm":
            found[name] = _score(name, spec, items, folder)
        elif isinstance(spec, str) and _kind(spec) == "stored":
            stored = stored_answers(benchmark, whole, spec.partition(":")[2], name)
            found[name] = [answer for answer in stored if answer.item_id in chosen]
    runs = [*baseline_answers(items), *(found[name] for name in wanted if name in found)]
    folder.write_lines(ANSWERS, (answer for answers in runs for answer in answers))
    about = About(
        data=benchmark.source.address if config.data is None else source_name(config.data),
        n=len(items),
        deviations=tuple(benchmark.deviations(items)),
    )
    result = bench_result(benchmark, about, runs)
    folder.write("bench.json", result)
    return Bench(config.out, result)


run = in_one_go(arun)


class _Part(NamedTuple):
    """The items that a model judges in one format."""

    spec: str | Judge
    identity: JudgeIdentity
    items: list[PreferencePair]

    def answers(self, benchmark: Benchmark, name: str, said: Sequence[Judgment]) -> list[Answer]:
        """The answers under the model's name."""
        rates = "nothing" if not self.identity.rates else "all" if benchmark.whole else "several"
        return from_judgments(self.items, name, said, rates=rates)


async def _ask(
    config: BenchConfig,
    benchmark: Benchmark,
    items: Sequence[PreferencePair],
    judges: Mapping[str, str | Judge],
    folder: RunFolder,
    events: Events,
) -> dict[str, list[Answer]]:
    """The answers of every judge, in the order of the items."""
    builder = config.builder(None, config.account())
    parts = {name: _parts(builder, benchmark, items, spec) for name, spec in judges.items()}
    own = [own[0] for own in parts.values()]
    first = {part.identity.fingerprint for part in own}
    others = {each.identity.fingerprint: each for _, *more in parts.values() for each in more}
    asked = [*own, *(each for key, each in others.items() if key not in first)]
    pairs: dict[str, list[PreferencePair]] = {}
    for part in (*own, *others.values()):
        about = [pair for item in part.items for pair in questions(item, part.identity)]
        pairs.setdefault(part.identity.fingerprint, []).extend(about)
    work = [(part.spec, pairs[part.identity.fingerprint]) for part in asked]
    told = await ask_judges(config, work, folder, events)
    said = {part.identity.fingerprint: judgments for part, judgments in zip(asked, told, strict=True)}
    place = {item.id: n for n, item in enumerate(items)}
    return {
        name: sorted(
            (a for part in own for a in part.answers(benchmark, name, said[part.identity.fingerprint])),
            key=lambda answer: place[answer.item_id],
        )
        for name, own in parts.items()
    }


def _parts(
    builder: JudgeBuilder, benchmark: Benchmark, items: Sequence[PreferencePair], spec: str | Judge
) -> list[_Part]:
    """What a judge is asked, and what the same model is asked in its format for several right responses."""
    identity = builder.identify(spec) if isinstance(spec, str) else spec.identity
    several = [item for item in items if item.domain in benchmark.several]
    rest = [item for item in items if item.domain not in benchmark.several]
    other = builder.for_several(spec) if several and isinstance(spec, str) else None
    if other is not None:
        return [_Part(spec, identity, rest), _Part(other, builder.identify(other), several)]
    if identity.rates or not identity.compares_all:
        return [_Part(spec, identity, list(items))]
    if not rest:
        raise InputError(
            f"{identity.name!r} chooses and scores nothing, and all items are of {', '.join(sorted(benchmark.several))}",
            fix="use a format with scores, for example format=rewardbench2-ratings",
        )
    return [_Part(spec, identity, rest)]


def _items(benchmark: Benchmark, data: str | tuple[PreferencePair, ...] | None) -> list[PreferencePair]:
    if data is None or isinstance(data, str):
        return benchmark.load(data)
    if benchmark is not OWN:
        raise InputError(
            f"{benchmark.title} is read from its own files", fix="give data as a file, a folder or a hub id"
        )
    return list(filter(has_side, data))


def merged_benches(folders: Sequence[Path]) -> list[BenchResult]:
    """The runs in folders; runs on the same items are merged.

    A name with different answers in two folders stands for two models, or two samples of one: each is shown with its folder.

    Raises:
        InputError: A folder holds no benchmark run.
    """
    runs: dict[tuple[str, str], dict[Path, dict[str, list[Answer]]]] = {}
    about: dict[tuple[str, str], About] = {}
    for folder in folders:
        try:
            config = read_identity(folder) or {}
            stored = BenchResult.model_validate_json((folder / "bench.json").read_text(encoding="utf-8"))
            key = (str(config["benchmark"]), str(config["data"]))
        except (OSError, ValueError, KeyError):
            raise InputError(
                "holds no benchmark run", where=str(folder), fix="give the --out folder of rightly bench"
            ) from None
        about[key] = About(data=stored.data, n=stored.n, deviations=stored.deviations)
        own: dict[str, list[Answer]] = {}
        for answer in RecordFile(folder / ANSWERS, Answer):
            own.setdefault(answer.model, []).append(answer)
        runs.setdefault(key, {})[folder] = own
    return [
        bench_result(benchmark_named(name), about[name, data], _together(found)) for (name, data), found in runs.items()
    ]


def _together(found: dict[Path, dict[str, list[Answer]]]) -> list[list[Answer]]:
    """The answers of every model, equal ones once; models with the same name are shown with their folders."""
    versions: dict[str, list[tuple[Path, list[Answer]]]] = {}
    for folder, own in found.items():
        for model, answers in own.items():
            known = versions.setdefault(model, [])
            if all(answers != each for _, each in known):
                known.append((folder, answers))
    return [
        answers if len(known) == 1 else [each.model_copy(update={"model": f"{model} ({folder})"}) for each in answers]
        for model, known in versions.items()
        for folder, answers in known
    ]


def holds_bench(folder: Path) -> bool:
    """Whether a folder holds a benchmark run."""
    return (folder / "bench.json").exists()


def _named(model: str | Judge) -> tuple[str, str | Judge]:
    """Name and spec from ``NAME=SPEC``, or from a spec without a name; a caller's own judge has a name."""
    if not isinstance(model, str):
        return model.name, model
    found = re.match(r"([^:=?/]+)=(.+)", model)
    return (found[1], found[2]) if found else (model, model)


def _kind(spec: str | Judge) -> str:
    scheme = spec.partition(":")[0] if isinstance(spec, str) else ""
    return scheme if scheme in ("rm", "stored") else "judge"


def _spread(items: list[PreferencePair], count: int) -> list[PreferencePair]:
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _score(name: str, spec: str, items: Sequence[PreferencePair], folder: RunFolder) -> list[Answer]:
    """The answers of a reward model; ``rm:NAME?dtype=bfloat16&max_length=4096``."""
    with needs_extra("scoring", "train"):
        from rightly.reward_models.identity import reward_model_fingerprint
        from rightly.reward_models.margins import read_scores, score_run
        from rightly.reward_models.model import RewardModel
    parsed = parse_spec(spec)
    try:
        options = _LoadOptions.model_validate_strings(parsed.options).model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(_LoadOptions.model_fields)
        raise InputError(
            f"{spec!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}", fix=f"known: {known}"
        ) from None
    made_by, own = reward_model_fingerprint(parsed.target, **options), folder.path / SCORES
    folder.begin()
    score_run(
        own,
        lambda: items,
        {parsed.target: made_by},
        lambda target: RewardModel.load(target, **options),
        identity={"verb": "bench", "scores": "rewards of all models"},
        tokens_per_batch=8192,
    )
    current = {(item.id, item.content_key) for item in items}
    found = [record for record in read_scores(own, made_by) if (record.pair_id, record.pair_key) in current]
    scores = {record.pair_id: record.rewards for record in found}
    return from_scores(items, name, scores, {record.pair_id: record.same_as for record in found})
