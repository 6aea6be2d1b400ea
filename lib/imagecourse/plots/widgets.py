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


def explore(draw: Callable[..., Axes], rows: dict[str, Sequence], columns: dict[str, Sequence]) -> Figure | None:
    """Let the reader vary two settings: sliders in a live notebook, a grid of all combinations elsewhere.

    draw: called as draw(ax=…, NAME=value, NAME=value); rows, columns: one {name: values} each.
    Returns: the grid, or None when the sliders are shown.
    """
    (row_name, row_values), (column_name, column_values) = *rows.items(), *columns.items()
    if is_live():
        _show_sliders(draw, {row_name: row_values, column_name: column_values})
        return None
    shape = len(row_values), len(column_values)
    figure, axes = plt.subplots(*shape, figsize=(2.8 * shape[1], 2.9 * shape[0]), squeeze=False)
    for row_value, row_axes in zip(row_values, axes, strict=True):
        for column_value, ax in zip(column_values, row_axes, strict=True):
            draw(ax=ax, **{row_name: row_value, column_name: column_value})
    return figure


def _show_sliders(draw: Callable[..., Axes], choices: dict[str, Sequence]) -> None:
    from ipywidgets import SelectionSlider, interact

    def draw_one(**values):
        figure, ax = plt.subplots(figsize=(6, 6))
        draw(ax=ax, **values)
        plt.show(figure)

    sliders = {name: SelectionSlider(options=list(values), description=name) for name, values in choices.items()}
    interact(draw_one, **sliders)


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
