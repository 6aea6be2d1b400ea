"""Wrong answers that try to get points otherwise, and answers that try to carry hidden tests away: none succeeds."""

import base64
import tempfile
from pathlib import Path

import pytest
from classroom import WALLS, Classroom, cell, exercise

from imagecourse.teaching.feedback import write_feedback
from imagecourse.teaching.judging.sandbox import NONE, Limits

CELLS = [
    cell("markdown", "title", "# 01 · Squares"),
    cell("code", "imports", "import numpy as np\nfrom imagecourse import evaluation"),
    *exercise(
        "squares",
        "return np.asarray(values, float) ** 2",
        'np.testing.assert_allclose(squares([1.0, 2.0]), [1, 4], err_msg="each value times itself")',
        "secret_values = np.array([3.25, -7.5])\nexpected = secret_values**2\n"
        "np.testing.assert_allclose(squares(secret_values), expected)\n"
        "assert type(squares(secret_values)) is np.ndarray",
    ),
    *exercise("mean", "return float(np.mean(values))", 'assert mean([2, 4]) == 3, "in the middle"',
              "assert mean([0.5, 7]) == 3.75\nassert type(mean([1])) is float\n"
              "assert evaluation.balanced_accuracy([0], [0]) == 1"),
]  # fmt: skip
ZEROS = "\ndef squares(values):\n    return np.array([1.0, 4.0]) if list(values) == [1, 2] else np.zeros(len(values))"
MEAN = "def mean(values):\n    return float(sum(values) / len(values))"
STUDENT = "next(each for each in gc.get_objects() if type(each).__name__ == 'Student')"
ATTACKS = {
    "defaults": "np.testing.assert_allclose.__defaults__ = (1e9, 1e9, True, '', True)\n"
                "np.testing.assert_allclose.__kwdefaults__ = {'strict': False}" + ZEROS,
    "kernel": "import ipykernel.ipkernel\nasync def do_execute(*a, **k): return {'status': 'ok'}\n"
              "ipykernel.ipkernel.IPythonKernel.do_execute = do_execute" + ZEROS,
    "shell": "from IPython.core.interactiveshell import InteractiveShell, ExecutionResult\n"
             "InteractiveShell.run_cell = lambda *a, **k: ExecutionResult(None)\n"
             "InteractiveShell.run_cell_async = InteractiveShell.run_code = None\n"
             "get_ipython().execute = lambda source: None" + ZEROS,
    "reply": f"import gc\nstudent = {STUDENT}\n"
             "student._run = lambda head, pieces: ({}, [b'{\"error\": null, \"outputs\": []}'])" + ZEROS,
    "globals": "\ndef squares(values):\n    import gc\n    found = globals().get('expected')\n"
               "    held = [each for each in gc.get_objects() if type(each) is dict and 'expected' in each]\n"
               "    return next((each['expected'] for each in held), np.zeros(2)) if found is None else found",
    "builtins": "import builtins\nclass Lie(float):\n    __eq__ = __ne__ = __lt__ = __gt__ = lambda *a: True\n"
                "    __hash__ = None\nbuiltins.float = Lie\n"
                "__builtins__ = {**vars(builtins), 'type': lambda x: np.ndarray}\n"
                "def squares(values):\n    return Lie(0)",
    "lying-array": "class Lie(np.ndarray):\n    def __array_function__(self, *a): return True\n"
                   "    def __array_ufunc__(self, *a, **k): return np.True_\n"
                   "def squares(values):\n    return np.zeros(2).view(Lie)",
    "tags": "from imagecourse.teaching.judging import networks\n"
            "networks.to_json = lambda value, encoder: {'name': 'expected'}\n"
            "def squares(values):\n    return object()",
    "forged-result": "import gc, json\nfrom imagecourse.teaching.judging import student as process\n"
                     "process.encode = lambda value, outside=None: [json.dumps({'name': 'expected'}).encode()]"
                     + ZEROS,
    "frames": "import inspect, sys, linecache, gc\ndef squares(values):\n"
              "    frame, found = inspect.currentframe(), []\n"
              "    while frame:\n        found += [frame.f_locals.get('expected'), frame.f_globals.get('expected')]\n"
              "        found += [c for c in frame.f_code.co_consts if c == -7.5]\n        frame = frame.f_back\n"
              "    texts = [line for lines in linecache.cache.values() for line in lines[2:3]]\n"
              "    found += ['secret_values' in str(texts)]\n"
              "    return next((each for each in found if each is not None and each is not False), np.zeros(2))",
}  # fmt: skip
THIEF = {
    "squares": "import base64\nloot = []\ndef squares(values):\n    loot.append(list(values))\n"
               "    return np.square(values)",
    "mean": "def mean(values):\n    text = base64.b64encode(b'MARKER' + repr(loot).encode()).decode()\n"
            "    raise AssertionError(text)",
}  # fmt: skip
NOISE = "def mean(values):\n    raise ValueError('bWFya2Vy MARKER')"
MESSENGER = 'def mean(values):\n    raise AssertionError("in the middle")'


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Classroom:
    """A class of attackers, graded."""
    room = Classroom(tmp_path_factory.mktemp("attacks"), CELLS, Limits(seconds=20, memory=2**30, disk=50 * 2**20))
    for name, source in ATTACKS.items():
        room.hand_in(name, {"squares": source, "mean": MEAN})
    room.hand_in("thief", THIEF)
    room.hand_in("noise", {"squares": ZEROS, "mean": NOISE})
    room.hand_in("messenger", {"squares": ZEROS, "mean": MESSENGER})
    room.hand_in_model_answers("honest")
    room.grade(jobs=2)
    return room


