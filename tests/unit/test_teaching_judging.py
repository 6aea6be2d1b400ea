"""What hidden tests may do with the student's functions: everything that data can carry, and points in groups."""

import time

import nbformat
import psutil
import pytest
from classroom import METADATA, Classroom, cell, exercise

from imagecourse.exercises.check import check_notebook
from imagecourse.exercises.outcomes import FAILED, PARTLY, PASSED
from imagecourse.exercises.points import check_points, split_points
from imagecourse.exercises.variants import Variant
from imagecourse.teaching.feedback import write_feedback
from imagecourse.teaching.judging.given import GIVEN, SOLUTION, TEST, Cell, needs_of
from imagecourse.teaching.judging.sandbox import Limits
from imagecourse.teaching.marks import read_marks
from imagecourse.teaching.release import student_version
from imagecourse.teaching.told import tell

TITLE = cell("markdown", "title", "# 01 · Everything")
IMPORTS = cell("code", "imports", "import keras\nimport numpy as np\nimport pandas as pd\n"
                                  "from imagecourse.exercises.variants import Variant")  # fmt: skip
GIVEN_CELLS = [
    TITLE,
    IMPORTS,
    cell("code", "parameters", 'student = ""\nside = 4\noutput_dir = "../reports/x"'),
    cell("code", "setup", 'class Scale:\n    factor = 3\n\n\nscale = Scale()\nmine = Variant(student, "variant")\n'
                          'power = mine.integer("power", 2, 9)\nprint("set up")'),
]  # fmt: skip
# name: the teacher's body, the visible test, the hidden test, and how the body becomes wrong
PROTOCOL = {
    "called-back": (
        "return sum(values(place) for place in range(4))",
        "assert called_back(lambda x: x) == 6",
        "calls = []\nassert called_back(lambda x: calls.append(x) or 2 * x) == 12\nassert calls == [0, 1, 2, 3]\n"
        "assert called_back(np.negative) == -6 and called_back(float) == 6.0",
        ("range(4)", "range(1, 4)"),
    ),
    "callback-raises": (
        "try:\n    return values(0)\nexcept ZeroDivisionError:\n    return -1.0",
        "assert callback_raises(lambda x: 1 + x) == 1",
        "def invert(x):\n    return 1 / x\n\n\nassert callback_raises(invert) == -1.0",
        ("-1.0", "-2.0"),
    ),
    "refuses": (
        'if len(values) == 0:\n    raise ValueError("no values")\nreturn values[0]',
        "assert refuses([3]) == 3",
        "try:\n    refuses([])\n    raise AssertionError('empty lists must be refused')\nexcept ValueError as error:\n"
        "    assert 'no values' in str(error)",
        ("ValueError", "IndexError"),
    ),
    "keeps-its-argument": (
        "values = values.copy()\nvalues += 1\nreturn values",
        "assert keeps_its_argument(np.zeros(2)).tolist() == [1, 1]",
        "start = np.arange(3.0)\nkeeps_its_argument(start)\nassert start.tolist() == [0, 1, 2]",
        ("values = values.copy()\n", ""),
    ),
    "changes-its-argument": (
        "values.append(len(values))\nvalues[0].fill(7)",
        "assert changes_its_argument([np.zeros(1)]) is None",
        "listed, array = [np.zeros(2)], np.zeros(2)\nchanges_its_argument(listed)\nassert listed[1:] == [1]\n"
        "assert listed[0].tolist() == [7, 7]",
        ("7", "8"),
    ),
    "table": (
        'return values.groupby("label", as_index=False)["score"].mean()',
        'assert len(table(pd.DataFrame({"label": ["a"], "score": [1.0]}))) == 1',
        'found = table(pd.DataFrame({"label": list("aba"), "score": [1.0, 5.0, 2.0]}))\n'
        'assert type(found) is pd.DataFrame and found["score"].tolist() == [1.5, 5.0]',
        ("mean()", "max()"),
    ),
    "network": (
        'return keras.Sequential([keras.Input((values,)), keras.layers.Dense(5, activation="relu")])',
        "assert network(3).count_params() == 20",
        "built = network(7)\nassert isinstance(built, keras.Model) and built.count_params() == 40\n"
        "assert built.layers[-1].activation is keras.activations.relu\n"
        "assert np.asarray(built(np.ones((2, 7)))).shape == (2, 5)",
        ("relu", "tanh"),
    ),
    "takes-a-network": (
        "return sum(layer.count_params() for layer in values.layers)",
        "assert takes_a_network(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])) == 9",
        "large = keras.Sequential([keras.Input((9,)), keras.layers.Dense(10), keras.layers.Dense(2)])\n"
        "assert takes_a_network(large) == 122",
        ("layer in values.layers", "layer in values.layers[:1]"),
    ),
    "freezes": (
        "for layer in values.layers[:-1]:\n    layer.trainable = False\nreturn values",
        "assert len(freezes(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])).layers) == 1",
        "two = keras.Sequential([keras.Input((9,)), keras.layers.Dense(10), keras.layers.Dense(2)])\n"
        "assert [layer.trainable for layer in freezes(two).layers] == [False, True]",
        ("[:-1]", ""),
    ),
    "tensor": (
        "return keras.ops.square(values)",
        "assert float(tensor(2.0)) == 4",
        "np.testing.assert_allclose(np.asarray(tensor(np.array([1.0, 3.0]))), [1, 9])",
        ("square", "negative"),
    ),
    "given-object": (
        "return values.factor * 2",
        "assert given_object(scale) == 6",
        "assert given_object(scale) == 2 * Scale.factor and type(given_object(scale)) is int",
        ("* 2", "* 2.0"),
    ),
    "variant": (
        "return values**power",
        "assert variant(1) == 1",
        "assert variant(3) == 3**power and power == Variant(student, 'variant').integer('power', 2, 9)",
        ("**power", "**2"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def protocol(tmp_path_factory) -> Classroom:
    """All kinds of hidden tests, one student right in all of them and one wrong in all of them."""
    cells = [*GIVEN_CELLS]
    for name, (body, shown, hidden, _) in PROTOCOL.items():
        cells += exercise(name, body, shown, hidden, 1)
    cells += [
        cell("markdown", "class-exercise", "#### Exercise (1 point): a class"),
        cell("code", "counter", "class Counter:\n    ### BEGIN SOLUTION\n    def __init__(self, start):\n"
             "        self.count = start\n        self.parts = object()\n\n    def add(self, step):\n"
             "        self.count += step\n        return self.count\n    ### END SOLUTION\n\n\n"
             "### BEGIN SOLUTION\nlevel = {'a': np.arange(3)}\n### END SOLUTION", solution=True),
        cell("code", "counter-tests", "counter = Counter(2)\nassert counter.add(3) == 5\n### BEGIN HIDDEN TESTS\n"
             "other = Counter(start=10)\nassert other.add(step=-4) == 6 and other.count == 6 and counter.count == 5\n"
             "assert level['a'].tolist() == [0, 1, 2]\n### END HIDDEN TESTS", grade=True, locked=True, points=1),
    ]  # fmt: skip
    room = Classroom(tmp_path_factory.mktemp("protocol"), cells, Limits(seconds=60))
    room.hand_in_model_answers("s-17")
    wrong = {name: next(each.source for each in room.source.cells if each.id == name).replace(*change)
             for name, (_, _, _, change) in PROTOCOL.items()}  # fmt: skip
    counter = next(each.source for each in room.source.cells if each.id == "counter")
    room.hand_in("s-18", wrong | {"counter": counter.replace("+= step", "= 5")})
    room.grade(jobs=2)
    return room


@pytest.mark.parametrize("number", range(len(PROTOCOL) + 1), ids=[*PROTOCOL, "counter"])
def test_hidden_tests_reach_all_kinds_of_answers(protocol, number):
    right, wrong = protocol.marks("s-17")[number], protocol.marks("s-18")[number]
    assert (right.state, right.points, right.message) == ("graded", 1, "")
    assert (wrong.state, wrong.points) == ("zero", 0)


def test_nothing_in_that_class_is_remarked_on_or_failed(protocol):
    assert {mark.remarks for mark in protocol.marks("s-17")} == {""}


def test_a_student_has_the_same_values_wherever_the_id_is_known():
    values = {Variant(student, "e").integer("n", 1, 1000) for student in ("ann", "bob", "cat", "dan", "")}
    assert len(values) == 5 and all(1 <= value <= 1000 for value in values)
    assert Variant(" ANN ", "e").choice("n", "abc") == Variant("ann", "e").choice("n", "abc")
    assert Variant("", "e").choice("n", "abc") == "a" and Variant("", "e").seed() == 0
    assert Variant("ann", "e").seed() != Variant("ann", "f").seed()
    with pytest.raises(ValueError, match="no values"):
        Variant("ann", "e").choice("n", [])


UNPLAIN = [
    TITLE,
    cell("code", "imports", "import numpy as np"),
    *exercise("lazy", "return [2 * each for each in values]", "assert list(lazy([1])) == [2]",
              "assert list(lazy([4])) == [8]"),
    *exercise("unjudged", "return values", "assert unjudged(1) == 1", "assert unjudged(iter([])) is None"),
    *exercise("uses", "return len(values)", "assert uses([1]) == 1", "assert uses([1, 2]) == 2"),
]  # fmt: skip


def test_what_is_no_data_is_said_and_a_test_that_cannot_be_judged_is_the_teachers(tmp_path):
    room = Classroom(tmp_path, UNPLAIN)
    given = {
        "unjudged": "def unjudged(values):\n    return values",
        "uses": "def uses(values):\n    return len(values)",
    }
    room.hand_in("ann", given | {"lazy": "def lazy(values):\n    return (2 * value for value in values)"})
    summary = room.grade()
    lazy, unjudged, uses = room.marks("ann")
    assert (lazy.state, lazy.message) == ("zero", "lazy gives a generator; plain data is wanted.")
    assert unjudged.state == "failed to run" and "not your fault" in unjudged.message
    assert "unjudged-tests: cannot be judged" in unjudged.remarks and "cannot be judged" in summary.failures[0]
    assert (uses.state, uses.points) == ("graded", 4)


SHARED = [
    TITLE,
    cell("code", "imports", "import numpy as np\nfrom types import SimpleNamespace"),
    cell("code", "given", "size = 2\ndata = np.arange(4.0)\nholder = SimpleNamespace(values=np.arange(3.0))\n\n\n"
                          "def scaled(value):\n    return size * value"),
    *exercise("double", "return 2 * values", "assert double(data[:2]).tolist() == [0, 2]",
              "assert double(data).tolist() == [0, 2, 4, 6] and double(holder.values).tolist() == [0, 2, 4]\n"
              "assert scaled(1) == 2"),
    cell("code", "later", "size = 5"),
    *exercise("fivefold", "return 5 * values", "assert fivefold(1) == scaled(1)",
              "assert fivefold(3) == scaled(3) == 15"),
]  # fmt: skip


def test_what_one_student_changes_stays_with_that_student(tmp_path):
    room = Classroom(tmp_path, SHARED)
    right = {
        "double": "def double(values):\n    return 2 * values",
        "fivefold": "def fivefold(values):\n    return 5 * values",
    }
    changing = "def double(values):\n    values *= 2\n    return values"
    room.hand_in("a-changing", right | {"double": changing})
    room.hand_in("b-right", right)
    room.hand_in("c-half", {"double": right["double"]})
    room.grade(jobs=1)
    assert [room.states(name)[0] for name in ("a-changing", "b-right", "c-half")] == [
        ("zero", 0), ("graded", 4), ("graded", 4)]  # fmt: skip
    assert room.states("b-right")[1] == ("graded", 4) and room.states("c-half")[1] == ("zero", 0)


GROUPED = """values = [3.0, 4.0]
# 1 point: the length
assert norm(values) == 5, "three, four, five"
# 2 points: negative values
assert norm([-6.0, 8.0]) == 10, "signs do not matter"
### BEGIN HIDDEN TESTS
assert norm([-1.5, -2.0]) == 2.5
# 1.5 points: nothing at all
assert norm([]) == 0
### END HIDDEN TESTS"""
NORMS = [
    TITLE,
    cell("code", "imports", "import numpy as np"),
    cell("markdown", "norm-exercise", "#### Exercise 1 (4.5 points): the norm"),
    cell("code", "norm", "def norm(values):\n    ### BEGIN SOLUTION\n"
         "    return float(np.sqrt(sum(v * v for v in values)))\n    ### END SOLUTION", solution=True),
    cell("code", "norm-tests", GROUPED, grade=True, locked=True, points=4.5),
]  # fmt: skip
NORM_ANSWERS = {
    "all": ("return float(np.sqrt(sum(v * v for v in values)))", 4.5, ""),
    "signs": ("return float(np.sqrt(sum(v * abs(v) for v in values)))", 2.5,
              "−2: negative values. signs do not matter"),
    "hidden": ("return float(np.sqrt(sum(v * v for v in values))) if len(values) and values[0] != -1.5 else None", 1,
               "−2: negative values. The tests you can see pass; a further test, on other values, does not.\n"
               "−1.5: nothing at all. The tests you can see pass"),
    "raises": ("return float(np.sqrt(values[0] ** 2 + values[1] ** 2))", 3, "−1.5: nothing at all."),
    "none": ("return None", 0, "−1: the length. three, four, five\n−2: negative values. signs do not matter"),
}  # fmt: skip


@pytest.fixture(scope="module")
def norms(tmp_path_factory) -> Classroom:
    room = Classroom(tmp_path_factory.mktemp("norms"), NORMS)
    for name, (body, _, _) in NORM_ANSWERS.items():
        room.hand_in(name, {"norm": f"def norm(values):\n    {body}"})
    room.grade(jobs=2)
    return room


@pytest.mark.parametrize("name", NORM_ANSWERS)
def test_each_group_gives_its_points_and_says_why_not(norms, name):
    _, points, message = NORM_ANSWERS[name]
    (mark,) = norms.marks(name)
    assert mark.points == points and mark.message.startswith(message)
    assert mark.state == ("graded" if points == 4.5 else "partly right" if points else "zero")
    assert "[-1.5" not in next(path for path in write_feedback(norms.graded) if path.parent.name == name).read_text()


def test_students_see_their_groups_too(norms, tmp_path):
    answers = {"norm": "def norm(values):\n    return float(np.sqrt(sum(v * abs(v) for v in values)))"}
    notebook = nbformat.from_dict(norms.release)
    notebook.cells[3].source = answers["norm"]
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    ((_, outcome),) = check_notebook(tmp_path / "mine.ipynb", 60)
    assert [child.name() for child in psutil.Process().children() if "ipykernel_launcher" in child.cmdline()] == []
    assert (outcome.status, outcome.points) == (PARTLY, 1)
    assert outcome.message == "−2: negative values. signs do not matter"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("# 2 points", "# 3 points"), "give 5.5 points, the cell 4.5"),
        (("# 2 points: negative values", "# 2 points: the length"), "the same title"),
        (("assert norm([]) == 0", "assert norm([]) == zero"), None),
        (("assert norm([-6.0, 8.0]) == 10", "large = 10\nassert norm([-6.0, 8.0]) == large"), None),
        (("assert norm([]) == 0", "assert norm([]) == 0 * len(other)"), None),
    ],
)
def test_groups_have_to_add_up_and_stand_alone(change, reason):
    source = GROUPED.replace(*change)
    if reason:
        with pytest.raises(ValueError, match=reason):
            check_points(source, 4.5)
    else:
        check_points(source, 4.5)


