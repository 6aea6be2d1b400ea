"""The exercises of the course: right answers pass, plausible wrong ones and liars lose their points."""

from pathlib import Path
from types import SimpleNamespace

import keras
import nbformat
import numpy as np
import pytest

from imagecourse import explain
from imagecourse.exercises.cells import find_exercises, grade_id
from imagecourse.networks import architectures

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# chapter: exercise: how a right solution becomes a plausible wrong one
WRONG = {
    "01_preprocessing": {
        "convolve-tests": [("kernel[::-1, ::-1]", "kernel"), ('mode="edge"', 'mode="constant"')],
        "sharpening-kernel-tests": [("identity - strength", "identity + strength"), ("not in (4, 8)", "< 4")],
        "peak-signal-to-noise-tests": [(".astype(np.float64)", ""), ('float("inf")', "0.0")],
    },
    "02_photo_classifier": {
        "precision-recall-f1-tests": [("return precision, recall", "return recall, precision"), (" if hits", " if 1")],
        "convolution-parameters-tests": [(" + 1) * filters", ") * filters"), ("kernel_size**2", "9")],
        "lowest-threshold-tests": [("np.sort(scores)", "np.sort(scores)[::-1]"), ("scores >= c", "scores > c")],
    },
    "03_character_cnn": {
        "convolve-tests": [("np.array(sums) + bias", "np.array(sums)"), (".max() for", ".mean() for")],
        "sizes-tests": [("(side_left - 2) // 2", "side_left // 2"), ("+ 1) * 64", ") * 64")],
        "cake-tests": [("value >= least", "value > least"), (" - logits.max(axis=1, keepdims=True)", "")],
        "soften-tests": [("/ temperature", "* temperature"), (" / powers.sum(axis=1, keepdims=True)", "")],
    },
    "04_transfer_learning": {
        "standardised-tests": [("values.std()", "values.var()"), ("max(values.std(), 1 /", "max(values.std(), 0 *")],
        "zca-matrix-tests": [(" @ directions.T", ""), ("np.sqrt(variances + epsilon)", "(variances**0.5 + epsilon)")],
        "head-weights-tests": [("(hidden + 1) *", "hidden *"), ("(features + 1) * classes", "features * classes")],
        "top-k-tests": [("higher < k", "higher <= k"), ("scores > own", "scores < own")],
    },
    "05_saliency_and_feature_maps": {
        "integrate-tests": [("+ 0.5", ""), ("blank + alpha * (image - blank)", "alpha * image")],
        "cam-tests": [("np.maximum(", "np.subtract("), (" if positive.max() > 0 else positive", "")],
        "deletion-tests": [("-saliency", "saliency"), (".copy()", "")],
    },
    "07_captioning": {
        "masked-loss-tests": [("real.sum()", "real.size"), (" - logits.max(axis=-1, keepdims=True)", "")],
        "look-tests": [("powers.sum(axis=1, keepdims=True)", "powers.sum()"), ("- energies.max", "- 0 * energies.max")],
        "clipped-precision-tests": [("max(other", "sum(other"), ("min(own.count(gram), ", "max(0, ")],
        "blind-tests": [("[grid, written]", "[written]"), ("sequences=True)", "sequences=True, go_backwards=True)")],
    },
}  # fmt: skip


def network_with_head(*hidden: int) -> SimpleNamespace:
    """Stands for a network whose trunk gives 8 features, and whose head is trained."""
    layers = [keras.layers.Dense(width) for width in (*hidden, 3)]
    return SimpleNamespace(
        trunk=SimpleNamespace(output_shape=(None, 8)), top=keras.Sequential([keras.Input((8,)), *layers])
    )


# what the tests of a chapter take from cells that are no exercise
GIVEN = {
    "02_photo_classifier": lambda: {"network": architectures.photo_cnn(6, 64)},
    "03_character_cnn": lambda: {
        "network": architectures.character_cnn(4, 48),
        "image_size": 48,
        "classes": list("abcd"),
    },
    "04_transfer_learning": lambda: {
        "linear": network_with_head(),
        "mlp": network_with_head(256),
        "breeds": list("abc"),
    },
    "07_captioning": lambda: {"side": 2, "channels": 3},
    "05_saliency_and_feature_maps": lambda: {
        "network": explain.examine(architectures.character_cnn(2, 48), list("ab")),
        "images": np.random.default_rng(1).integers(0, 256, (2, 48, 48, 3)).astype(np.float32),
    },
}
CASES = [(chapter, name) for chapter, exercises in WRONG.items() for name in exercises]


class LyingArray(np.ndarray):
    """Equal to everything."""

    def __array_function__(self, function, types, arguments, options):
        return True

    def __array_ufunc__(self, *arguments, **options):
        return np.True_

    def __repr__(self):
        return "right"


class LyingNumber(float):
    """Equal to everything."""

    __hash__ = None

    def __eq__(self, other):
        return True

    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__


def lie(value):
    """Something wrong that claims to be right."""
    if isinstance(value, np.ndarray):
        return np.zeros(value.shape).view(LyingArray)
    if isinstance(value, keras.Model):
        answer = value.predict_on_batch
        return SimpleNamespace(predict_on_batch=lambda inputs: lie(answer(inputs)), count_params=lambda: LyingNumber(0))
    if isinstance(value, tuple | list):
        return type(value)(lie(part) for part in value)
    return LyingNumber(0) if isinstance(value, int | float | np.number) else value


@pytest.fixture(scope="module")
def chapters():
    """Cells by name and ready-made names for each chapter: its imports, and what its tests take from other cells."""
    found = {}
    for name in WRONG:
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        cells = {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}
        names = dict(GIVEN.get(name, dict)())
        exec(notebook.cells[1].source, names)
        found[name] = (cells, names, [exercise for exercise in find_exercises(notebook) if not exercise.by_hand])
    return found


def passes(chapters, chapter, name, change=lambda solution: solution, disguise=None) -> bool:
    cells, names, exercises = chapters[chapter]
    (exercise,) = (exercise for exercise in exercises if exercise.name == name)
    space = dict(names)
    exec(change(cells[exercise.solution]), space)
    for function in set(space) - set(names) - {"__builtins__"}:
        if disguise:
            space[function] = lambda *arguments, right=space[function]: disguise(right(*arguments))
    try:
        with np.errstate(all="ignore"):
            exec(cells[name], space)
    except (AssertionError, ArithmeticError, AttributeError, TypeError, ValueError):
        return False
    return True


def test_every_exercise_of_these_chapters_has_wrong_answers(chapters):
    assert {chapter: {exercise.name for exercise in found[2]} for chapter, found in chapters.items()} == {
        chapter: set(exercises) for chapter, exercises in WRONG.items()
    }


@pytest.mark.parametrize(("chapter", "name"), CASES)
def test_right_answers_pass_and_wrong_ones_do_not(chapters, chapter, name):
    assert passes(chapters, chapter, name)
    for right, wrong in WRONG[chapter][name]:
        assert right in chapters[chapter][0][name.removesuffix("-tests")]
        assert not passes(chapters, chapter, name, lambda text, right=right, wrong=wrong: text.replace(right, wrong))


@pytest.mark.parametrize(("chapter", "name"), CASES)
def test_an_answer_that_equals_everything_does_not_pass(chapters, chapter, name):
    assert not passes(chapters, chapter, name, disguise=lie)
