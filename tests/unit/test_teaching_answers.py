"""The exercises of the course, judged: right answers pass, plausible wrong ones and liars lose their points."""

import inspect
import json
from pathlib import Path

import keras
import nbformat
import numpy as np
import pandas as pd
import pytest

from imagecourse.exercises.cells import find_exercises, grade_id, is_solution, is_test
from imagecourse.exercises.points import split_points
from imagecourse.teaching.judging.bench import Judge
from imagecourse.teaching.judging.child import Child
from imagecourse.teaching.judging.sandbox import NONE, Limits
from imagecourse.teaching.judging.sessions import start_judge, start_student
from imagecourse.teaching.release import visible_tests

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# chapter: exercise: how a right solution becomes a plausible wrong one
WRONG = {
    "01_preprocessing": {
        "convolve-tests": [("kernel[::-1, ::-1]", "kernel"), ('mode="edge"', 'mode="constant"')],
        "sharpening-kernel-tests": [("np.ones((3, 3)) / 3", "np.ones((3, 3))"), ("not in (4, 8)", "< 4")],
        "peak-signal-to-noise-tests": [(".astype(np.float64)", ""), ('float("inf")', "0.0")],
        "two-passes-tests": [("range(2)", "range(1)"), ('steps.append("sharpen")', 'steps.insert(0, "sharpen")')],
        "mean-gain-tests": [("np.mean(gains, axis=1)", "np.ravel(gains)"), (" - restoration.psnr(clean, image)", "")],
    },
    "02_photo_classifier": {
        "precision-recall-f1-tests": [("return precision, recall", "return recall, precision"), (" if hits", " if 1")],
        "own-network-tests": [("layers.GlobalAveragePooling2D()", "layers.Flatten()"), ("[half:]", "[:half]")],
        "cheapest-threshold-tests": [("[::-1])]", ")]"), ("alarm * (yes", "miss * (yes")],
    },
    "03_character_cnn": {
        "receptive-field-tests": [("kernel_size - 1", "kernel_size"), ("distance *= stride", "distance += stride")],
        "position-tests": [("GlobalMaxPooling2D", "Flatten"), ("here - there", "there - here")],
        "cake-tests": [("value >= least", "value > least"), (" - logits.max(axis=1, keepdims=True)", "")],
        "soften-tests": [("/ temperature", "* temperature"), (" / powers.sum(axis=1, keepdims=True)", "")],
    },
    "04_transfer_learning": {
        "zca-matrix-tests": [(" @ directions.T", ""), ("np.sqrt(variances + epsilon)", "(variances**0.5 + epsilon)")],
        "borrow-another-tests": [
            (" and not isinstance(layer, keras.layers.BatchNormalization)", ""),
            ("learns or layer.name == first", "layer.name == first"),
        ],
        "head-network-tests": [('activation="relu"', 'activation="tanh"'), ("Dropout(0.5)", "Dropout(0.05)")],
        "margins-tests": [
            ("fit(features[train], labels[train])", "fit(features, labels)"),
            ("scores[rows, labels[held_out]] = -np.inf", "pass"),
        ],
    },
    "05_saliency_and_feature_maps": {
        "integrate-tests": [("+ 0.5", ""), ("blank + alpha * (image - blank)", "alpha * image")],
        "cam-tests": [("np.maximum(", "np.subtract("), (" if positive.max() > 0 else positive", "")],
        "deletion-tests": [("-saliency", "saliency"), (".copy()", "")],
        "average-tests": [("GlobalAveragePooling2D", "GlobalMaxPooling2D"), (', activation="sigmoid"', "")],
    },
    "06_age_and_gender": {
        "two-headed-tests": [(', activation="sigmoid"', ""), ('name="age")(features)', 'name="age")(trunk()[1])')],
        "weight-study-tests": [('"age": weight', '"age": 1.0'), ("[validation]", "[train]")],
        "ordinal-tests": [("> np.arange", ">= np.arange"), (".sum(axis=1)", ".argmin(axis=1)")],
        "bootstrap-tests": [("[0.025, 0.975]", "[0.2, 0.8]"), (".mean(axis=1)", ".std(axis=1)")],
    },
    "07_captioning": {
        "masked-loss-tests": [("real.sum()", "real.size"), (" - logits.max(axis=-1, keepdims=True)", "")],
        "look-tests": [("powers.sum(axis=1, keepdims=True)", "powers.sum()"), ("- energies.max", "- 0 * energies.max")],
        "clipped-precision-tests": [("max(other", "sum(other"), ("min(own.count(gram), ", "max(0, ")],
        "blind-tests": [("[grid, written]", "[written]"), ("sequences=True)", "sequences=True, go_backwards=True)")],
    },
    "08_digitisation_demo": {
        "unshuffle-tests": [
            ("transpose(0, 2, 1, 3, 4).reshape(height //", "transpose(0, 2, 3, 1, 4).reshape(height //"),
            ("transpose(0, 2, 1, 3, 4).reshape(2 *", "transpose(0, 3, 1, 2, 4).reshape(2 *"),
        ],
        "wide-denoiser-tests": [
            ('not in ("conv1", f"conv{depth}")', 'not in ("conv1",)'),
            ("model.get_layer(name).set_weights(network.get_layer(name).get_weights())", "pass"),
        ],
        "relatives-tests": [("links | links.T |", "links |"), ("np.unique(groups, return_inverse=True)[1]", "groups")],
        "unfinished-tests": [
            ("done.get(name) != fingerprint(files[name])", "name not in done"),
            ("            continue", "            break"),
        ],
    },
}  # fmt: skip


