"""What a judge is trained on: which pairs, shown how, imitated from whom."""

import json

import pytest

from rightly.errors import InputError
from rightly.judges.parsing import parse_answer
from rightly.synthetic.reviews import draw_pairs
from rightly.training.common.recipe import check_recipe
from rightly.training.judge.data import judging_task, shown, usable_pairs
from rightly.training.judge.recipe import GenrmRecipe
from rightly.types import Judgment, Message, PreferencePair, Rationale


def pair(number, label="A", reasons=("Response A cites a source", "Response B is rude")):
    return PreferencePair(
        id=f"p{number}",
        context=(Message(role="user", content=f"question {number}"),),
        responses=(f"first {number}", f"second {number}"),
        label=label,
        rationales=tuple(Rationale(text=text) for text in reasons),
    )


def write(path, rows):
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows))
    return str(path)


def task_of(tmp_path, pairs, **tables):
    data = {"train": [write(tmp_path / "pairs.jsonl", pairs)], **tables.pop("data", {})}
    table = {"output": "run", "model": {"name": "m"}, "data": data, "warmup": {}, **tables}
    return judging_task(check_recipe(GenrmRecipe, table, "test"))


def test_half_of_the_pairs_are_swapped_and_their_reasons_with_them():
    pairs = [shown(pair(n)) for n in range(200)]
    swapped = [each for each in pairs if each.responses[0].startswith("second")]
    assert 70 < len(swapped) < 130
    for each in swapped:
        assert each.label == "B"
        assert [r.text for r in each.rationales] == ["Response B cites a source", "Response A is rude"]
    assert [shown(pair(n)) for n in range(200)] == pairs


def test_excluded_pairs_are_counted():
    held = {pair(3).content_key}
    pairs = [pair(0), pair(1, label=None), pair(2, label="tie"), pair(3), pair(4, reasons=())]
    again = PreferencePair.model_validate(pair(3).swap().model_dump() | {"id": "other"})
    kept, counts = usable_pairs([*pairs, again], held)
    assert [each.id for each in kept] == ["p0"]
    assert counts.model_dump() == {"read": 6, "used": 1, "unlabelled": 2, "without_reasons": 1, "held_out": 2}


def test_no_remaining_pair_and_too_many_responses_are_errors():
    with pytest.raises(InputError, match="no pair with a label and reasons among 1"):
        usable_pairs([pair(0, label="tie")], set())
    three = pair(0).model_copy(update={"responses": ("a", "b", "c")})
    with pytest.raises(InputError, match="pair 'p0' has 3 responses"):
        usable_pairs([three], set())


def test_held_out_sources_and_audit_pairs_are_not_trained_on(tmp_path):
    pairs = [pair(n) for n in range(10)]
    held = write(tmp_path / "test.jsonl", [pair(2).model_copy(update={"id": "t2"}), pair(3).swap()])
    audit = write(tmp_path / "audit.jsonl", [pair(n) for n in (5, 6, 7)])
    task = task_of(tmp_path, pairs, data={"held_out": [held]}, audit={"pairs": audit, "limit": 2})
    assert {each.id for each in task.train} == {"p0", "p1", "p4", "p7", "p8", "p9"}
    assert [each.id for each in task.audit["audit"]] == ["p5", "p6"]
    assert task.counts.held_out == 4


def test_prompts_contain_reference_in_shown_order(tmp_path):
    task = task_of(tmp_path, [pair(n) for n in range(8)])
    for row, each in zip(task.prompts(), task.train, strict=True):
        assert row["label"] == each.label
        assert row["points"] == [r.text for r in each.rationales]
        said = row["prompt"][-1]["content"]
        assert said.index(each.responses[0]) < said.index(each.responses[1])


def test_warm_up_imitates_human_judgments_in_parseable_form(tmp_path):
    task = task_of(tmp_path, [pair(n) for n in range(8)])
    for row, each in zip(task.imitations(), task.train, strict=True):
        parsed = parse_answer(row["completion"][0]["content"])
        assert parsed.verdict == each.label
        assert [r.text for r in parsed.rationales] == [r.text for r in each.rationales]


def judgment(of, verdict, reasons, **fields):
    key = of.content_key
    texts = tuple(Rationale(text=text) for text in reasons)
    given = {
        "pair_id": of.id,
        "pair_key": key,
        "judge": "strong",
        "made_by": "strong",
        "verdict": verdict,
        "rationales": texts,
        **fields,
    }
    return Judgment(**given)


