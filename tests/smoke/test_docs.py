"""The documents name files and options that exist."""

import importlib
import re
from pathlib import Path

import click
import pytest

from rightly.cli import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("docs/**/*.md"), *(ROOT / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md"))]
FILE = re.compile(r"`([\w./{},-]+/[\w.{},-]*\.(?:py|md|toml|txt))`")


def alternatives(name):
    """``a/{b,c}/d`` as ``a/b/d`` and ``a/c/d``."""
    found = re.search(r"\{([^}]*)\}", name)
    if found is None:
        return [name]
    return [each for part in found[1].split(",") for each in alternatives(name.replace(found[0], part, 1))]


def missing(text):
    places = (ROOT, ROOT / "src" / "rightly", ROOT / "docs")
    names = [each for name in FILE.findall(text) for each in alternatives(name)]
    return [name for name in names if "NAME" not in name and not any((place / name).exists() for place in places)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_names_files_that_exist(page):
    assert missing(page.read_text(encoding="utf-8")) == []


def test_a_file_that_is_gone_is_found():
    assert missing("see `metrics/clustered.py`, `jobs/{audit,gone}.py`") == ["jobs/gone.py"]


VERB = "|".join(VERBS)
COMMAND = re.compile(rf"rightly ((?:{VERB})\b(?:\\\n|[^\n`#|])*)")
OPTION = re.compile(r"(?<![\w.-])--[a-z][a-z-]*")


def unknown_options(text):
    unknown = []
    for line in COMMAND.findall(text):
        verb, *words = line.split()
        command = importlib.import_module(f"rightly.cli.{verb.replace('-', '_')}").command
        commands = [command]
        if isinstance(command, click.Group):
            commands += [command.commands[word] for word in words[:1] if word in command.commands]
        known = {name for each in commands for option in each.params for name in (*option.opts, *option.secondary_opts)}
        unknown += [f"{verb} {option}" for option in OPTION.findall(line) if option not in known | {"--help"}]
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_names_options_that_exist(page):
    assert unknown_options(page.read_text(encoding="utf-8")) == []


def test_an_option_that_is_gone_is_found():
    broken = "rightly strength p.jsonl --train 5 --by lora \\\n  --together pair # --spare"
    text = f"{broken}\n`rightly train genrm r.toml --set a=b`"
    assert unknown_options(text) == ["strength --by", "strength --together"]
