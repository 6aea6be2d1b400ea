"""Figures of training and of answers: what they show is what the tables hold."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from imagecourse import plots
from imagecourse.evaluation import confusion_matrix_table, precision_recall_table
from imagecourse.plots import widgets


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_learning_curves_mark_the_lowest_validation_loss():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2, 1], "val_loss": [3.0, 1.5, 2]})
    ax = plots.learning_curves(history)
    training, validation = ax.get_lines()
    assert training.get_ydata().tolist() == [3, 2, 1]
    assert validation.get_ydata().tolist() == [3, 1.5, 2]
    assert ax.collections[0].get_offsets().tolist() == [[2, 1.5]]


def test_confusion_matrix_shows_counts_with_truth_in_rows():
    table = confusion_matrix_table(np.array([0, 0, 0, 1]), np.eye(2)[[0, 0, 1, 1]], ["a", "b"])
    ax = plots.confusion_matrix(table)
    assert [text.get_text() for text in ax.texts] == ["2", "1", "0", "1"]
    assert ax.collections[0].get_array().flatten().tolist() == pytest.approx([2 / 3, 1 / 3, 0, 1])


def test_confusion_matrix_takes_a_class_without_images():
    ax = plots.confusion_matrix(confusion_matrix_table(np.array([0]), np.eye(2)[[0]], ["a", "b"]))
    assert [text.get_text() for text in ax.texts] == ["1", "0", "0", "0"]


def test_precision_recall_puts_the_dot_at_the_threshold():
    table = precision_recall_table(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.6, 0.9]))
    ax = plots.precision_recall(table, "model", threshold=0.4)
    assert ax.collections[0].get_offsets()[0].tolist() == pytest.approx([1, 2 / 3])


def test_reliability_groups_images_of_like_confidence():
    scores = np.array([[0.95, 0.05], [0.93, 0.07], [0.35, 0.65]])
    ax = plots.reliability(np.array([0, 1, 1]), scores)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.65, 1], [0.94, 0.5]])
    small, large = ax.collections[0].get_sizes()
    assert small < large


def test_answer_bars_show_each_probability_mark_the_true_classes_and_hide_empty_places():
    images, scores = [np.zeros((4, 4, 3), np.uint8)] * 3, np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    figure = plots.answer_bars(images, scores, ["a", "b"], ["first", "second", "third"], [("a",), (), ("a", "b")])
    bars = figure.axes[1::2]
    assert [[bar.get_width() for bar in ax.patches] for ax in bars[:3]] == scores.tolist()
    first, second, third = ([bar.get_facecolor() for bar in ax.patches] for ax in bars[:3])
    assert first[0] == third[0] == third[1] != first[1] == second[0] == second[1]
    assert [ax.get_title(loc="left") for ax in bars] == ["first", "second", "third", ""]
    assert not bars[3].axison


def test_explore_draws_a_grid_where_nobody_can_turn_a_knob():
    calls = []
    figure = widgets.explore(lambda ax, **values: calls.append(values), {"noise": (5, 50)}, {"model": ("a", "b", "c")})
    assert len(figure.axes) == 6
    assert calls[0] == {"noise": 5, "model": "a"} and calls[-1] == {"noise": 50, "model": "c"}


def test_sliders_offer_all_values_in_between_and_more_than_the_grid(monkeypatch):
    shown, drawn = {}, []
    monkeypatch.setattr(widgets, "display", lambda figure: None)
    monkeypatch.setattr(widgets, "is_live", lambda: True)
    monkeypatch.setattr("ipywidgets.interact", lambda function, **controls: shown.update(controls, draw=function))
    more = {"noise": (0, 80), "model": ("a", "b")}
    assert (
        widgets.explore(lambda ax, **values: drawn.append(values), {"threshold": (0.2, 0.5)}, {"model": ("a",)}, more)
        is None
    )
    assert (shown["noise"].min, shown["noise"].max, type(shown["noise"].value)) == (0, 80, int)
    assert shown["threshold"].step == pytest.approx(0.003) and shown["threshold"].max == 0.5
    assert shown["model"].options == ("a", "b")
    assert all(shown[name].style.description_width == "initial" for name in more)
    shown["draw"](noise=33)
    assert drawn == [{"noise": 33}]
