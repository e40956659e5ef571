"""What a number was made from: other weights, prompts, reasons, endpoints, judges under the old name never give old numbers."""

import json
import shutil
from pathlib import Path

import pytest

from rightly.auditing import points as atomise
from rightly.cli import main
from rightly.inference import openai_api
from rightly.judges import format as judge_format
from rightly.matchers import language_model as metajudge
from tests.fake_endpoint import FakeEndpoint, judge_like, served
from tests.inference.test_transformers_engine import model as language_model  # noqa: F401 - a fixture
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache" / "answers.db"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")


@pytest.fixture
def cli(capsys):
    """Runs a command; gives its output as JSON where it is, and what it said on the other stream."""

    def call(*arguments):
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as done:
            code = done.code
        said = capsys.readouterr()
        return code, (json.loads(said.out) if said.out.startswith("{") else said.out), said.err

    return call


N = 8


def audit_pairs(path, reasons="cites"):
    rows = [
        {
            "id": f"p{i}",
            "context": [{"role": "user", "content": f"question {i}"}],
            "responses": [f"a long answer {i} that cites 1998", "short"],
            "label": "A" if i % 3 else "B",
            "rationales": [{"text": f"Response A {reasons} {i}"}, {"text": f"Response B is short and {reasons}"}],
        }
        for i in range(N)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def answers(word="x"):
    """An endpoint that plays judge, matcher and atomiser, and puts its own word into the points."""

    def answer(body):
        prompt = body["messages"][0]["content"]
        if "<matches>" in prompt:
            points = [line.split(":")[0] for line in prompt.splitlines() if line.startswith("R") and ":" in line[:4]]
            return "<matches>\n" + "\n".join(f"{point} @ S1: 0.9" for point in points[:1]) + "".join(
                f"\n{point} @ none" for point in points[1:]
            ) + "\n</matches>"  # fmt: skip
        if '"points"' in prompt:
            return json.dumps({"points": [f"Response A is {word}", f"Response B is {word}"]})
        return judge_like(body)

    return answer


@pytest.fixture
def endpoint(monkeypatch):
    server = FakeEndpoint(answers())
    with served(server):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


def asked(endpoint):
    return sum(endpoint.asked.values())


def retrained(folder):
    """Other weights under the same path."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: -value if name == "score.weight" else value.flip(0).contiguous() for name, value in weights.items()}, path,
              metadata={"format": "pt"})  # fmt: skip


@pytest.fixture
def reward_model(tiny_model, tmp_path):  # noqa: F811
    from rightly.reward_models.model import RewardModel

    folder = tmp_path / "rm"
    RewardModel.load(tiny_model, new_head=True, max_length=64).save(folder)
    return folder


class TestRewardModels:
    """The same path, other weights."""

    def test_score_and_bench_rescore_changed_model(self, cli, reward_model, tmp_path):
        pairs = write_pairs(tmp_path / "pairs.jsonl", 20)
        import pyarrow.parquet as pq

        def margins():
            assert cli("score", pairs, "--model", reward_model, "--out", tmp_path / "scores")[0] == 0
            rows = pq.read_table(tmp_path / "scores" / "margins.parquet").to_pylist()
            bench = ["bench", "pairs", "--data", pairs, "--model", f"mine=rm:{reward_model}", "--json"]
            code, found, _ = cli(*bench, "--out", tmp_path / "bench")
            assert code == 0
            mine = next(model for model in found["models"] if model["model"] == "mine")
            return [row[f"margin/{reward_model}"] for row in rows], mine["headline"]["value"]

        first, accuracy = margins()
        retrained(reward_model)
        second, other = margins()
        assert [margin > 0 for margin in second] != [margin > 0 for margin in first]
        assert accuracy == pytest.approx(sum(margin > 0 for margin in first) / 20)
        assert other == pytest.approx(sum(margin > 0 for margin in second) / 20)

    def test_strength_is_measured_again_for_changed_model(self, cli, reward_model, tmp_path):
        pairs = write_pairs(tmp_path / "pairs.jsonl", 60)
        import pyarrow.parquet as pq

        def scored(*how):
            out = tmp_path / how[0].strip("-")
            assert cli("strength", pairs, *how, "--out", out, "--max-length", 64)[0] == 0
            return pq.read_table(out / "scored.parquet").to_pylist()

        ways = [("--model", reward_model), ("--train", 2, "--base", reward_model, "--folds", 2)]
        first = [scored(*way) for way in ways]
        assert [scored(*way) for way in ways] == first
        retrained(reward_model)
        for before, way in zip(first, ways, strict=True):
            assert scored(*way) != before

    def test_trained_members_depend_on_pairs_and_base(self, reward_model, tmp_path):
        from rightly.data.load import load_pairs
        from rightly.training.ensemble.run import EnsemblePlan, ensemble_margins

        tables = {"trainer": {"max_steps": 2, "use_cpu": True, "learning_rate": 1e-2}}
        plan = EnsemblePlan(base=str(reward_model), kind="full", members=1, folds=2, max_length=64)

        def margins(seed):
            pairs = list(load_pairs(write_pairs(tmp_path / "pairs.jsonl", 12, seed=seed)))
            return ensemble_margins(tmp_path / "ensemble", pairs, plan, recipe=tables).tolist()

        first = margins(0)
        assert margins(0) == first
        assert margins(1) != first
        assert margins(0) == first
        retrained(reward_model)
        assert margins(0) != first


class TestJudges:
    def test_changed_weights_under_same_path_are_asked_again(self, cli, language_model, tmp_path):  # noqa: F811
        pairs, judge = audit_pairs(tmp_path / "pairs.jsonl"), tmp_path / "judge"
        shutil.copytree(language_model, judge)

        def raw():
            spec = f"hf:{judge}?max_tokens=6"
            assert cli("judge", pairs, "--judge", spec, "--out", tmp_path / "run")[0] == 0
            lines = (tmp_path / "run" / "judgments.jsonl").read_text().splitlines()
            return [json.loads(line) for line in lines]

        first = raw()
        assert raw() == first
        retrained(judge)
        both = raw()
        assert len(both) == 2 * len(first)
        new = both[len(first) :]
        assert {each["made_by"] for each in new}.isdisjoint(each["made_by"] for each in first)
        assert sorted(each["raw"] for each in new) != sorted(each["raw"] for each in first)

    def test_a_relative_path_of_another_project_is_another_judge(self, cli, language_model, tmp_path, monkeypatch):  # noqa: F811
        pairs = audit_pairs(tmp_path / "pairs.jsonl")
        found = []
        for project in ("one", "two"):
            (tmp_path / project).mkdir()
            shutil.copytree(language_model, tmp_path / project / "judge")
            monkeypatch.chdir(tmp_path / project)
            if project == "two":
                retrained(tmp_path / "two" / "judge")
            assert cli("judge", pairs, "--judge", "hf:./judge?max_tokens=6", "--out", "run")[0] == 0
            lines = (tmp_path / project / "run" / "judgments.jsonl").read_text().splitlines()
            found.append(sorted(json.loads(line)["raw"] for line in lines))
        assert found[0] != found[1]

    def test_the_same_spec_at_another_endpoint_is_another_judge(self, cli, endpoint, tmp_path, monkeypatch):
        pairs = audit_pairs(tmp_path / "pairs.jsonl")
        command = ["audit", pairs, "--judge", "openai:m", "--matcher", "lexical", "--out", tmp_path / "run", "--json"]
        assert cli(*command)[0] == 0
        first = asked(endpoint)
        other = FakeEndpoint(lambda _: "I would rather not.")
        with served(other):
            monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
            code, found, _ = cli(*command)
        assert code == 0
        assert (asked(endpoint), asked(other)) == (first, 2 * N)
        assert found["judges"][0]["failures"] == {"unparsed": 2 * N}

    @pytest.mark.parametrize("part", ["prompt", "reader", "max_reasons"])
    def test_changed_prompt_or_reader_version_repeats_requests(self, part, cli, endpoint, tmp_path, monkeypatch):
        pairs = audit_pairs(tmp_path / "pairs.jsonl")
        folder = tmp_path / "run"
        command = ["judge", pairs, "--judge", "openai:m", "--json"]
        assert cli(*command, "--out", folder)[0] == 0
        if part == "prompt":
            own = tmp_path / "own.toml"
            text = (Path(judge_format.__file__).parent / "formats" / "rightly.toml").read_text()
            own.write_text(text.replace("Answer with one JSON", "Be strict. Answer with one JSON"))
            command[3] = f"openai:m?format={own}"
        elif part == "reader":
            monkeypatch.setattr(judge_format, "READER_VERSION", "another")
        else:
            command += ["--max-reasons", "3"]
            folder = tmp_path / "other"
        code, found, _ = cli(*command, "--out", folder)
        assert code == 0
        assert found["judges"][0]["n_judgments"] == 2 * N
        lines = [json.loads(line) for each in {folder, tmp_path / "run"}
                 for line in (each / "judgments.jsonl").read_text().splitlines()]  # fmt: skip
        assert len({line["made_by"] for line in lines}) == 2

    def test_speed_options_keep_judge_identity(self, cli, endpoint, tmp_path):
        pairs, folder = audit_pairs(tmp_path / "pairs.jsonl"), tmp_path / "run"
        assert cli("judge", pairs, "--judge", "openai:m", "--out", folder)[0] == 0
        before = asked(endpoint)
        code, found, _ = cli("judge", pairs, "--judge", "openai:m?concurrency=3", "--out", folder, "--json")
        assert (code, asked(endpoint)) == (0, before)
        assert [judge["judge"] for judge in found["judges"]] == ["openai:m?concurrency=3"]
        code, _, err = cli("judge", pairs, "--judge", "openai:m", "--judge", "openai:m?concurrency=3", "--out", folder)
        assert (code, "is given twice" in err) == (2, True)

    def test_held_out_annotator_is_read_again_after_edited_reasons(self, cli, tmp_path):
        def pairs(reason):
            votes = [{"annotator": str(v), "choice": "A"} for v in range(3)]
            reasons = [{"text": f"Response A {reason} {v}", "annotator": str(v)} for v in range(3)]
            row = {"id": "p", "responses": ["x y", "z"], "label": "A", "votes": votes, "rationales": reasons}
            (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n")
            return tmp_path / "pairs.jsonl"

        for reason in ("cites", "explains"):
            command = [
                "audit",
                pairs(reason),
                "--judge",
                "annotator",
                "--matcher",
                "lexical",
                "--out",
                tmp_path / "run",
            ]
            assert cli(*command)[0] == 0
            item = json.loads((tmp_path / "run" / "items.jsonl").read_text())
            assert all(reason in text for text in (*item["points"], *item["judgments"][0]["reasons"]))
            assert cli("judge", tmp_path / "pairs.jsonl", "--judge", "annotator", "--out", tmp_path / "j")[0] == 0
            code, found, _ = cli(
                "judge", tmp_path / "pairs.jsonl", "--judge", "annotator", "--out", tmp_path / "j", "--json"
            )
            assert (code, found["judges"][0]["n_judgments"]) == (0, 1)


class TestPointsAndMatches:
    def test_edited_human_reasons_are_rescored(self, cli, tmp_path):
        path = tmp_path / "pairs.jsonl"
        command = ["audit", path, "--judge", "longer", "--matcher", "lexical", "--out", tmp_path / "run"]
        for word in ("cites", "explains", "cites"):
            audit_pairs(path, word)
            assert cli(*command)[0] == 0
            items = [json.loads(line) for line in (tmp_path / "run" / "items.jsonl").read_text().splitlines()]
            assert len(items) == N
            assert all(word in point for item in items for point in item["points"])

    def test_points_belong_to_the_given_atomiser(self, cli, endpoint, tmp_path):
        path = audit_pairs(tmp_path / "pairs.jsonl")
        command = ["audit", path, "--judge", "longer", "--matcher", "lexical", "--out", tmp_path / "run"]
        for atomiser, word in (("given", "cites"), ("openai:m", "is x"), ("given", "cites")):
            assert cli(*command, "--atomiser", atomiser)[0] == 0
            items = [json.loads(line) for line in (tmp_path / "run" / "items.jsonl").read_text().splitlines()]
            assert all(word in point for item in items for point in item["points"])
            assert json.loads((tmp_path / "run" / "audit.json").read_text())["atomiser"] == atomiser

    @pytest.mark.parametrize("module", [atomise, metajudge])
    def test_changed_point_or_link_reader_version_repeats_requests(self, module, cli, endpoint, tmp_path, monkeypatch):
        command = ["audit", audit_pairs(tmp_path / "pairs.jsonl"), "--judge", "longer", "--atomiser", "openai:m"]
        command += ["--matcher", "openai:m", "--out", tmp_path / "run"]
        kinds = {atomise: "points", metajudge: "matches"}
        records = tmp_path / "run" / f"{kinds[module]}.jsonl"
        assert cli(*command)[0] == 0
        before = records.read_text().count("\n")
        assert cli(*command)[0] == 0
        assert records.read_text().count("\n") == before > 0
        monkeypatch.setattr(module, "_READER_VERSION", "another")
        assert cli(*command)[0] == 0
        assert records.read_text().count("\n") == 2 * before

    def test_only_given_judges_are_matched(self, cli, endpoint, tmp_path):
        path = audit_pairs(tmp_path / "pairs.jsonl")
        shared = ["audit", path, "--out", tmp_path / "run"]
        assert cli(*shared, "--judge", "openai:a", "--judge", "longer", "--matcher", "lexical")[0] == 0
        before = asked(endpoint)
        assert cli(*shared, "--judge", "longer", "--matcher", "openai:m")[0] == 0
        assert asked(endpoint) - before == N

    def test_equal_lists_are_matched_once(self, cli, endpoint, tmp_path):
        path = audit_pairs(tmp_path / "pairs.jsonl")
        command = ["audit", path, "--judge", "longer", "--judge", "panel:longer+longer", "--matcher", "openai:m"]
        assert cli(*command, "--out", tmp_path / "run")[0] == 0
        assert asked(endpoint) == N


class TestWithoutBuilding:
    def test_report_and_compare_need_no_weights_no_key_and_no_cache(self, cli, language_model, tmp_path, monkeypatch):  # noqa: F811
        judge = tmp_path / "judge"
        shutil.copytree(language_model, judge)
        pairs = audit_pairs(tmp_path / "pairs.jsonl")
        server = FakeEndpoint(answers())
        with served(server):
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            command = ["audit", pairs, "--judge", f"hf:{judge}?max_tokens=6", "--judge", "longer", "--json"]
            code, before, _ = cli(*command, "--matcher", "openai:m", "--out", tmp_path / "run")
        assert code == 0
        shutil.rmtree(judge)
        monkeypatch.delenv("OPENAI_API_KEY")
        monkeypatch.delenv("OPENAI_BASE_URL")
        shutil.rmtree(tmp_path / "cache")
        (tmp_path / "cache").write_text("no folder: a cache cannot be opened here")
        (tmp_path / "run" / "report.html").unlink()

        def refuse(*_, **__):
            raise AssertionError("built")

        monkeypatch.setattr(openai_api.OpenAIGenerator, "__init__", refuse)
        code, after, _ = cli("report", tmp_path / "run", "--json")
        assert (code, after) == (0, before)
        assert (tmp_path / "run" / "report.html").exists()
        assert cli("compare", tmp_path / "run")[0] == 0

    def test_identity_without_building_equals_built_identity(self, endpoint, language_model):  # noqa: F811
        from rightly.inference.account import Account
        from rightly.judges.specs import JudgeBuilder
        from rightly.matchers.specs import MatcherBuilder, matcher_identity

        builder = JudgeBuilder(cache=None, account=Account(), max_reasons=5, seed=3)
        for spec in ("longer", "annotator", "openai:m?temperature=0.5&orders=single", f"hf:{language_model}?dtype=float32",
                     "panel:openai:m+longer"):  # fmt: skip
            assert builder.identify(spec) == builder.build(spec).identity
        makers = MatcherBuilder(cache=None, account=Account())
        for spec in ("lexical", "openai:m?temperature=0"):
            assert matcher_identity(spec) == makers.matcher(spec).fingerprint


class TestCompare:
    def audited(self, cli, tmp_path, name, *how, reasons="cites"):
        pairs = audit_pairs(tmp_path / f"{name}.jsonl", reasons)
        assert cli("audit", pairs, "--judge", "longer", "--judge", "first", "--out", tmp_path / name, *how)[0] == 0
        return tmp_path / name

    @pytest.mark.parametrize("what", ["the matchers differ", "the atomisers differ", "the human points of 8 pairs"])
    def test_compare_omits_consistency_with_different_matchers(self, what, cli, endpoint, tmp_path):
        how = {
            "the matchers differ": ["--matcher", "openai:m"],
            "the atomisers differ": ["--matcher", "lexical", "--atomiser", "openai:m"],
            "the human points of 8 pairs": ["--matcher", "lexical"],
        }
        one = self.audited(cli, tmp_path, "one", "--matcher", "lexical")
        two = self.audited(cli, tmp_path, "two", *how[what], reasons="shows" if "points" in what else "cites")
        code, found, err = cli("compare", one, two, "--json")
        assert code == 0
        assert what in err
        assert any(what in note for note in found["notes"])
        assert all(test["p_consistency"] is None for test in found["tests"])
        assert any(test["p_accuracy"] is not None for test in found["tests"])

    def test_compare_tests_consistency_with_same_matcher(self, cli, tmp_path):
        one = self.audited(cli, tmp_path, "one", "--matcher", "lexical")
        two = self.audited(cli, tmp_path, "two", "--matcher", "lexical")
        code, found, _ = cli("compare", one, two, "--json")
        assert (code, found["notes"]) == (0, [])
        assert all(test["p_consistency"] is not None for test in found["tests"])

    def test_compare_refuses_different_pairs_with_same_id(self, cli, tmp_path):
        one = self.audited(cli, tmp_path, "one", "--matcher", "lexical")
        path = tmp_path / "two.jsonl"
        audit_pairs(path)
        path.write_text(path.read_text().replace("question 3", "another question"))
        assert cli("audit", path, "--judge", "longer", "--matcher", "lexical", "--out", tmp_path / "two")[0] == 0
        code, _, err = cli("compare", one, tmp_path / "two")
        assert code == 2
        assert "pair 'p3' differs between" in err