def test_warm_up_imitates_only_right_judgments_of_stronger_judge(tmp_path):
    right, wrong, silent = [pair(n) for n in range(10, 16)], pair(1), pair(2)
    strange, failed = pair(99), pair(3)
    file = write(
        tmp_path / "judgments.jsonl",
        [
            *(judgment(each, "A", ["Response A names the author"]) for each in right),
            judgment(wrong, "B", ["Response B is longer"]),
            judgment(silent, "A", []),
            judgment(strange, "A", ["Response A is odd"]),
            judgment(failed, None, [], failure="refused"),
        ],
    )
    task = task_of(tmp_path, [*(pair(n) for n in range(4)), *right], warmup={"judgments": [file]})
    labels = [each.label for each in task.train if each.id in {r.id for r in right}]
    assert {*labels} == {"A", "B"}
    rows = task.imitations()
    assert len(rows) == len(right)
    for row, label in zip(rows, labels, strict=True):
        parsed = parse_answer(row["completion"][0]["content"])
        assert parsed.verdict == label
        assert [r.text for r in parsed.rationales] == [f"Response {label} names the author"]


def test_warm_up_without_right_judgment_is_an_error(tmp_path):
    file = write(tmp_path / "judgments.jsonl", [judgment(pair(0), "B", ["x"])])
    with pytest.raises(InputError, match=r"\[warmup\]: no judgment to imitate"):
        task_of(tmp_path, [pair(0)], warmup={"judgments": [file]}).imitations()
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        task_of(tmp_path, [pair(0)], warmup={"judgments": ["none.jsonl"]}).imitations()


def test_unreadable_prompt_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt: the prompt cannot be read"):
        task_of(tmp_path, [pair(0)], data={"prompt": "nowhere.txt"})


class TestWorld:
    def task(self, **world):
        table = {"output": "run", "model": {"name": "new"}, "world": {"pairs": 300, **world}, "warmup": {}, "grpo": {}}
        return judging_task(check_recipe(GenrmRecipe, table | {"audit": {"limit": 20}}, "test"))

    def test_world_audit_pairs_are_not_training_pairs(self):
        task = self.task()
        assert set(task.audit) == {"as trained", "hard"}
        keys = {each.content_key for each in task.train}
        for pairs in task.audit.values():
            assert len(pairs) == 20
            assert not keys & {each.content_key for each in pairs}

    def test_every_audit_pair_has_a_restyled_version(self):
        task = self.task()
        for each in (each for pairs in task.audit.values() for each in pairs):
            other = task.restyled[each.id]
            assert other.label == each.label
            assert other.responses != each.responses
            assert {r.text for r in other.rationales} == {r.text for r in each.rationales}

    def test_exchanged_styles_are_independent_of_label(self):
        plain, exchanged = self.task(correlation=1.0), self.task(correlation=1.0, exchange_style=True)
        originals = {each.id: each for each in draw_pairs(300, seed=1, correlation=1.0)}
        assert all({*each.responses} == {*originals[each.id].responses} for each in plain.train)
        changed = sum({*each.responses} != {*originals[each.id].responses} for each in exchanged.train)
        assert 100 < changed < 200

    def test_annotator_answers_are_parseable(self):
        task = self.task()
        for row in task.imitations()[:50]:
            assert parse_answer(row["completion"][0]["content"]).verdict in ("A", "B")


def test_unknown_recipe_mistakes_are_named():
    base = {"output": "o", "model": {"name": "m"}}
    data = {"train": ["x"]}
    for table, said in [
        (base, "a recipe needs either \\[data\\] or \\[world\\]"),
        (base | {"data": data, "grpo": {}}, "\\[matcher\\] is missing"),
        (base | {"data": data}, "nothing to do"),
        (base | {"world": {}, "grpo": {}, "matcher": {"spec": "lexical"}}, "has its own matcher"),
        (base | {"model": {"name": "new"}, "world": {}, "grpo": {}}, 'model.name = "new" needs'),
        (base | {"data": data, "warmup": {}, "audit": {}}, "audit.pairs is missing"),
        (base | {"data": data, "warmup": {}, "reward": {"agreement": "rogue"}}, "reward.agreement"),
        (base | {"data": data, "warmup": {}, "rewards": {}}, "rewards"),
    ]:
        with pytest.raises(InputError, match=said):
            check_recipe(GenrmRecipe, json.loads(json.dumps(table)), "test")
