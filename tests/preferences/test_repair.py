import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import InputError
from rightly.preferences.conflicts import ConflictFinder
from rightly.preferences.repair import Change, Repair, repaired, undone
from rightly.types import Message, PreferencePair


def pair(number, label="A", **fields):
    return PreferencePair(id=str(number), responses=(f"yes {number}", f"no {number}"), label=label, **fields)


def apply(pairs, repairs):
    out, changes = [], []
    for kept, change in repaired(pairs, {repair.pair_id: repair for repair in repairs}):
        out += [] if kept is None else [kept]
        changes += [] if change is None else [change]
    return out, changes


def for_pair(each, **fields):
    return Repair(pair_id=each.id, key=each.content_key, **({"label": each.label} | fields))


def test_flip_reweigh_drop():
    pairs = [pair(0), pair(1, margin=2.0), pair(2), pair(3)]
    out, changes = apply(
        pairs,
        [
            for_pair(pairs[0], label="B", why="strength -2.1"),
            for_pair(pairs[1], target=0.9, margin=2.0),
            for_pair(pairs[2], keep=False),
            for_pair(pairs[3]),
        ],
    )
    assert [each.id for each in out] == ["0", "1", "3"]
    assert (out[0].label, out[0].target) == ("B", None)
    assert (out[1].target, out[1].margin) == (0.9, 2.0)
    assert [change.actions for change in changes] == [("flip",), ("reweigh",), ("drop",)]
    assert changes[0].before == {"label": "A"}
    assert changes[0].why == "strength -2.1"
    assert changes[1].after == {"target": 0.9}


def test_margins_that_a_pair_carries_turn_with_its_label():
    pairs = [pair(0, margins=(-2.0, -1.0)), pair(1, margins=(1.0, 2.0))]
    repairs = [for_pair(pairs[0], label="B"), for_pair(pairs[1])]
    out, changes = apply(pairs, repairs)
    assert [each.margins for each in out] == [(2.0, 1.0), (1.0, 2.0)]
    assert apply(out, repairs) == (out, [])
    stored = [Change.model_validate_json(change.model_dump_json()) for change in changes]
    assert list(undone(out, stored)) == pairs


ACTIONS = st.lists(st.sampled_from(["none", "flip", "soften", "drop", "absent"]), min_size=1, max_size=12)


@given(ACTIONS)
def test_repairing_twice_is_repairing_once_and_undoing_gives_the_start(actions):
    pairs = [pair(number, weight=0.5 if number % 2 else None) for number in range(len(actions))]
    made = {
        "none": lambda p: for_pair(p, weight=p.weight),
        "flip": lambda p: for_pair(p, label="B", margin=0.3),
        "soften": lambda p: for_pair(p, target=0.6),
        "drop": lambda p: for_pair(p, keep=False),
    }
    repairs = [made[action](each) for action, each in zip(actions, pairs, strict=True) if action != "absent"]
    once, changes = apply(pairs, repairs)
    again, none = apply(once, repairs)
    assert again == once
    assert none == []
    assert list(undone(once, changes)) == pairs


def test_a_pair_that_was_edited_since_is_refused():
    repair = for_pair(pair(1), label="B")
    edited = pair(1).model_copy(update={"responses": ("other", "text")})
    with pytest.raises(InputError, match="pair '1' is not the one that was scored"):
        apply([edited], [repair])


def test_undoing_another_data_set_is_refused():
    pairs = [pair(0), pair(1)]
    out, changes = apply(pairs, [for_pair(pairs[0], label="B")])
    with pytest.raises(InputError, match="is not as the audit left"):
        list(undone(pairs, changes))
    with pytest.raises(InputError, match="ends before"):
        list(undone([], [*changes]))
    assert list(undone(out, changes)) == pairs


ASKED = (Message(role="user", content="q"),)


def conflicts(*pairs):
    finder = ConflictFinder()
    for each in pairs:
        finder.add(each)
    return {(found.kind, tuple(sorted(found.ids))) for found in finder.found()}


def compare(number, better, worse, context=ASKED):
    return PreferencePair(id=number, context=context, responses=(better, worse), label="A")


def test_the_same_comparison_labelled_both_ways():
    swapped = compare("2", "x", "y").swap()
    assert conflicts(compare("1", "x", "y"), compare("2", "y", "x")) == {("contradiction", ("1", "2"))}
    assert conflicts(compare("1", "x", "y"), swapped) == {("duplicate", ("1", "2"))}
    assert conflicts(compare("1", "x", "y"), compare("2", "y", "x", context=())) == set()


def test_rings_among_responses():
    ring = [compare("1", "x", "y"), compare("2", "y", "z"), compare("3", "z", "x"), compare("4", "x", "w")]
    assert conflicts(*ring) == {("cycle", ("1", "2", "3"))}
    assert conflicts(*ring[:2], ring[3]) == set()


def test_several_responses_join_the_ring():
    many = PreferencePair(id="1", context=ASKED, responses=("x", "y", "z"), label="A")
    assert conflicts(many, compare("2", "y", "z"), compare("3", "z", "x"), compare("4", "z", "y")) >= {
        ("contradiction", ("2", "4"))
    }


def test_near_copies_labelled_both_ways():
    long = " ".join(f"word{n}" for n in range(120))
    one, other = f"first {long} end", f"second {' '.join(reversed(long.split()))} end"
    assert conflicts(compare("1", one, other), compare("2", f"{other} indeed", one)) == {("near-copy", ("1", "2"))}
    assert conflicts(compare("1", one, other), compare("2", one, f"{other} indeed")) == set()


def test_ties_say_nothing():
    assert conflicts(pair(0, "tie"), pair(0, None)) == set()
