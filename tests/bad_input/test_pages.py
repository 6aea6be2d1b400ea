"""HTML in names, labels, captions, students' texts and messages is text on every page, and nothing runs there."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bad_inputs import write_model
from made_pictures import encoded
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from imagecourse.evaluation.bias import measures_for
from imagecourse.exercises.cells import Exercise
from imagecourse.networks.bundles import Bundle, load_bundle
from imagecourse.pipeline.report import write_report
from imagecourse.pipeline.results import Results
from imagecourse.pipeline.settings import Settings
from imagecourse.recipes.audit import Audit, save_audit
from imagecourse.recipes.classifying_page import classifying_page
from imagecourse.reports.bias import bias_page
from imagecourse.reports.pages import chapter_page, index_page
from imagecourse.reports.search import sections
from imagecourse.teaching import feedback
from imagecourse.teaching.layout import write_page
from imagecourse.teaching.marks import GRADED, ChapterMark, Mark
from imagecourse.teaching.similarity import Group, Pair
from imagecourse.teaching.statistics import write_statistics

SCRIPT = "<script>document.title='run 1'</script>"
PICTURE = "<img src=x onerror=\"document.title='run 2'\">"
BROKEN = "\"'><svg onload=\"document.title='run 3'\">"
END = "</script></textarea></title><script>document.title='run 4'</script>"
HOSTILE = (SCRIPT, PICTURE, BROKEN, END)
NAMES = [text.replace("/", "_") for text in HOSTILE]
"""As a file can be called."""


class Seen(HTMLParser):
    """Texts of a page, and what of it would run."""

    def __init__(self):
        super().__init__()
        self.texts, self.runs, self.inside = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.inside = "json" if ("type", "application/json") in attributes else tag
        self.texts += [value for _, value in attributes if value]
        handlers = [name for name, value in attributes if name[:2] == "on" and "document.title=" in (value or "")]
        self.runs += [f"{tag} {name}" for name in handlers]

    def handle_data(self, data):
        if self.inside == "script" and "document.title='run" in data:
            self.runs.append(data)
        self.texts.append("\n".join(strings(json.loads(data))) if self.inside == "json" else data)

    def handle_endtag(self, tag):
        self.inside = ""


def strings(value) -> Iterator[str]:
    """All texts in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


def runs_nothing(page: str, *texts: str) -> None:
    """Each text stands on the page, as a text."""
    seen = Seen()
    seen.feed(page)
    assert seen.runs == []
    words = "\n".join(seen.texts)
    assert [text for text in texts if text not in words] == []


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "pictures"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / f"{name}.png").write_bytes(encoded("png", number))
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Bundle:
    """A model whose classes are called so, and whose card and folder are."""
    folder = write_model(tmp_path_factory.mktemp("models") / NAMES[1], ["Photo", *NAMES])
    (folder / "card.json").write_text(json.dumps({"limits": SCRIPT, "task": END}))
    return load_bundle(folder)


def test_the_report_of_a_pipeline(pictures, hostile, tmp_path):
    results = Results(0.5)
    for number, name in enumerate(NAMES):
        row = {"file": f"{name}.png", "page": "", "output": f"{name}.png", "class": NAMES[number - 1], "error": ""}
        results.add(row | {"probability": 0.4, "plan": "untouched", "caption": HOSTILE[number], "explanation": SCRIPT})
        results.add(row | {"error": f"damaged ({HOSTILE[number]})"})
    write_report(results, Settings(pictures, pictures, classifier=str(hostile.folder)))
    page = (pictures / "report.html").read_text(encoding="utf-8")
    runs_nothing(page, *NAMES, *HOSTILE)


def test_the_page_of_an_audit(pictures, tmp_path):
    facts = {"split": "all", "margin": -0.9, "oddness": 9.0, "copies": NAMES[0]}
    table = pd.DataFrame([{"file": f"{name}.png", "label": name, "suggestion": NAMES[0]} | facts for name in NAMES])
    page = save_audit(Audit(pictures, table, 0, NAMES), tmp_path / "audit")
    runs_nothing(page.read_text(encoding="utf-8"), *NAMES)


def test_the_page_that_classifies_in_a_browser(hostile):
    runs_nothing(classifying_page(hostile, b"network", (16, 16)), *NAMES, SCRIPT)


def test_the_page_of_a_bias_report():
    rows = [{"file": f"{number}", "label": "a", "true_label": "ab"[number % 2], PICTURE: HOSTILE[number % 4]}
            for number in range(80)]  # fmt: skip
    table = pd.DataFrame(rows)
    page = bias_page(table, [PICTURE], measures_for(table), SCRIPT, 1)
    runs_nothing(page, SCRIPT, PICTURE, BROKEN)


def chapter() -> nbformat.NotebookNode:
    """What a chapter puts out when it meets such names: printed, returned, warned about, raised."""
    outputs = [
        new_output("stream", name="stdout", text="\n".join(HOSTILE)),
        new_output("stream", name="stderr", text="\n".join(HOSTILE)),
        new_output("execute_result", data={"text/plain": repr(HOSTILE)}),
        new_output("error", ename="ValueError", evalue=SCRIPT, traceback=list(HOSTILE)),
    ]
    code = new_code_cell(f"print({PICTURE!r})", outputs=outputs, execution_count=1)
    return new_notebook(cells=[new_markdown_cell("# 01 · A title\n\nA sentence."), code])


def test_the_page_of_a_chapter_and_the_index():
    failure = {"cell_id": "x", "cell": 1, "message": SCRIPT}
    run = {"name": "01_a", "heading": PICTURE, "title": END, "summary": BROKEN, "passed": False, "failure": failure,
           "seconds": 1.0, "finished": "2026-01-01T00:00:00", "seed": 1, "versions": {"keras": SCRIPT},
           "parameters": {"data_dir": PICTURE}, "metrics": {"x": 1.0}, "cover": "", "number": 1}  # fmt: skip
    page = chapter_page(chapter(), Path(), run, run, run)
    runs_nothing(page, *HOSTILE)
    index = index_page([run], {"keras": "3"}, sections("01_a.html", page, END))
    runs_nothing(index, SCRIPT, PICTURE, END, BROKEN)


def marks() -> Iterator[Mark]:
    for number, text in enumerate(HOSTILE):
        exercise = Exercise(f"e{number}", text, 2.0, bool(number % 2), f"s{number}")
        texts = {"message": text, "comment": text, "remarks": text, "answer": text}
        yield Mark(text, "01_a", exercise, 1.0, GRADED, **texts)


def test_pages_for_students_and_teachers(tmp_path):
    whole = ChapterMark(SCRIPT, "01_a", 1.0, 8.0, GRADED)
    page = feedback._write(tmp_path / "f.html", END, list(marks()), whole, PICTURE)
    runs_nothing(page.read_text(encoding="utf-8"), END, PICTURE, BROKEN)
    page = write_statistics(tmp_path / "s.html", list(marks()))
    runs_nothing(page.read_text(encoding="utf-8"), SCRIPT)
    group = Group("01_a", [Pair(SCRIPT, PICTURE, 0.9, 8)], {SCRIPT: END, PICTURE: BROKEN})
    page = write_page(tmp_path / "a.html", "similarity.html", groups=[group])
    runs_nothing(page.read_text(encoding="utf-8"), SCRIPT, PICTURE)


def test_the_test_itself_sees_what_runs():
    for page in HOSTILE[:3]:
        with pytest.raises(AssertionError):
            runs_nothing(page)
