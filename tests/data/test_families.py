import json
from pathlib import Path

import pytest

from rightly.data.columns import FAMILIES
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.types import Message, Rationale, Vote

ROWS = Path(__file__).parent / "rows"
GOOD = sorted(p.stem for p in ROWS.glob("*.jsonl") if p.stem != "pandalm_boolean")


def rows(name):
    return list(load_pairs(ROWS / f"{name}.jsonl"))


def user(content):
    return Message(role="user", content=content)


def better(pair):
    return pair.responses["AB".index(pair.label)]


@pytest.mark.parametrize("name", GOOD)
def test_swapping_twice_restores_pairs_of_every_family(name):
    for pair in rows(name):
        if len(pair.responses) == 2:
            assert pair.swap().swap() == pair
            assert pair.swap().responses == pair.responses[::-1]


@pytest.mark.parametrize("name", GOOD)
def test_pairs_of_every_family_round_trip_through_json(name, tmp_path):
    pairs = rows(name)
    file = tmp_path / "native.jsonl"
    file.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs), encoding="utf-8")
    assert list(load_pairs(file)) == pairs


def test_every_family_has_test_rows():
    stems = {name.replace("_", "-") for name in GOOD}
    assert set(FAMILIES) <= stems


def test_native():
    full, bare, empty = rows("native")
    assert full.id == "n1"
    assert full.rationales == (
        Rationale(text="A is right, B is wrong", annotator="w", importance=1, about="A", favors="A"),
    )
    assert full.swap().rationales[0] == Rationale(
        text="B is right, A is wrong", annotator="w", importance=1, about="B", favors="B"
    )
    assert bare.label == "C"
    assert len(bare.id) == 32
    assert empty.responses == ("", "x")


def test_chosen_rejected_in_all_shapes():
    pairs = rows("chosen_rejected")
    assert [better(pair) for pair in pairs[:5]] == ["4"] * 5
    assert {pair.context for pair in pairs[:5]} == {(user("2+2?"),)}
    assert len({pair.responses for pair in pairs[:5]}) == 1  # the place depends on the content alone
    assert pairs[0].domain == "math"
    assert [pair.id for pair in pairs] == ["1", "2", "3", "4", "5", "6"]


def test_dialogues_that_differ_at_user_turn_keep_turns_after_last_shared_question():
    last = rows("chosen_rejected")[5]
    assert last.context == (user("2+2?"),)
    assert better(last) == "Let me think.\n\nUser: Well?\n\nAssistant: 4"


def test_hh_rlhf_transcripts():
    car, cats, serial = rows("hh_rlhf")
    assert car.context == (user("Is it possible to download a car?"),)
    assert better(car) == "I’m not sure what you mean. Can you clarify?"
    assert [m.role for m in cats.context] == ["user", "assistant", "user"]
    assert cats.context[-1] == user("why anyone want to be around you")
    assert better(cats) == "I'm sorry you feel that way."
    # The chosen side goes on for two turns where the rejected has one.
    assert serial.context[-1] == user("Yes, please find me a serial.")
    assert better(serial).startswith("Alrighty, I’ll do my best, here’s the key:\n\nAssistant:  O.k. let’s")
    assert len({pair.id for pair in (car, cats, serial)}) == 3


def test_judgebench():
    first, second = rows("judgebench")
    assert (first.id, first.label, second.label) == ("p1", "A", "B")
    assert first.context == (user("2+2?"),)
    assert first.responses == ("4", "5")
    assert first.domain == "mmlu-pro-math"


def test_helpsteer3_negative_means_response_1():
    first, tie, strong = rows("helpsteer3")
    assert (first.label, first.degree) == ("A", 2)
    assert first.votes == (
        Vote(annotator="annotator 1", choice="A", degree=3),
        Vote(annotator="annotator 2", choice="A", degree=2),
        Vote(annotator="annotator 3", choice="tie", degree=0),
    )
    assert [r.annotator for r in first.rationales] == ["annotator 1", "annotator 2"]
    assert first.swap().rationales[0].text == "@Response 2 is correct, Response 1 names a composite number."
    assert first.swap().label == "B"
    assert (tie.label, tie.degree, tie.votes) == ("tie", 0, ())
    assert (strong.label, strong.degree) == ("B", 3)
    assert len(strong.context) == 3
    assert first.domain == "stem"
    assert first.id == tie.id.removesuffix("#2")  # the same texts: the second is told apart


def test_rationalerm_reads_only_the_checklist():
    first, unlabelled = rows("rationalerm")
    assert [r.text for r in first.rationales] == ["Response 1 names a prime", "Response 2 calls 15 prime"]
    assert (first.label, len(first.votes)) == ("A", 3)
    assert (unlabelled.label, unlabelled.degree, unlabelled.rationales) == (None, None, ())


