"""The terminal's summary."""

import io

import pytest
from rich.console import Console

from rightly.judges.tally import JudgeTally
from rightly.reports.terminal import print_audit, print_tallies, print_tests
from tests.reports.factory import estimate, judge, paired_test, result


def printed(show, *values, width=80):
    console = Console(file=io.StringIO(), width=width)
    show(*values, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_an_audit_fits_its_columns_without_colour_codes(width):
    audit = result(judge("openai:a-model-with-a-rather-long-name?temperature=0&max_tokens=4096"), judge("first"))
    shown = printed(print_audit, audit, width=width)
    assert max(map(len, shown.splitlines())) <= width
    assert "\x1b" not in shown
    for figure in ("0.700", "0.400", "first"):
        assert figure in shown


def test_names_are_text_never_markup_or_emoji():
    shown = printed(print_audit, result(judge("openai:m: [bold]x[/]"), source="[red]s[/] :smile:"), width=120)
    assert "openai:m: [bold]x[/]" in shown
    assert "[red]s[/] :smile:" in shown


def test_missing_values_are_dashes():
    shown = printed(print_audit, result(judge(accuracy=None, consistency=None, spurious=estimate(None))))
    assert "–" in shown
    assert "None" not in shown


def test_tests_and_tallies():
    assert "0.099" in printed(print_tests, (paired_test("x", "y"),), width=120)
    assert "nothing to compare" in printed(print_tests, ())
    tally = JudgeTally(
        judge="x",
        n_judgments=1234,
        verdicts={"A": 1000, "B": 200, "tie": 4},
        failures={"unparsed": 30},
        n_labelled=900,
        accuracy=0.5,
    )
    shown = printed(print_tallies, (tally,), width=100)
    for figure in ("1,234", "1,000", "30 unparsed", "50.0%"):
        assert figure in shown
