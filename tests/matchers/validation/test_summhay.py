"""The human-labelled matches that travel with the package."""

from importlib import resources

from rightly.matchers.validation.summhay import load_summhay

JUDGES = {
    "prompted_gpt-4o",
    "prompted_claude3-haiku",
    "prompted_claude3-opus",
    "prompted_gemini-1.5-pro",
    "prompted_gpt3.5",
    "9fs_gpt-4o",
}


def best_bullets(links):
    """The bullets named for each point."""
    found = {}
    for link in links:
        found.setdefault(link.reference, set()).add(link.candidate)
    return found


def test_summhay_sample_is_complete():
    cases = load_summhay()
    assert len(cases) == len({case.id for case in cases}) == 200
    assert sum(len(case.points) for case in cases) == 1419
    assert len({case.cluster for case in cases}) == 29
    assert len({case.system for case in cases}) == 9
    assert {name for case in cases for name in case.stored} == JUDGES
    assert all(set(case.stored) == JUDGES for case in cases)


def test_summhay_links_are_within_lists():
    for case in load_summhay():
        for link in (*case.human, *(link for links in case.stored.values() for link in links)):
            assert 0 <= link.reference < len(case.points)
            assert 0 <= link.candidate < len(case.bullets)
            assert link.score in (0.5, 1.0)


def test_summhay_human_links_equal_source():
    # 953 points are called covered in the source, 6 of them with no bullet named.
    cases = load_summhay()
    best = [
        max(link.score for link in case.human if link.reference == r)
        for case in cases
        for r in best_bullets(case.human)
    ]
    assert len(best) == 947
    assert (best.count(1.0), best.count(0.5)) == (564, 383)


def test_summhay_bullet_indices_of_people_and_models_agree():
    # Read with the wrong base, the choices of the two would agree on 3% of the points or fewer.
    for judge in JUDGES:
        same = both = 0
        for case in load_summhay():
            people, model = best_bullets(case.human), best_bullets(case.stored[judge])
            for point in people.keys() & model.keys():
                both += 1
                same += bool(people[point] & model[point])
        assert both > 800
        assert same / both > 0.85


def test_summhay_licence_and_source_are_shipped():
    text = resources.files("rightly.matchers").joinpath("samples", "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in text
    assert "Laban" in text
