"""Every page is a Jinja2 template, filled and escaped here: one HTML file that asks for nothing from anywhere."""

import base64
import hashlib
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rightly.reports import numbers
from rightly.reports.charts import along
from rightly.reports.tables import Column
from rightly.version import __version__


def write_page(path: Path, template: str, **fields: Any) -> None:
    """Write a page; the same fields give the same bytes.

    Args:
        path: The ``.html`` file; overwritten.
        template: Name of a file among the templates.
        **fields: What the template shows. Every string is text, never markup.

    Raises:
        jinja2.UndefinedError: The template uses a name that is not given.
    """
    page = environment().get_template(template).render(fields)
    # Lone surrogates have no UTF-8; as character references they are shown as the replacement character.
    path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


@cache
def environment() -> Environment:
    """The templates with the filters that print numbers: the same digits as in the terminal."""
    made = Environment(
        loader=PackageLoader("rightly.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    printed = (
        numbers.count, numbers.decimal, numbers.difference, numbers.failure_counts, numbers.hundred,
        numbers.hundred_interval, numbers.interval, numbers.money, numbers.p_value, numbers.percent, numbers.plural,
        numbers.ratio, numbers.tokens, along,
    )  # fmt: skip
    made.filters.update(
        {each.__name__: each for each in printed}, column=Column, apply=lambda value, macro: macro(value)
    )
    made.tests["known"] = numbers.known
    made.globals.update(asset=asset, column=Column, digest=digest, NONE=numbers.NONE, version=__version__)
    made.globals["zip"] = partial(zip, strict=True)
    # ASCII throughout: lone surrogates and line separators are escapes, too.
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": True, "allow_nan": False, "separators": (",", ":")}
    return made


@cache
def asset(name: str) -> Markup:
    """A style sheet or script of our own, as it stands."""
    return Markup(resources.files("rightly.reports").joinpath("assets", name).read_text(encoding="utf-8"))


def digest(script: str) -> str:
    """The hash by which a content security policy knows a script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
