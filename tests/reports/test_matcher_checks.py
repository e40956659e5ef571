"""The tables of matcher-check."""

import asyncio
import io

import pytest
from rich.console import Console

from rightly.jobs.matcher_check import MatcherCheckConfig, run
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.wide import check_widely
from rightly.reports.matcher_checks import check_sections
from rightly.reports.terminal import print_reward_fitness, print_sections


class Renamed(LexicalMatcher):
    """Word overlap under another name."""

    def __init__(self, name):
        super().__init__()
        self.name = self.fingerprint = name


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache") / "answers.db"
    return run(MatcherCheckConfig(matchers=("lexical", Renamed("local:a-matcher[bold]?relation=covers")), cache=cache))


@pytest.fixture(scope="module")
def sections(checked):
    return check_sections(checked.matchers, checked.wide, checked.stored)


def test_every_check_is_a_table_with_a_row_for_each_matcher(checked, sections):
    titles = [section.title.partition(":")[0] for section in sections]
    assert titles == [
        "SummHay", "UKPConvArg1", "Written probes", "Written probes", "Written probes", "ComVE", "WinoWhy", "Perspectrum",
        "Atomic points",
    ]  # fmt: skip
    assert [len(section.rows) for section in sections] == [8, *[2] * 8]
    for section in sections:
        assert {len(row) for row in section.rows} == {len(section.columns)}
        assert section.rows[0][0] == "lexical"
    comve = checked.wide[0].orders[0]
    assert sections[5].rows[0][1:] == (
        comve.above["confusing"],
        comve.accepted["right"].value,
        comve.accepted["confusing"].value,
    )


def test_tables_fit_100_columns_and_names_are_text(checked, sections):
    console = Console(file=io.StringIO(), width=100)
    print_sections(sections, console)
    print_reward_fitness(checked.matchers, console)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 100
    assert "…" not in shown
    assert "[bold]" in shown
    assert "lexical: Not fit as a training reward: it accepts too many near misses: polarity 44.7%" in " ".join(
        shown.split()
    )


def test_matchers_trained_on_another_part_are_marked(checked):
    wide = asyncio.run(check_widely(LexicalMatcher(), trained_on={"perspectrum", "snli"}))
    sections = check_sections(checked.matchers[:1], [wide], [])
    marked = [section.title.partition(":")[0] for section in sections if "lexical *" in section.rows[0]]
    assert marked == ["Perspectrum", "Atomic points"]
    assert any("* The matcher was trained" in note for note in sections[-1].notes)
    assert wide.orders[2].n + wide.orders[2].n_failed == 518


def test_only_the_checks_of_reports_can_be_run(checked, tmp_path):
    cache = tmp_path / "answers.db"
    few = run(MatcherCheckConfig(matchers=("lexical",), reports_only=True, cache=cache))
    assert few.wide == ()
    assert few.matchers == checked.matchers[:1]
    assert len(check_sections(few.matchers, few.wide, few.stored)) == 5
    assert len(list((tmp_path / "matchers").iterdir())) == 1


def test_the_result_survives_json(checked):
    assert type(checked).model_validate_json(checked.model_dump_json()) == checked