def test_a_group_that_needs_another_is_refused():
    source = GROUPED.replace("assert norm(values) == 5", "wanted = 5\nassert norm(values) == wanted")
    check_points(source, 4.5)
    with pytest.raises(ValueError, match="needs wanted of another group"):
        check_points(source.replace("assert norm([]) == 0", "assert norm([]) == wanted - 5"), 4.5)
    with pytest.raises(ValueError, match="no code of its own"):
        check_points("for x in [1]:\n    pass\n# 1 point: a\n    assert x\n# 1 point: b\npass", 2)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.from_dict(each) for each in NORMS],
                                        metadata=METADATA)  # fmt: skip
    notebook.cells[-1].source = GROUPED.replace("# 2 points", "# 3 points")
    with pytest.raises(ValueError, match="points"):
        student_version(notebook)
    assert [group.points for group in split_points(GROUPED)] == [0, 1, 2, 1.5]


LOOPS = [
    TITLE,
    cell("code", "imports", "import numpy as np"),
    *exercise("first", "return values", "assert first(1) == 1", "assert first(2) == 2"),
    cell("code", "uses-first", "for _ in range(3):\n    first(1)\nplotted = first(3)"),
    cell("code", "uses-plotted", "print(plotted)"),
    *(cell("code", f"uses-first-{number}", "first(1)") for number in range(4)),
    *exercise("second", "return values", "assert second(1) == 1", "assert second(2) == 2"),
    *exercise("third", "return values", "assert third(1) == 1", "assert third(2) == 2"),
]
IGNORES = "import signal\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    "
FOREVER = "while True:\n        pass"
SECONDS = 3
LOOPERS = {
    "interrupted": {"first": f"def first(values):\n    {FOREVER}"},
    "ignoring": {"first": f"def first(values):\n    {IGNORES}{FOREVER}"},
    "hidden": {"first": f"def forever():\n    {IGNORES}{FOREVER}\n\n\ndef first(values):\n"
                        "    return forever() if values == 2 else values"},
    "ending": {"first": "def first(values):\n    import os\n    os._exit(0)"},
    "in-the-cell": {"first": f"def first(values):\n    return values\n\n\nif True:\n    {IGNORES}{FOREVER}"},
}  # fmt: skip
REST = {name: f"def {name}(values):\n    return values" for name in ("second", "third")}


