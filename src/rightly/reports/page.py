"""The frame of every report: one HTML file that asks for nothing, with its own script by its hash."""

import base64
import hashlib
from importlib import resources

from rightly.prompting import fill
from rightly.reports.markup import join


def page(title: str, body: str, *, styles: tuple[str, ...], script: str) -> str:
    """A whole page.

    Args:
        title: Plain text.
        body: Markup.
        styles: Names of style sheets among the assets.
        script: Name of the one script that may run.
    """
    code = asset(script)
    fields = {
        "policy": _policy(code),
        "title": join([title]),
        "style": "".join(asset(name) for name in styles),
        "body": body,
        "script": code,
    }
    return fill(asset("page.html"), fields)


def asset(name: str) -> str:
    """The text of a file among the assets."""
    return resources.files("rightly.reports").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """No request of any kind, inline styles, and this one script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
