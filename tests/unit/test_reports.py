import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from imagecourse import cli
from imagecourse.reports import cells, pages, run
from imagecourse.reports.chapters import find_notebooks
from imagecourse.reports.parameters import parse_value
from imagecourse.reports.prose import Prose, mathml

ROOT = Path(__file__).parents[2]
PARAMETERS = 'size = 3\nseed = 42\noutput_dir = "../reports/out"\nfigures_dir = "../figures/out"'
METRICS = """
import json, pathlib
pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)
numbers = {"mean_psnr_db": 27.91, "size": size, "names": list({"b", "a", "c"})}
pathlib.Path(output_dir, "metrics.json").write_text(json.dumps(numbers))
"""
THREADS = """
import json, os, pathlib, numpy, threadpoolctl
generator = numpy.random.default_rng(0)
product = generator.normal(size=(300, 3000)).astype("float32") @ generator.normal(size=(3000, 300)).astype("float32")
names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
asked = {name: os.environ.get(name, "any") for name in names}
threads = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)
numbers = {"sum": float(numpy.abs(product).sum()), "threads": threads, "asked": asked}
pathlib.Path(output_dir, "metrics.json").write_text(json.dumps(numbers))
"""
DISPLAYS = """
import sys
from IPython.display import HTML, Image, Markdown, display
pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
display({"image/png": pixel}, raw=True)
display(Markdown("*A red dot on white.*"))
display(HTML("<table><tr><th>name</th></tr><tr><td>1.5</td></tr></table><script src='https://cdn.example/x.js'></script>"))
print("first\\rlast", file=sys.stderr)
"""


