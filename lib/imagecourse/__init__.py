"""A thin library under a course in image classification with TensorFlow and Keras."""

import json as _json
import os as _os
import sys as _sys
from importlib.util import find_spec as _find_spec
from pathlib import Path as _Path

__version__ = "0.1.0"

_COURSE_SETTINGS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def _use_own_keras_settings() -> None:
    """Keep the settings that another project left for Keras away from the course, and say so once.

    Where TensorFlow is not installed, KERAS_BACKEND counts as it is.
    """
    if not _find_spec("tensorflow"):
        return
    told = []
    if _os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
        told.append(f"KERAS_BACKEND={_os.environ['KERAS_BACKEND']}")
        _os.environ["KERAS_BACKEND"] = "tensorflow"
    file = _Path(_os.environ.get("KERAS_HOME") or _Path.home() / ".keras", "keras.json")
    try:
        foreign = _json.loads(file.read_text(encoding="utf-8"))
        same = all(foreign.get(name, value) == value for name, value in _COURSE_SETTINGS.items())
    except (OSError, UnicodeDecodeError):
        same = True
    except (ValueError, AttributeError):
        same = False
    if not same:
        told.append(str(file))
        _os.environ["KERAS_HOME"] = str(_Path.home() / ".cache" / "imagecourse" / "keras")
    if told and "keras" in _sys.modules:
        told.append("and Keras is loaded already: import imagecourse first")
    if told:
        print(f"imagecourse: uses Keras with its own settings, not {', '.join(told)}", file=_sys.stderr)


_use_own_keras_settings()
