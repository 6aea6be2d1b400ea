"""The demo as a folder that a host of Gradio apps, such as Hugging Face Spaces, runs as it is."""

import re
import shutil
from importlib import metadata
from pathlib import Path

import imagecourse
from imagecourse.files import new_folder
from imagecourse.networks.model_files import VOCABULARY_NAME, available_models, find_model

ROOMS = (
    "app", "captioning", "explain", "restoration", "networks", "datasets", "samples", "plots", "evaluation", "images",
)  # fmt: skip
MODULES = ("__init__", "files", "cache")
NOT_NEEDED = ("# Notebooks", "# Teaching", "# Checks")
START = '''"""Starts the demo; see README.md."""

from imagecourse.app.page import THEME, build_page

build_page().launch(theme=THEME, server_name="0.0.0.0")
'''
README = """---
title: {title}
emoji: 🖼️
colorFrom: blue
colorTo: green
sdk: gradio
sdk_version: {version}
python_version: "3.12"
app_file: app.py
license: mit
---

# {title}

The models of a hands-on course in image classification, to try in a browser. Each tab says what its model was measured
on and where it stops. Pictures are not kept.

The models were trained on data sets for research and teaching: see `models/NAME/card.json` for the terms of each.

To run it on a computer of your own:

    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/python app.py
"""


def export_app(folder: Path) -> Path:
    """Write app.py, the library that it needs, the models, pinned requirements and README.md into a new folder.

    Raises: FileExistsError when the folder is there and not empty.
    """
    library = Path(imagecourse.__file__).parent
    with new_folder(folder) as building:
        (building / "app.py").write_text(START, encoding="utf-8")
        ignore = shutil.ignore_patterns("__pycache__")
        for room in ROOMS:
            shutil.copytree(library / room, building / "imagecourse" / room, ignore=ignore)
        for name in MODULES:
            shutil.copyfile(library / f"{name}.py", building / "imagecourse" / f"{name}.py")
        for name in [*available_models(), *available_models(VOCABULARY_NAME)]:
            shutil.copytree(find_model(name), building / "models" / name, ignore=ignore)
        requirements = (library.parents[1] / "requirements.txt").read_text(encoding="utf-8")
        (building / "requirements.txt").write_text(_requirements(requirements), encoding="utf-8")
        text = README.format(title="imagecourse", version=metadata.version("gradio"))
        (building / "README.md").write_text(text, encoding="utf-8")
    return Path(folder)


def _requirements(text: str) -> str:
    """Without what only notebooks, teachers and tests use; Matplotlib stays, since maps are coloured by it."""
    sections = [part for part in re.split(r"\n(?=# )", text) if not part.startswith(NOT_NEEDED)]
    kept = [line for part in sections for line in part.splitlines() if line and not line.startswith(("-e", "gradio"))]
    drawing = [line for line in text.splitlines() if line.startswith(("matplotlib==", "seaborn==", "ipython=="))]
    return "\n".join([*kept, *drawing]) + "\n"
