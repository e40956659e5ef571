"""The page: self-contained, escaped, complete, and honest about what is missing."""

import json
import re

import pytest

from rightly.reports.audit_html import write_audit_report
from rightly.reports.browser import MAX_ITEMS, sample_items
from rightly.reports.tables import TableSection
from tests.reports.factory import estimate, item, judge, paired_test, result

HOSTILE = "</script><script>alert(1)</script><!-- {{css}} <!--body--> \u2028 \" ' & \U0001f600 \u202eabc"


def page(tmp_path, audit, items=(), sections=()):
    path = tmp_path / "report.html"
    write_audit_report(audit, list(items), path, sections)
    return path.read_text(encoding="utf-8")


def embedded(html):
    (data,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    return json.loads(data)


def test_nothing_outside_the_file_is_asked_for(tmp_path):
    html = page(tmp_path, result(judge()), [item()])
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)
    assert "@import" not in html
    assert not re.findall(r"url\(\s*['\"]?http", html)


def test_hostile_texts_stay_texts(tmp_path):
    audit = result(judge(HOSTILE, note=HOSTILE), source=HOSTILE, notes=(HOSTILE,), reliability=(HOSTILE,))
    added = TableSection(title=HOSTILE, intro=HOSTILE, columns=("a", HOSTILE), rows=((HOSTILE, 1),))
    html = page(tmp_path, audit, [item(responses=(HOSTILE, "b"), reason=HOSTILE, points=(HOSTILE,))], [added])
    assert "<script>alert" not in html
    assert html.count("</script>") == page(tmp_path, result(judge()), [item()]).count("</script>")
    assert HOSTILE in json.dumps(embedded(html), ensure_ascii=False).replace('\\"', '"')


def test_the_numbers_of_the_table_are_on_the_page(tmp_path):
    audit = result(
        judge("x", 0.7312, 0.4123), judge("y", 0.6, 0.2, groups_accuracy="b"), tests=(paired_test("x", "y"),)
    )
    html = page(tmp_path, audit, [item()])
    for shown in ("0.731", "0.412", "0.600", "0.200", "0.099", "240", "4.2", "$0.42"):
        assert shown in html, shown


@pytest.mark.parametrize(
    "audit",
    [
        result(),
        result(judge()),
        result(judge(accuracy=None, consistency=None), n_labelled=0, n_with_rationales=0, n_points=0),
        result(
            judge(
                accuracy=0.0,
                consistency=0.0,
                failures={"unparsed": 200},
                spurious=estimate(None),
                precision=estimate(None),
                list_length=None,
                precision_by_rank=(),
                both_right=None,
                by_length=(),
                cost=None,
            ),
            agreement=None,
            human_agreement=None,
        ),
    ],
    ids=["no judge", "one judge", "nothing labelled", "all failed"],
)
def test_what_cannot_be_measured_is_a_dash_never_a_nan(audit, tmp_path):
    html = page(tmp_path, audit, [item()] if audit.judges else [])
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL)
    assert not re.search(r"\b(?:nan|None|inf)\b", body)
    assert "<main" in html


def test_a_smoke_matcher_is_a_banner_with_its_reliability(tmp_path):
    html = page(tmp_path, result(judge(), matcher_smoke_only=True, reliability=("AUC 0.5 is blind",)))
    assert "smoke" in html
    assert "AUC 0.5 is blind" in html


def test_all_items_are_embedded_when_they_fit(tmp_path):
    html = page(tmp_path, result(judge()), [item(f"p{i}") for i in range(30)])
    assert len(embedded(html)["items"]) == 30


def test_too_many_items_the_spurious_come_first_and_the_page_says_so(tmp_path):
    items = [item(f"p{i}", consistency=0.1 if i % 50 == 0 else 0.9) for i in range(MAX_ITEMS + 500)]
    sample = sample_items(items, 0.25)
    assert len(sample.items) <= MAX_ITEMS
    assert {f"p{i}" for i in range(0, len(items), 50)} <= {each.pair_id for each in sample.items}
    assert sample_items(items, 0.25) == sample
    assert f"{len(items):,}" in page(tmp_path, result(judge()), items)


def test_an_added_table_is_shown_and_must_fit_its_columns(tmp_path):
    section = TableSection(title="Extra", intro="why", columns=("m", "v"), rows=(("row", 0.123),), notes=("note!",))
    html = page(tmp_path, result(judge()), sections=[section])
    for shown in ("Extra", "why", "0.123", "note!"):
        assert shown in html
    with pytest.raises(ValueError, match="has 1 values for 2 columns"):
        TableSection(title="Bad", intro="", columns=("m", "v"), rows=(("row",),))


def test_every_id_on_the_page_is_there_once(tmp_path):
    html = page(tmp_path, result(judge("x"), judge("y"), tests=(paired_test("x", "y"),)), [item()])
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))
