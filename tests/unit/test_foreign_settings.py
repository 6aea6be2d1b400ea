"""What other projects leave behind for Keras does not reach the course, and is told once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import imagecourse

FOREIGN = {"floatx": "float32", "epsilon": 1e-07, "backend": "mxnet", "image_data_format": "channels_first"}
OURS = {"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow", "image_data_format": "channels_last"}
SETTINGS = "import imagecourse, os; print(os.environ['KERAS_BACKEND'], os.environ.get('KERAS_HOME'))"
USED = (
    "import imagecourse, keras; print(keras.backend.backend(), keras.config.image_data_format(), keras.config.floatx())"
)


def run(code: str, **settings: str) -> tuple[str, list[str]]:
    """What Python code prints, and its lines on stderr that are the course's."""
    library = str(Path(imagecourse.__file__).parents[1])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    environment = inherited | {"PYTHONPATH": library} | settings
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip(), [line for line in done.stderr.splitlines() if line.startswith("imagecourse")]


def keras_home(folder: Path, content: str) -> str:
    (folder / "keras.json").write_text(content)
    return str(folder)


def test_another_backend_is_put_right_and_told(tmp_path):
    printed, told = run(SETTINGS, KERAS_BACKEND="jax", HOME=str(tmp_path))
    assert printed.startswith("tensorflow") and len(told) == 1 and "KERAS_BACKEND=jax" in told[0]


@pytest.mark.parametrize("content", [json.dumps(FOREIGN), json.dumps(OURS | {"floatx": "float16"}), "{", "[]"])
def test_another_keras_json_is_passed_over_and_told(tmp_path, content):
    home = keras_home(tmp_path, content)
    printed, told = run(SETTINGS, KERAS_HOME=home, HOME=str(tmp_path))
    assert home != printed.split()[1] and len(told) == 1 and str(tmp_path / "keras.json") in told[0]
    assert (tmp_path / "keras.json").read_text() == content


def test_settings_like_our_own_are_left_alone_without_a_word(tmp_path):
    home = keras_home(tmp_path, json.dumps(OURS))
    assert run(SETTINGS, KERAS_HOME=home, HOME=str(tmp_path)) == (f"tensorflow {home}", [])


def test_a_process_that_the_course_starts_does_not_say_it_again(tmp_path):
    code = f"{SETTINGS}; import subprocess, sys; subprocess.run([sys.executable, '-c', {SETTINGS!r}], check=True)"
    home = keras_home(tmp_path, json.dumps(FOREIGN))
    printed, told = run(code, KERAS_BACKEND="jax", KERAS_HOME=home, HOME=str(tmp_path))
    first, second = printed.splitlines()
    assert first == second and len(told) == 1


def test_keras_itself_runs_with_the_settings_of_the_course(tmp_path):
    home = keras_home(tmp_path, json.dumps(FOREIGN))
    printed, _ = run(USED, KERAS_BACKEND="jax", KERAS_HOME=home, HOME=str(tmp_path))
    assert printed == "tensorflow channels_last float32"


def test_keras_before_the_course_is_told_to_come_later(tmp_path):
    code = "import sys, types; sys.modules['keras'] = types.ModuleType('keras'); import imagecourse"
    _, told = run(code, KERAS_BACKEND="jax", HOME=str(tmp_path))
    assert "import imagecourse first" in told[0]