# what the tests of a chapter take from cells that are no exercise
GIVEN = {
    "05_saliency_and_feature_maps": """
from imagecourse.networks import architectures
classes = list("ab")
network = explain.examine(architectures.character_cnn(2, 48), classes)
images = np.random.default_rng(1).integers(0, 256, (2, 48, 48, 3)).astype(np.float32)
early = keras.Sequential([keras.Input((9, 9, 3)), keras.layers.Conv2D(5, 3)])

def new_top():
    parts = keras.Input(early.output_shape[1:], name="maps")
    x = keras.layers.Conv2D(96, 3, padding="same", use_bias=False, name="look")(parts)
    x = keras.layers.BatchNormalization(momentum=0.9, name="look_norm")(x)
    x = keras.layers.Activation("relu", name="look_relu")(x)
    x = keras.layers.GlobalMaxPooling2D(name="anywhere")(x)
    x = keras.layers.Dropout(0.2, name="dropout")(x)
    return keras.Model(parts, keras.layers.Dense(len(classes), activation="sigmoid", name="answer")(x))
""",
    "08_digitisation_demo": """
import hashlib
from imagecourse.networks import restorers
network, depth = restorers.denoiser(4, 4), 4

def fingerprint(content):
    return hashlib.sha256(content).hexdigest()
""",
    "06_age_and_gender": """
layers, generator = keras.layers, np.random.default_rng(2)

def trunk():
    inputs = x = keras.Input((16, 16, 3))
    for number in (1, 2, 3):
        x = layers.Conv2D(2, 3, name=f"conv{number}")(x)
    return inputs, layers.Dense(64)(layers.Flatten()(x))

def age_network():
    inputs, features = trunk()
    return keras.Model(inputs, {"age": layers.Dense(1, name="age")(features)})

def train_heads(run, weights):
    noise = np.random.default_rng(run).normal(0, 0.3, 60)
    return {"age": (ages_true - 40) / 25 + noise, "gender": np.clip(0.5 + noise, 0, 1)}

def years(answers):
    return answers["age"] * 25 + 40

ages_true, order = generator.uniform(0, 90, 60), generator.permutation(60)
image_size, seeds, MIDDLE, SPREAD = 16, 2, 40, 25
train, validation, woman = order[:40], order[40:], np.tile([0.0, 1.0], 30)
""",
    "07_captioning": "side, channels = 2, 3",
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


class LyingText(str):
    """Equal to everything."""

    __hash__ = None

    def __eq__(self, other):
        return True


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
    if isinstance(value, pd.DataFrame):
        return None
    if isinstance(value, tuple | list):
        return type(value)(lie(part) for part in value)
    if isinstance(value, str):
        return LyingText()
    if isinstance(value, keras.Model):
        return keras.Model(value.inputs, value.inputs, name=value.name)  # it gives back what it gets
    return LyingNumber(0) if isinstance(value, int | float | np.number) else value


class Bench:
    """A chapter's exercises before a student and a judge, whose processes stay for all chapters."""

    def __init__(self, name: str, student: Child, judge: Child):
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        self.exercises = [exercise for exercise in find_exercises(notebook) if not exercise.by_hand]
        self.cells = {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}
        given = [notebook.cells[1], nbformat.v4.new_code_cell(GIVEN.get(name, ""))]
        graded = [cell for cell in notebook.cells if cell.cell_type == "code" and (is_solution(cell) or is_test(cell))]
        notebook.cells = [*given, *graded]
        self.name, self.student = name, student
        self.judge = Judge(notebook, lambda: judge, set())
        for cell in given:
            assert self.run(cell.source) is None

    def run(self, source: str) -> dict | None:
        _, pieces, late = self.student.ask({"do": "run"}, [source.encode()], 120)
        assert not late
        return json.loads(pieces[0])["error"]

    def passes(self, name: str, change=lambda solution: solution, disguised: bool = False) -> bool:
        (exercise,) = (exercise for exercise in self.exercises if exercise.name == name)
        asked = self.judge.asked(name)
        assert self.run(change(self.cells[exercise.solution])) is None
        if disguised:
            self.run("\n".join([LIES, *(f"{each} = disguised({each})" for each in asked)]))
        errors = [self.run(group.source) for group in split_points(visible_tests(self.cells[name]))]
        head, values, _ = self.student.ask({"do": "keep", "exercise": name, "names": asked}, [], 60)

        def ask(question: dict, pieces: list[bytes]) -> tuple[dict, list[bytes]]:
            reply, content, late = self.student.ask(question, pieces, 60)
            assert not late
            return reply, content

        verdict = self.judge.judge(name, head["kinds"], values, {}, ask, 60)
        assert not verdict.broken
        return not any(errors) and not any(verdict.reasons)


def disguised(function):
    """A function that gives lies instead of what it computes."""
    return lambda *arguments: lie(function(*arguments))


LIES = "import keras\nimport numpy as np\nimport pandas as pd\n" + "\n".join(
    map(inspect.getsource, (LyingArray, LyingNumber, lie, disguised))
)


@pytest.fixture(scope="module")
def bench():
    """Gives the bench of a chapter."""
    student, judge = start_student(NONE, Limits(), 2, {}), start_judge(Limits(), 2)
    current: list[Bench] = []

    def of(name: str) -> Bench:
        if not current or current[0].name != name:
            current[:] = [Bench(name, student, judge)]
        return current[0]

    yield of
    student.close()
    judge.close()


def test_every_exercise_of_these_chapters_has_wrong_answers():
    for chapter, exercises in WRONG.items():
        notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
        assert {exercise.name for exercise in find_exercises(notebook) if not exercise.by_hand} == set(exercises)


@pytest.mark.parametrize(("chapter", "name"), CASES)
def test_right_answers_pass_and_wrong_ones_do_not(bench, chapter, name):
    assert bench(chapter).passes(name)
    for right, wrong in WRONG[chapter][name]:
        assert right in bench(chapter).cells[name.removesuffix("-tests")]
        assert not bench(chapter).passes(name, lambda text, right=right, wrong=wrong: text.replace(right, wrong))


@pytest.mark.parametrize(("chapter", "name"), CASES)
def test_an_answer_that_equals_everything_does_not_pass(bench, chapter, name):
    assert not bench(chapter).passes(name, disguised=True)