@pytest.fixture(scope="module")
def loops(tmp_path_factory) -> Classroom:
    room = Classroom(tmp_path_factory.mktemp("loops"), LOOPS, Limits(seconds=SECONDS, memory=2**30, disk=50 * 2**20))
    for name, answers in LOOPERS.items():
        room.hand_in(name, answers | REST)
    room.hand_in("all", {name: f"def {name}(values):\n    {IGNORES}{FOREVER}" for name in ("first", "second", "third")})
    room.hand_in(
        "cells", {"uses-first": "while True:\n    pass", "first": "def first(values):\n    return values"} | REST
    )
    start = time.monotonic()
    room.grade(jobs=2)
    room.seconds = time.monotonic() - start
    return room


@pytest.mark.parametrize("name", LOOPERS)
def test_a_loop_without_end_costs_its_own_exercise_alone(loops, name):
    first, second, third = loops.marks(name)
    assert first.state == ("failed to run" if name == "ending" else "timed out")
    assert [(mark.state, mark.points) for mark in (second, third)] == [("graded", 4)] * 2
    assert "longer than" in first.message or name == "ending"


def test_more_loops_cost_no_more_than_about_twice_the_limit(loops):
    from imagecourse.files import read_json

    seconds = {path.parts[-4]: read_json(path)["seconds"] for path in loops.graded.glob("results/*/*/*/outcome.json")}
    grace = 3 * 5 + 10  # to answer interrupts, and to start again
    assert {mark.state for mark in loops.marks("all")} == {"timed out"}
    assert seconds["all"] < 2 * SECONDS + grace
    assert [mark.points for mark in loops.marks("cells")] == [4, 4, 4]
    assert {mark.student for mark in read_marks(loops.graded)} == {*LOOPERS, "all", "cells"}


