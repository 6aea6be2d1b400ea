"""Interactive parts of the notebooks, and what stands in for them on a static page."""

import os
from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
from IPython import get_ipython
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imagecourse.plots.quizzes import LETTERS, Question, as_text, judge, load_quiz, question_text


def is_live() -> bool:
    """Whether a person has this notebook open in Jupyter or VS Code; false under papermill, nbconvert and pytest."""
    shell = get_ipython()
    return shell is not None and ("JPY_SESSION_NAME" in os.environ or "__vsc_ipynb_file__" in shell.user_ns)


def explore(
    draw: Callable[..., Axes],
    rows: dict[str, Sequence],
    columns: dict[str, Sequence],
    live: dict[str, Sequence] | None = None,
) -> Figure | None:
    """Let the reader vary two settings: sliders in a live notebook, a grid of all combinations elsewhere.

    draw: called as draw(ax=…, NAME=value, NAME=value); rows, columns: one {name: values} each. Numbers get a slider
    over all values between the smallest and the largest, whole ones where all given are whole; other values a menu.
    live: {name: values} for those settings whose slider or menu offers more than the grid shows.
    Returns: the grid, or None when the sliders are shown.
    """
    (row_name, row_values), (column_name, column_values) = *rows.items(), *columns.items()
    if is_live():
        _show_sliders(draw, {row_name: row_values, column_name: column_values} | (live or {}))
        return None
    shape = len(row_values), len(column_values)
    figure, axes = plt.subplots(*shape, figsize=(2.8 * shape[1], 2.9 * shape[0]), squeeze=False)
    for row_value, row_axes in zip(row_values, axes, strict=True):
        for column_value, ax in zip(column_values, row_axes, strict=True):
            draw(ax=ax, **{row_name: row_value, column_name: column_value})
    return figure


def _show_sliders(draw: Callable[..., Axes], choices: dict[str, Sequence]) -> None:
    from ipywidgets import interact

    def draw_one(**values):
        figure, ax = plt.subplots(figsize=(6, 6))
        draw(ax=ax, **values)
        display(figure)
        plt.close(figure)

    interact(draw_one, **{name: _control(name, list(values)) for name, values in choices.items()})


def _control(name: str, values: list):
    """A slider over all numbers between the smallest and the largest value, or a menu where they are no numbers."""
    from ipywidgets import Dropdown, FloatSlider, IntSlider

    look = {"description": name, "style": {"description_width": "initial"}, "layout": {"width": "32rem"}}
    if not all(type(value) in (int, float) for value in values):
        return Dropdown(options=values, **look)
    low, high, middle = min(values), max(values), sorted(values)[len(values) // 2]
    look |= {"min": low, "max": high, "value": middle, "continuous_update": False}  # a picture takes a moment to draw
    whole = all(type(value) is int for value in values)
    return IntSlider(**look) if whole else FloatSlider(step=(high - low) / 100, readout_format=".2f", **look)


def show_quiz(chapter: str) -> None:
    """Show the quiz of a chapter such as `01_preprocessing`: to choose and check in a live notebook, as text elsewhere.

    On a static page the answers are folded up below the last question. Raises: FileNotFoundError for no such quiz.
    """
    questions = load_quiz(chapter)
    if not is_live():
        display(Markdown(as_text(questions)))
        return
    for number, question in enumerate(questions, 1):
        display(Markdown(question_text(number, question)))
        _show_choice(question)


def _show_choice(question: Question) -> None:
    from ipywidgets import Button, Output, RadioButtons, VBox

    letters = [(f"({letter})", index) for index, letter in enumerate(LETTERS[: len(question.options)])]
    choice, button, reply = RadioButtons(options=letters, index=None), Button(description="Check"), Output()

    def check(_) -> None:
        reply.clear_output(wait=True)
        with reply:
            display(Markdown(judge(question, choice.value)))

    button.on_click(check)
    display(VBox([choice, button, reply]))
