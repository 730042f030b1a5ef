"""The report as one HTML page: self-contained, interactive, and read from a file without a network.

`content` gathers everything from the run; `page.html` lays it out; the scripts beside it draw. What is too
much for a page is summed up or averaged, and the page says so: its size is bounded, whatever the run.
"""

from __future__ import annotations

from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from emulator.formats.files import write_atomic

if TYPE_CHECKING:
    from emulator.engine.result import Result

SCRIPTS = ("base.js", "energy.js", "ticks.js", "map.js", "core.js", "timeline.js", "main.js")
"""In the order in which they run; each defines functions that later ones call."""


def save_page(result: Result, path: str | PathLike[str], *, command: str | None = None) -> None:
    """Writes the page; replaces an older file as a whole. Raises ImageError.

    command: what a person typed to get the page, for its provenance.
    """
    write_atomic(path, page(result, command=command).encode())


def page(result: Result, *, command: str | None = None) -> str:
    """The page as HTML text. Same run, same text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from emulator.report.page.bundle import as_json, compressed, plotting_library
    from emulator.report.page.content import content

    loader = PackageLoader("emulator.report", "page")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text_of = partial(loader.get_source, templates)
    shown = content(result, command)
    return templates.get_template("page.html").render(
        shown=shown,
        style=text_of("page.css")[0],
        scripts="\n".join(text_of(name)[0] for name in SCRIPTS),
        data=compressed(as_json(shown.data | {"arrays": shown.arrays.index()}).encode()),
        arrays=compressed(shown.arrays.content()),
        library=plotting_library(),
    )