def test_a_chapter_that_needs_more_than_it_may_is_not_the_students_fault(tmp_path):
    heavy = cell("code", "heavy", "import os\nos.kill(os.getpid(), 9)")  # as the kernel does with what takes too much
    cells = [*LOOPS[:5], heavy, *exercise("later", "return values", "assert later(1) == 1")]
    room = Classroom(tmp_path, cells)
    room.hand_in(
        "ann", {"first": "def first(values):\n    return values", "later": "def later(values):\n    return values"}
    )
    summary = room.grade()
    assert room.states("ann") == [("graded", 4), ("failed to run", 0)]
    assert "in a cell of the chapter" in summary.failures[0]


def test_which_cells_a_test_needs():
    cells = [
        Cell("import numpy as np\nimport os", GIVEN),
        Cell("size = 3", GIVEN),
        Cell("table = np.zeros(size)", GIVEN),
        Cell("table[0] = 1\ndef helper(x):\n    local = os\n    return table + x", GIVEN),
        Cell("def f(x):\n    return x", SOLUTION),
        Cell("made = f(size)", GIVEN),
        Cell("for size in [9]:\n    slow = size", GIVEN),
        Cell("assert f(1) == helper(made) and student", TEST, "t"),
    ]
    needs = needs_of(7, cells, {"student"})
    assert (needs.shared, needs.own, needs.asked) == ([0, 1, 2, 3], [5], ["f", "student"])


