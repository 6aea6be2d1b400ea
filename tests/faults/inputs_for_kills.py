"""Small inputs for commands that are to be killed."""

import sys
from pathlib import Path

import nbformat
import numpy as np
from kills import Command, both, files, table, weights
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "unit"))
CHAPTER = """
import json, pathlib, time
time.sleep(1)
pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)
pathlib.Path(output_dir, "metrics.json").write_text(json.dumps({"size": size}))
"""


def pictures(folder: Path, labels: dict[str, int], count: int, side: int = 48) -> Path:
    generator = np.random.default_rng(0)
    for label, shade in labels.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            small = generator.integers(0, 90, (6, 6, 3)) + shade
            picture = Image.fromarray(small.astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
            picture.save(folder / label / f"{label}{number}.png")
    return folder


def chapters(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("01_one", "02_two"):
        parameters = new_code_cell("size = 3\noutput_dir = 'x'\nfigures_dir = 'y'", metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell(f"# {name}\n\nA sentence."), parameters, new_code_cell(CHAPTER)]
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


def school(folder: Path) -> tuple[str, str]:
    """The teacher's notebooks, and what three students handed in."""
    from classroom import hand_in, solved, write_chapters

    from imagecourse.teaching.release import student_version

    notebooks = write_chapters(folder)
    release = student_version(nbformat.read(notebooks / "01_sums.ipynb", as_version=4))
    for student, body in {"ann": "return float(sum(values))", "bob": "return 3", "cleo": "return None"}.items():
        answer = {"total": f"def total(values):\n    {body}"}
        hand_in(folder.parent / "submitted", student, "01_sums", solved(release, answer))
    return str(notebooks), str(folder.parent / "submitted")


def points(out: Path) -> list[tuple]:
    """A result: what each student has for each exercise."""
    from imagecourse.teaching.marks import read_marks

    return [(mark.student, mark.exercise.name, mark.points, mark.state) for mark in read_marks(out)]


def commands(folder: Path) -> dict[str, Command]:
    """Each with its inputs, which are written at the first call."""
    scans = pictures(folder / "scans", {"a": 20, "b": 150}, 6, side=96)
    classes = pictures(folder / "classes", {"dark": 20, "light": 150}, 20)
    first = chapters(folder / "chapters")
    reports = [str(path) for path in sorted(first.glob("*.ipynb"))]
    train = ["train", "photo", "--network", "photo_cnn", "--image-size", "32", "--epochs", "4", "--data", str(classes)]
    notebooks, submitted = school(folder / "notebooks")
    grade = ["teach", "grade", "--submitted", submitted, "--notebooks", notebooks, "--output", "OUT"]
    predict = ["predict", "-i", str(scans), "-m", "photo-filter", "--sort", "OUT/sorted", "--output", "OUT/a.csv"]
    pipeline = ["pipeline", "-i", str(scans), "-o", "OUT", "--method", "compromise"]
    restored = both(files("*/*.png"), table("restoration.csv", "status"))
    piped = both(files("photos/**/*.png", "other/**/*.png"), table("results.csv", "seconds"))
    return {
        "restore": Command(["restore", "-i", str(scans), "-o", "OUT"], [], restored),
        "data build": Command(["data", "build", str(classes), "OUT"], [], files("**/*")),
        "report": Command(["report", *reports, "--output", "OUT"], [], files("metrics.json", "*/metrics.json")),
        "predict": Command(predict, [], files("**/*.png", "a.csv")),
        "pipeline": Command(pipeline, ["--resume"], piped),
        "grade": Command([*grade, "--no-sandbox"], [], points),
        "train": Command([*train, "--output", "OUT"], ["--resume"], weights),
        "train afresh": Command([*train, "--output", "OUT"], [], weights),
    }
