"""HTML and SVG elements as pure functions. Text is escaped here and nowhere else."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Markup that is safe to put into a page as it is."""

    __slots__ = ()


Child = str | Html | None
"""What an element holds: text (which is escaped), markup, or nothing."""


_VOID = {"input"}
"""Elements that hold nothing and are not closed."""


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """An element.

    Args:
        name: Of the element.
        *children: Text and markup, in order.
        **attributes: ``class_`` is written ``class``, other underscores become hyphens; ``None`` and ``False`` are left
            out, ``True`` stands alone.

    >>> tag("p", "a < b", class_="x", data_n=1, hidden=True)
    '<p class="x" data-n="1" hidden>a &lt; b</p>'
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Text and markup one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children if child is not None))


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
