"""docs/formats.md is complete and true: every format and field is there, and its own format works."""

import re
from pathlib import Path

import pytest

from rightly.judges.declared import read_answer
from rightly.judges.format import (
    Format,
    FormatMessage,
    ReasonsForm,
    Upstream,
    VerdictForm,
    format_names,
    load_format,
)
from rightly.judges.specs import _OWN
from rightly.types import Message, PreferencePair

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
MODELS = {
    "": Format,
    "message.": FormatMessage,
    "upstream.": Upstream,
    "verdict.": VerdictForm,
    "reasons.": ReasonsForm,
}


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """The rows of a section's table by their first cell."""
    listed = re.findall(r"^\| `([^`]+)`[^|]*\| (.*) \|$", section(title), re.MULTILINE)
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def test_the_page_names_every_field_and_no_other():
    fields = {f"{prefix}{name}" for prefix, model in MODELS.items() for name in model.model_fields}
    assert set(rows("All fields")) == fields


def test_the_page_states_defaults_of_the_fields():
    for name, row in rows("All fields").items():
        prefix, _, field = name.rpartition(".")
        info = MODELS[f"{prefix}." if prefix else ""].model_fields[field]
        stated = row.split(" | ")[0]
        computed = ("name", "title")  # the file's name
        assert (stated == "required") == (info.is_required() and name not in computed), name
        if isinstance(info.default, str) and info.default:
            assert stated == f'`"{info.default}"`', name


def test_the_page_lists_every_shipped_format_with_its_source():
    listed = rows("The shipped formats")
    assert sorted(listed) == format_names()
    for name in listed:
        form = load_format(name)
        if any(message.upstream for message in form.message) and "the same" not in listed[name]:
            assert form.upstream.repository in listed[name]
        kinds = {"json": "JSON list", "list": "list before", "sections": "headings", "prose": "prose"}
        assert kinds[form.reasons.at] in listed[name] or "the same" in listed[name]


def test_the_page_describes_every_option_of_a_spec():
    named = {row.partition("=")[0] for row in rows("Options of the spec")}
    assert named == {"format", "prompt", *_OWN}


def block(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", section("A format of your own"), re.MULTILINE | re.DOTALL)[0]


def test_the_format_to_copy_loads_asks_and_reads(tmp_path):
    path = tmp_path / "tagged.toml"
    path.write_text(block("toml"), encoding="utf-8")
    form = load_format(str(path))
    pair = PreferencePair(
        id="p", context=(Message(role="user", content="Which year?"),), responses=("1989", "1998"), label="B"
    )
    system, user = form.prompt(pair, max_reasons=4)
    assert system.role == "system"
    assert all(text in user.content for text in ("Which year?", "1989", "1998", "at most 4", "facts before style"))
    parsed = read_answer(block("text"), form)
    assert (parsed.verdict, len(parsed.rationales)) == ("B", 2)
    assert [reason.about for reason in parsed.rationales] == ["A", "B"]


@pytest.mark.parametrize("page", ["README.md", "docs/audit.md", "docs/serve.md"])
def test_pages_about_judges_link_to_the_formats(page):
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    assert "formats.md)" in text
