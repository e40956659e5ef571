"""A model's answer: its thinking left out, its JSON found and mended, what cannot be mended passed over."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.inference.reading import json_blocks, json_objects, strip_thinking


def objects(text):
    return [found for found, _ in json_objects(text)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>a</think> b <thinking>c</thinking>d", "b d"),
        ("a</think>b", "b"),
        ("b<think>c", "b"),
        ("<thought>a</thought>b", "b"),
        ("[THINK]a[/THINK]b", "b"),
        ("◁think▷a◁/think▷b", "b"),
        ("<think>a [[A]]", ""),
        ("<think>a</reasoning>b</think>c", "c"),
        # a tag that is spoken of
        ("the <reasoning> part is missing", "the <reasoning> part is missing"),
        ('{"a": "x <think> y"}', '{"a": "x <think> y"}'),
        ('{"a": "x </think> y"} z', '{"a": "x </think> y"} z'),
        ('<think>{"a": 1}</think>{"a": 2}', '{"a": 2}'),
    ],
)
def test_strip_thinking_removes_thinking(text, left):
    assert strip_thinking(text) == left


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\/\n{}[],: é<think>\u2028'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("kl\"'", max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text("kl", max_size=3), JSON, max_size=4), st.sampled_from([None, 1]))
def test_json_objects_read_valid_json(value, indent):
    text = json.dumps(value, indent=indent)
    assert objects(f"so: {text} end") == [value]
    assert [block.start for block in json_blocks(f"so: {text} end")] == [4]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": [1, 2,], "b": "x",}', [{"a": [1, 2], "b": "x"}]),
        ('{"a": "he says "no" twice", "b": 1}', [{"a": 'he says "no" twice', "b": 1}]),
        ('{"a": "5" pipe", "b": "{"}', [{"a": '5" pipe', "b": "{"}]),
        (r'{"a": "\(x\) \frac"}', [{"a": r"\(x\) \frac"}]),
        ('{x} and {"a": 1} or {"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1, "a": 2}', []),
        ('{"a": nonsense}', [{"a": "nonsense"}]),
        ("{'a': 'it\\'s', 'b': \"x'y\"}", [{"a": "it's", "b": "x'y"}]),
        ('{"a": ["b", ...]}', [{"a": ["b"]}]),
        ('{"a": 1', []),
    ],
)
def test_json_objects_repair_or_skip_invalid_json(text, found):
    assert objects(text) == found


def test_truncated_json_object_keeps_complete_members():
    (block,) = json_blocks('x {"a": "A", "b": [1, {"c": 2}], "d": "tru')
    assert (block.start, block.truncated, block.found) == (2, True, {"a": "A", "b": [1, {"c": 2}]})


@given(st.text('{}[]":,\\ a\n'))
def test_reading_never_raises_on_any_text(text):
    strip_thinking(text)
    blocks = list(json_blocks(text))
    assert all(one.end <= two.start for one, two in itertools.pairwise(blocks))