def test_words_for_students_come_from_the_release():
    test = 'x = 1\nassert f(\n    x) == 2, "two is wanted"\nnp.testing.assert_allclose(f(2), 3, err_msg="three")'
    assert tell({"name": "AssertionError", "text": "two is wanted", "line": 3}, test) == "two is wanted"
    assert tell({"name": "AssertionError", "text": "c2VjcmV0", "line": 2}, test) == (
        'This does not hold: assert f( x) == 2, "two is wanted"'
    )
    assert tell({"name": "AssertionError", "text": None, "line": "2"}, test) == "This does not hold: the test"
    compared = "\nNot equal to tolerance rtol=1e-07, atol=0\nthree\nMismatched elements: 1 / 1 (100%)\n" \
               " ACTUAL: array([5., nan])\n DESIRED: array([1, 2])"  # fmt: skip
    told = tell({"name": "AssertionError", "text": compared, "line": 4}, test)
    assert told == "three\n ACTUAL: array([5., nan])\n DESIRED: array([1, 2])"
    forged = compared.replace("array([5., nan])", "'c2VjcmV0'").replace("three", "b64")
    assert "c2V" not in tell({"name": "AssertionError", "text": forged, "line": 4}, test)
    assert tell({"name": "KeyError", "text": "c2V", "line": 1}, test).startswith("KeyError in this line: x = 1")
    assert tell({"name": "c2VjcmV0", "text": "", "line": 1}, test).startswith("An error of its own kind")