def write_notebook(folder: Path, name: str, *steps: str, introduction: str = "") -> None:
    first = (
        introduction
        or f"# 1 · The title of {name}\n\nOne sentence. Another with $x^2$.\n\n## A step\n\n$$\\frac{{a}}{{b}}$$"
    )
    parameters = new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})
    steps = [new_code_cell(step.strip(), id=f"step-{number}") for number, step in enumerate(steps, 1)]
    folder.mkdir(exist_ok=True)
    nbformat.write(
        new_notebook(cells=[new_markdown_cell(first, id="title"), parameters, *steps]), folder / f"{name}.ipynb"
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a good chapter (run twice), a failing one, and a broken kernel; its runs."""
    folder = tmp_path_factory.mktemp("project")
    write_notebook(folder / "notebooks", "01_good", DISPLAYS, METRICS)
    write_notebook(folder / "notebooks", "02_bad", 'print("kept")', "values = []\nvalues[3]", 'print("never")')
    write_notebook(folder / "notebooks", "03_gone", "import os\nos._exit(1)")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        status = cli.main(["report"])
        first_metrics = Path("reports/metrics.json").read_bytes()
        run.run_reports(["1"])
    return folder, status, first_metrics


def test_a_failing_chapter_gives_status_1_and_the_others_run(project):
    folder, status, _ = project
    runs = json.loads((folder / "reports/runs.json").read_text())
    assert status == 1
    assert {name: run["passed"] for name, run in runs.items()} == {"01_good": True, "02_bad": False, "03_gone": False}
    assert runs["01_good"]["seed"] == 42
    assert runs["01_good"]["versions"]["numpy"]


def test_a_failure_names_the_cell_and_keeps_the_outputs_so_far(project):
    folder = project[0]
    failure = json.loads((folder / "reports/runs.json").read_text())["02_bad"]["failure"]
    page = (folder / "reports/02_bad.html").read_text()
    notebook = nbformat.read(folder / "reports/02_bad.ipynb", as_version=4)
    assert failure["cell"] == 4
    assert failure["line"] == "values = []"
    assert failure["message"] == "IndexError: list index out of range"
    assert "kept" in [
        output.text.strip() for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output
    ]
    assert ">kept" in page and "IndexError" in page and 'id="cell-step-2"' in page


def test_a_dead_kernel_is_a_failure_of_its_cell(project):
    failure = json.loads((project[0] / "reports/runs.json").read_text())["03_gone"]["failure"]
    assert (failure["cell"], failure["line"]) == (3, "import os")
    assert "died" in failure["message"].lower()


def test_two_runs_give_the_same_metrics_and_keep_other_chapters(project):
    folder, _, first_metrics = project
    assert (folder / "reports/metrics.json").read_bytes() == first_metrics
    assert list(json.loads(first_metrics)) == ["01_good"]
    assert (folder / "reports/02_bad.html").is_file()


def test_chapters_side_by_side_give_the_numbers_that_they_give_one_by_one(tmp_path, monkeypatch):
    """Sums depend on the number of threads, and several jobs would share the cores out among them."""
    for name in ("01_first", "02_second"):
        write_notebook(tmp_path / "notebooks", name, THREADS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for jobs in ("1", "2"):
        assert cli.main(["report", "--jobs", jobs, "--output", jobs]) == 0
    one, two = (json.loads(Path(jobs, "metrics.json").read_text()) for jobs in ("1", "2"))
    assert one == two and list(one) == ["01_first", "02_second"]
    assert set(one["01_first"]["asked"].values()) == {run.THREADS} and one["01_first"]["threads"]


def test_running_a_chapter_leaves_git_status_clean(tmp_path, monkeypatch):
    """With this project's own rules of what git ignores; the chapters themselves are watched in tests/notebooks."""
    draw = "import pathlib\nfolder = pathlib.Path(figures_dir)\nfolder.mkdir(parents=True)\n(folder / 'a.png').touch()"
    write_notebook(tmp_path / "notebooks", "01_first", METRICS, draw)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    monkeypatch.chdir(tmp_path)

    def git(*words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all there is")
    assert cli.main(["report"]) == 0
    assert git("status", "--porcelain") == ""
    assert {path.name for path in tmp_path.iterdir()} == {".git", ".gitignore", "notebooks", "reports"}
    assert Path("reports/figures/01_first/a.png").is_file()


def test_pages_are_complete_without_a_network(project):
    for path in (project[0] / "reports").glob("*.html"):
        page = BeautifulSoup(path.read_text(), "html.parser")
        addresses = [tag.get("src") or tag.get("href") for tag in page.find_all(["link", "img", "iframe"])]
        assert all(address.startswith("data:") for address in addresses), path.name
        scripts = page.find_all("script")
        assert not any(tag.get("src") for tag in scripts), path.name
        assert path.name == "index.html" or not scripts, path.name  # the search stands on the first page
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", path.read_text()), path.name
        links = {link["href"].partition("#")[0] for link in page.find_all("a") if not link["href"].startswith("http")}
        local = links - {""}
        assert [name for name in local if not (path.parent / name).is_file()] == [], path.name


def test_a_chapter_page_has_formulas_captions_contents_and_neighbours(project):
    page = BeautifulSoup((project[0] / "reports/01_good.html").read_text(), "html.parser")
    assert len(page.find_all("math")) == 2
    assert page.find("figure").img["alt"] == "A red dot on white."
    assert page.find("figcaption").get_text().strip() == "A red dot on white."
    assert page.select_one("nav.contents a")["href"] == "#a-step"
    assert page.select_one("#a-step").get_text() == "A step"
    assert page.select_one(".table td.number").get_text() == "1.5"
    assert page.select_one("details.quiet pre").get_text().strip() == "last"
    assert page.select_one("a[rel=next]")["href"] == "02_bad.html"
    identifiers = [tag["id"] for tag in page.select("[id]")]
    assert len(identifiers) == len(set(identifiers))


def test_every_figure_opens_large_without_a_script(project):
    page = BeautifulSoup((project[0] / "reports/01_good.html").read_text(), "html.parser")
    (figure,) = page.find_all("figure")
    assert figure.label["class"] == ["zoom"] and figure.label.img and figure.label.input["type"] == "checkbox"
    assert not figure.label.input.has_attr("checked") and not figure.figcaption.find("img")


def test_the_index_shows_state_figures_and_picture(project):
    page = BeautifulSoup((project[0] / "reports/index.html").read_text(), "html.parser")
    good, bad, _ = page.select("article.card")
    assert good.h2.get_text() == "The title of 01_good"
    assert "One sentence." in good.get_text() and "Another" not in good.get_text()
    assert {item.dt.get_text(): item.dd.get_text() for item in good.select("dl > div")} == {
        "Mean PSNR (dB)": "27.9",
        "Size": "3",
    }
    assert good.img["src"].startswith("data:image/")
    assert "Passed" in good.get_text() and "Failed" in bad.get_text() and "cell 4" in bad.get_text()
    assert "numpy" in page.footer.get_text() and "seed 42" in page.header.get_text()


def test_parameters_are_injected_and_figures_follow_the_output(tmp_path, monkeypatch):
    write_notebook(tmp_path / "notebooks", "01_good", METRICS + "\nprint(figures_dir)")
    monkeypatch.chdir(tmp_path)
    (chapter,) = run.run_reports(["01"], {"size": 7}, "small")
    page = BeautifulSoup(Path("small/01_good.html").read_text(), "html.parser")
    assert json.loads(Path("small/metrics.json").read_text())["01_good"]["size"] == 7
    assert chapter.parameters["size"] == 7
    assert chapter.figures_dir == "figures/01_good"
    assert page.select_one(".run-with").get_text() == "Run with size = 7"
    assert page.select_one("pre.text").get_text().strip() == str(tmp_path / "small/figures/01_good")
    assert str(tmp_path) not in Path("small/runs.json").read_text()
    assert sorted(path.name for path in Path("small").iterdir() if path.name.startswith(".")) == []


def test_an_interrupted_run_leaves_the_earlier_report(tmp_path):
    write_notebook(tmp_path / "notebooks", "01_slow", "import time\nopen('begun', 'w').close()\ntime.sleep(60)")
    report = tmp_path / "reports/01_slow.ipynb"
    report.parent.mkdir()
    report.write_text("earlier")
    process = subprocess.Popen(
        [sys.executable, "-m", "imagecourse", "report"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "notebooks/begun").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, notes = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in notes.decode()
    assert report.read_text() == "earlier"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-p", "colour", "1"], "-p colour: no such parameter; there are seed, size"),
        (["-p", "output_dir", "x"], "use --output"),
        (["9"], "9: no such chapter; choose from 01_good"),
    ],
)
def test_wrong_usage_gives_status_2_and_one_clear_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    write_notebook(tmp_path / "notebooks", "01_good")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", *arguments]) == 2
    notes = capsys.readouterr().err
    assert complaint in notes and notes.count("\n") == 1
    assert not Path("reports").exists()


def test_a_broken_notebook_file_and_a_missing_folder_are_named(tmp_path):
    (tmp_path / "01_broken.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"01_broken\.ipynb: not a notebook"):
        run.run_reports(notebooks=tmp_path)
    with pytest.raises(FileNotFoundError, match="no notebooks here"):
        find_notebooks(folder=tmp_path / "empty")


@pytest.mark.parametrize("name", ["2", "02", "02_second", "02_second.ipynb"])
def test_chapters_are_found_by_number_name_and_path(tmp_path, name):
    for stem in ("01_first", "02_second", "12_last"):
        write_notebook(tmp_path, stem)
    assert find_notebooks([name], tmp_path) == [tmp_path / "02_second.ipynb"]
    assert [path.stem for path in find_notebooks(["12", "1"], tmp_path)] == ["01_first", "12_last"]


def test_a_path_is_that_file_and_no_chapter_of_the_same_name(tmp_path, monkeypatch):
    write_notebook(tmp_path, "02_second")
    (tmp_path / "mine").mkdir()
    write_notebook(tmp_path / "mine", "02_second")
    write_notebook(tmp_path / "mine", "notes")
    mine = str(tmp_path / "mine/02_second.ipynb")
    assert find_notebooks([mine], tmp_path) == [Path(mine)]
    monkeypatch.chdir(tmp_path / "mine")
    assert find_notebooks(["02_second.ipynb"], tmp_path) == [Path(mine)]
    assert [path.stem for path in find_notebooks(["./notes.ipynb", mine])] == ["02_second", "notes"]
    with pytest.raises(FileNotFoundError, match="no such notebook"):
        find_notebooks(["elsewhere/02_second.ipynb"], tmp_path)
    with pytest.raises(ValueError, match="two notebooks of one name"):
        find_notebooks([mine, "2"], tmp_path)


def test_a_report_from_inside_a_notebook_is_no_live_notebook(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/mine.ipynb")
    with run._kernel_environment():
        assert "JPY_SESSION_NAME" not in os.environ
    assert os.environ["JPY_SESSION_NAME"] == "/home/me/mine.ipynb"


def test_another_python3_kernel_on_the_computer_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "kernels/python3").mkdir(parents=True)
    foreign = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (tmp_path / "kernels/python3/kernel.json").write_text(json.dumps(foreign))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    write_notebook(tmp_path, "01_first")
    assert [report.passed for report in run.run_reports(notebooks=tmp_path, output=tmp_path / "reports")] == [True]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("None", None),
        ("sample", "sample"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_command_line_values_become_python_values(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_kernels_get_figures_in_the_notebook_and_the_process_keeps_its_settings(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    with run._kernel_environment():
        assert "inline" in os.environ["MPLBACKEND"]
    assert os.environ["MPLBACKEND"] == "Agg"
    assert "PYTHONHASHSEED" not in os.environ


@pytest.mark.parametrize(
    ("latex", "wanted"),
    [
        (r"\begin{align} a &= b \\ c &= d \end{align}", "<mtr>.*<mtr>"),
        (r"\begin{aligned} a &= b \end{aligned}", "<mtable"),
        (r"\begin{bmatrix}0&1\\1&0\end{bmatrix}", '<mtable class="square">'),
        (r"\arg\min_x \mathbb{E}[x]", "<mo>arg</mo>"),
        (r"\unheardof{x} < 1", r"<code class=\"latex\">\\unheardof\{x\} &lt; 1</code>"),
    ],
)
def test_formulas_become_mathml_or_show_their_source(latex, wanted):
    assert re.search(wanted, mathml(latex, "block"), re.DOTALL)
    assert "(1)" not in mathml(latex, "block")


def test_prose_embeds_local_pictures_and_links_to_outside_ones(tmp_path):
    pages.Image.new("RGB", (2, 2)).save(tmp_path / "dot.png")
    html = Prose(tmp_path).to_html("![a dot](dot.png) ![far away](https://example.org/x.png) ![lost](none.png)")
    page = BeautifulSoup(html, "html.parser")
    assert [image["src"][:21] for image in page.find_all("img")] == ["data:image/png;base64"]
    assert page.a.get_text() == "far away" and "lost" in page.get_text()


def test_grading_cells_have_badges():
    def graded(**grading):
        return new_code_cell("1", metadata={"nbgrader": {"schema_version": 3, "grade_id": "x", **grading}})

    assert cells.badge(graded(grade=True, points=2)) == "Tests · 2 points"
    assert cells.badge(graded(grade=True, points=1)) == "Tests · 1 point"
    assert cells.badge(graded(solution=True)) == "Solution"
    assert cells.badge(graded(solution=True, grade=True, points=3)) == "Exercise, marked by hand · 3 points"
    assert cells.badge(graded(locked=True)) == "Exercise"
    assert cells.badge(new_code_cell("1")) == ""


def test_code_that_only_builds_sentences_is_folded_below_them():
    sentence = new_output("display_data", data={"text/markdown": "All is well."})
    shown, hidden = (new_code_cell("display()", metadata={"tags": tags}, outputs=[sentence], id=f"cell-{number}")
                     for number, tags in enumerate([[], ["hide-input"]]))  # fmt: skip
    run = {"name": "01_x", "passed": True, "failure": None, "seconds": 1, "finished": "2026-01-01", "seed": 1,
           "versions": {}}  # fmt: skip
    page = pages.chapter_page(new_notebook(cells=[shown, hidden]), Path(), run, None, None)
    first, second = BeautifulSoup(page, "html.parser").select(".code-cell")
    assert first.find("details") is None and first.get_text().index("display()") < first.get_text().index("All is well")
    assert second.details.summary.get_text() == "Show the code" and not second.details.has_attr("open")
    assert second.get_text().index("All is well") < second.get_text().index("display()")


def test_long_texts_in_tables_are_broken_and_numbers_are_not():
    rows = "".join(
        f"<tr><td>{text}</td></tr>" for text in ("1.5", "a name", "a sentence of clearly more than forty characters")
    )
    page = BeautifulSoup(Prose(Path()).offline(f"<table>{rows}</table>"), "html.parser")
    assert [cell.get("class") for cell in page.find_all("td")] == [["number"], None, ["long"]]


def test_bars_and_widgets_leave_only_their_last_line():
    assert cells.final_text("1/3\r2/3\r3/3 done\r\nnext") == "3/3 done\nnext"
    assert cells.final_text("I0000 00:00:17.9  24 port.cc:1] oneDNN is on\nE0000 00:00:18.0 out of memory") == (
        "E0000 00:00:18.0 out of memory"
    )
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "HBox()"}
    output = nbformat.v4.new_output("display_data", data=widget)
    assert cells.to_outputs(new_code_cell("x", outputs=[output]), Prose(Path())) == []


def test_numbers_names_and_times_are_readable():
    assert pages.key_figures({"accuracy": 0.87349, "images": 12345, "by_class": {}, "good": True, "name": "x"}) == {
        "Accuracy": "0.873",
        "Images": "12,345",
    }
    assert pages.readable_name("psnr_gain_db") == "PSNR gain (dB)"
    assert [pages.readable_time(seconds) for seconds in (0.3, 48.2, 185, 3720)] == [
        "under 1 s",
        "48 s",
        "3 min 05 s",
        "1 h 02 min",
    ]


def test_the_cover_file_goes_before_the_first_figure(tmp_path):
    pages.Image.new("RGB", (1600, 800), "red").save(tmp_path / "cover.png")
    address = pages.cover(new_notebook(), tmp_path)
    picture = pages.Image.open(pages.io.BytesIO(pages.base64.b64decode(address.split(",")[1])))
    assert picture.size == (pages.COVER_WIDTH, pages.COVER_WIDTH // 2)
    assert pages.cover(new_notebook(), tmp_path / "none") == ""
