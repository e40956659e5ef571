from hypothesis import given
from hypothesis import strategies as st

from rightly.data import uniqueness
from rightly.data.uniqueness import SeenIds


@given(st.lists(st.text(max_size=3)))
def test_seen_ids_behaves_like_a_set(texts):
    seen, known = SeenIds(), set()
    for text in texts:
        assert seen.add(text) == (text not in known)
        known.add(text)


def test_seen_ids_finds_ids_after_buffer_merge(monkeypatch):
    monkeypatch.setattr(uniqueness, "_BUFFERED", 7)
    seen = SeenIds()
    assert all(seen.add(str(n)) for n in range(100))
    assert not any(seen.add(str(n)) for n in range(100))
    assert seen.add("100")