CHECKED = [
    TITLE,
    cell("code", "imports", "import numpy as np"),
    *exercise("first", "return values", 'np.testing.assert_allclose(first([1.0, 2.0]), [1, 2], err_msg="as they are")'),
    *exercise("second", "return values", "assert second(1) == 1"),
    *exercise("third", "return values", "assert third(1) == 1"),
]


def test_check_names_the_line_of_a_missing_colon_and_the_values_that_differ(tmp_path):
    notebook = Classroom(tmp_path / "room", CHECKED).release
    answers = {"first": "def first(values):\n    return np.array([1.0, 5.0])",
               "second": "x = 1\ndef second(values)\n    pass",
               "third": "def third(values):\n    return values"}  # fmt: skip
    for each in notebook.cells:
        each.source = answers.get(each.id, each.source)
        each.pop("id")
    notebook.nbformat_minor = 4
    nbformat.write(notebook, tmp_path / "mine.ipynb", version=nbformat.NO_CONVERT)
    first, second, third = (outcome for _, outcome in check_notebook(tmp_path / "mine.ipynb", 60))
    assert first.message == "as they are\n ACTUAL: array([1., 5.])\n DESIRED: array([1, 2])"
    assert second.message == "The cell of your solution is no Python yet: expected ':', in line 2."
    assert [first.status, second.status, third.status] == [FAILED, FAILED, PASSED]
