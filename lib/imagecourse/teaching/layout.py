"""Pages for a class in the look of the report site; each opens complete without a network."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib.figure import Figure
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from imagecourse.files import atomic_path
from imagecourse.reports.prose import data_uri


@cache
def _environment() -> Environment:
    loaders = [PackageLoader("imagecourse.teaching", "pages"), PackageLoader("imagecourse.reports", "")]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(enabled_extensions=("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "–" if value is None else f"{round(value, 2):g}"
    environment.filters["code"] = to_code
    colours = HtmlFormatter(style="default").get_style_defs(".code")
    styles = [environment.get_template(name).render() for name in ("style.css", "class.css")]
    environment.globals["style"] = Markup("\n".join([colours, *styles]))
    return environment


def render(template: str, **values: object) -> str:
    """A template of `pages/` as text; in pages every value is escaped."""
    return _environment().get_template(template).render(**values)


def write_page(path: Path, template: str, **values: object) -> Path:
    """Render a template of `pages/` into a file."""
    text = render(template, **values)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def to_code(source: str) -> Markup:
    """Coloured Python."""
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def picture(draw: Callable, width: float, height: float) -> str:
    """A figure as a data address. draw: called with the axes; width, height in inches."""
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    draw(figure.subplots())
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return data_uri("image/png", stream.getvalue())