@pytest.mark.parametrize("name", ATTACKS)
def test_no_patch_of_its_own_process_gives_an_attacker_points(attacked, name):
    states = attacked.states(name)
    assert states[0] in (("zero", 0), ("failed to run", 0))
    assert states[1] in (("graded", 4), ("zero", 0), ("failed to run", 0))


def test_an_honest_answer_beside_them_has_all_points(attacked):
    assert attacked.states("honest") == [("graded", 4), ("graded", 4)]
    assert attacked.marks("honest")[0].remarks == ""


def test_attackers_are_remarked_on(attacked):
    remarks = {name: attacked.marks(name)[0].remarks for name in ATTACKS}
    for name, word in (("defaults", "__defaults__"), ("kernel", "ipykernel"), ("shell", "get_ipython"),
                       ("reply", "gc."),
                       ("builtins", "builtins"), ("lying-array", "__array_ufunc__"), ("frames", "f_back"),
                       ("tags", "imagecourse.teaching")):  # fmt: skip
        assert word in remarks[name]


def test_feedback_says_only_what_the_release_says(attacked):
    pages = {path.parent.name: path.read_text() for path in write_feedback(attacked.graded)}
    for name, page in pages.items():
        messages = [part.split("</p>")[0] for part in page.split('class="message">')[1:]]
        assert len(messages) == sum(mark.message != "" for mark in attacked.marks(name))
        words = (base64.b64encode(b"MARKER").decode()[:6], "MARKER", "3.25", "-7.5", "secret")
        assert not any(word in text for text in messages for word in words), name
    assert attacked.states("thief") == [("graded", 4), ("zero", 0)]
    assert "This does not hold: assert mean([2, 4]) == 3" in pages["thief"]
    assert "ValueError in this line: assert mean([2, 4]) == 3" in pages["noise"]
    assert '"message">in the middle<' in pages["messenger"]


def test_the_student_never_receives_a_hidden_test(tmp_path):
    """All that reaches its process, recorded by the process itself: values, but no source of a hidden test."""
    record = tmp_path / "record.txt"
    spy = (
        "from imagecourse.teaching.judging import wire\nplain_receive = wire.receive\n"
        f"def receive(source):\n    head, pieces = plain_receive(source)\n    with open('{record}', 'a') as file:\n"
        "        file.write(repr((head, pieces)) + '\\n')\n    return head, pieces\nwire.receive = receive\n"
    )
    room = Classroom(tmp_path / "room", CELLS)
    room.hand_in("spy", {"squares": spy + "def squares(values):\n    return np.square(values)", "mean": MEAN})
    room.grade(walls=NONE)
    text = record.read_text()
    assert room.states("spy") == [("graded", 4), ("graded", 4)]
    assert "'call'" in text and "mean([2, 4])" in text
    assert not any(secret in text for secret in ("secret_values", "expected", "assert type", "0.5, 7]) =="))


def test_ready_made_answers_are_remarked_on_and_keep_their_points(tmp_path):
    cells = [
        cell("markdown", "title", "# 01 · Filters"),
        cell("code", "imports", "import numpy as np\nfrom scipy.ndimage import convolve as reference\n"
                                "from imagecourse import evaluation"),
        *exercise("smooth", "return reference(values, np.ones(3) / 3)", "assert len(smooth(np.ones(4))) == 4",
                  "# remark on: numpy.convolve\n"
                  "np.testing.assert_allclose(smooth(np.arange(5.0)), reference(np.arange(5.0), np.ones(3) / 3))"),
    ]  # fmt: skip
    room = Classroom(tmp_path, cells)
    room.hand_in("ready", {"smooth": "from scipy import ndimage\ndef smooth(values):\n"
                                     "    return ndimage.convolve(values, np.ones(3) / 3)"})  # fmt: skip
    room.hand_in("other", {"smooth": "import numpy\ndef smooth(values):\n"
                                     "    padded = np.pad(values, 1, mode='symmetric')\n"
                                     "    return numpy.convolve(padded, np.ones(3) / 3, 'valid')"})  # fmt: skip
    room.hand_in("own", {"smooth": "def smooth(values):\n    padded = np.pad(values, 1, mode='symmetric')\n"
                                   "    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3"})  # fmt: skip
    room.grade()
    assert [room.states(name) for name in ("ready", "other", "own")] == [[("graded", 4)]] * 3
    assert "calls scipy.ndimage.convolve, which is what its test compares with" in room.marks("ready")[0].remarks
    assert "numpy.convolve" in room.marks("other")[0].remarks
    assert room.marks("own")[0].remarks == ""
    page = write_feedback(room.graded)[-1].read_text()
    assert "compares with" not in page and "remark on" not in str(room.release)


@pytest.mark.skipif(WALLS == NONE, reason="needs bubblewrap")
def test_nothing_of_the_teachers_is_there_for_student_code(tmp_path):
    room = Classroom(tmp_path, CELLS)
    secret = Path(tempfile.mkdtemp(dir=Path.home()))  # home itself may hold the Python that runs student code
    places = [str(path) for path in (room.notebooks, room.submitted, room.graded, secret)]
    look = f"import os\ndef squares(values):\n    there = [each for each in {places} if os.path.exists(each)]\n"
    room.hand_in("searcher", {"squares": look + "    return np.zeros(2) if there else np.square(values)", "mean": MEAN})
    room.grade()
    secret.rmdir()
    assert room.states("searcher") == [("graded", 4), ("graded", 4)]