def test_r_align_reads_the_golden_explanation_without_thinking():
    first, bare = rows("r_align")
    assert (first.id, first.label, first.domain) == ("r1", "A", "helpsteer3")
    assert first.rationales == (Rationale(text="15 is composite.", annotator="gold"),)
    assert (first.context, first.responses) == ((user("Name a prime above 10."),), ("11 is prime.", "15 is prime."))
    assert (bare.label, bare.rationales, len(bare.context)) == ("B", (), 3)


def test_r_align_refuses_a_tie():
    row = {"conversations": [], "response_A": "x", "response_B": "y", "gt_label": "tie"}
    with pytest.raises(InputError, match="'gt_label' is the text 'tie', expected one of 'A', 'B'"):
        FAMILIES["r-align"].convert(row)


def test_result_rows_of_the_metajudge_are_the_rows_that_it_judged(tmp_path):
    judged = [json.loads(line) for line in (ROWS / "rationalerm.jsonl").read_text().splitlines()]
    results = [{"prompt": "p", "samples": [], "status": "error", "metadata": row} for row in judged]
    assert list(load_pairs(results)) == rows("rationalerm")


def test_arena():
    texts, late, early, parts = rows("arena")
    assert (texts.label, texts.responses, texts.context) == ("B", ("hey", "hello"), (user("hi"),))
    assert texts.domain == "chat"
    assert (late.id, late.label, late.responses) == ("7", "tie", ("ciao", "see you"))
    assert [m.content for m in late.context] == ["hi", "hey", "bye"]
    assert early.label == "tie"
    assert early.context == (user("hi"),)
    assert early.responses == ("hey\n\nUser: bye\n\nAssistant: ciao", "hello\n\nUser: bye\n\nAssistant: see you")
    assert (parts.context, parts.responses, parts.label) == ((user("hi"),), ("one", "two"), "A")


def test_ukpconvarg1():
    a, b, dropped = rows("ukpconvarg1")
    assert (a.label, b.label, dropped.label) == ("A", "B", None)
    assert a.context[0].content.startswith("Debate: Ban Plastic Water Bottles\nStance: No Bad For the Economy\n")
    assert [vote.choice for vote in a.votes] == ["A", "A", "tie", "B", "A"]
    assert a.rationales[1] == Rationale(
        text="A2 does not support its argument. A1 shows a way to eliminate the waste of plastic.", annotator="w1331"
    )
    assert a.swap().rationales[1].text.startswith("A1 does not support its argument. A2 shows")
    assert a.domain == "ban-plastic-water-bottles/no-bad-for-the-economy"


def test_pandalm_majority():
    agreed, mixed, tie = rows("pandalm")
    assert (agreed.id, agreed.label, mixed.label, tie.label) == ("160", "A", "A", "tie")
    assert [vote.choice for vote in mixed.votes] == ["A", "tie", "A"]
    assert mixed.context == (user("What sound does this make?\n\n好"),)


def test_pandalm_without_a_majority_has_no_label():
    row = {"instruction": "?", "response1": "x", "response2": "y", "annotator1": 1, "annotator2": 2, "annotator3": 0}
    assert FAMILIES["pandalm"].convert(row).label is None


def test_llmbar():
    one, two = rows("llmbar")
    assert (one.label, two.label) == ("A", "B")
    assert one.responses == ("Soon, Loon", "Clone, June, Nore, Tune")


def test_position_of_chosen_is_independent_of_label():
    convert = FAMILIES["chosen-rejected"].convert
    labels = []
    for n in range(400):
        row = {"prompt": f"q{n}", "chosen": f"good {n}", "rejected": f"bad {n}"}
        flipped = row | {"chosen": row["rejected"], "rejected": row["chosen"]}
        assert convert(row).responses == convert(flipped).responses
        assert convert(row).id == convert(flipped).id
        assert {convert(row).label, convert(flipped).label} == {"A", "B"}
        labels.append(convert(row).label)
    assert 150 < labels.count("A") < 250


def test_dialogue_that_is_a_prefix_of_the_other():
    ask, say = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
    pair = FAMILIES["chosen-rejected"].convert({"chosen": [ask, say], "rejected": [ask, say, ask, say]})
    assert pair.context == (user("q"),)
    assert better(pair) == "a"
    assert set(pair.responses) == {"a", "a\n\nUser: q\n\nAssistant: a"}


def test_identical_responses_are_kept_and_placed_by_the_hash():
    convert = FAMILIES["chosen-rejected"].convert
    labels = {convert({"prompt": f"q{n}", "chosen": "same", "rejected": "same"}).label for n in range(40)}
    assert labels == {"A", "B"}
