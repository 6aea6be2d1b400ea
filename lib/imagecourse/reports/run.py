"""Notebooks to reports: papermill runs the chapters, the results are collected, the site is built from them."""

import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

import joblib
import nbformat
from nbclient.exceptions import CellControlSignal, DeadKernelError
from papermill import PapermillExecutionError, execute_notebook

from imagecourse.exercises.kernels import ThisPython
from imagecourse.files import atomic_path, divert_stderr, read_json, write_json
from imagecourse.reports.chapters import chapter_number, find_notebooks
from imagecourse.reports.pages import chapter_page, cover, index_page, introduction, readable_time
from imagecourse.reports.parameters import Parameter, check_settings, describe_parameters
from imagecourse.reports.search import sections

DEFAULT_OUTPUT = "reports"
FIGURES = "figures"
CELL_TIMEOUT = 3600  # seconds
THREADS = "1"  # sums, and so results, depend on how many there are; networks this small mostly wait for a second one
PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python", "scikit-image", "imagecourse")
KERNEL_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # sets keep their order from run to run
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # figures land in the notebook whatever the caller uses
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": THREADS,
    "OPENBLAS_NUM_THREADS": THREADS,
    "TF_NUM_INTRAOP_THREADS": THREADS,
    "TF_NUM_INTEROP_THREADS": THREADS,
}

NOT_FOR_KERNELS = ("JPY_SESSION_NAME",)  # of a notebook that calls the command; a chapter would take itself for live


@dataclass(frozen=True)
class Failure:
    """Where a chapter stopped: `cell` counts the stored notebook's cells from 1; `line` is the first of its source."""

    cell: int
    cell_id: str
    line: str
    message: str


@dataclass(frozen=True)
class Run:
    """How a chapter ran: `seconds` on the clock, `finished` in ISO format, `failure` None where it passed.

    figures_dir: below the folder of the reports.
    """

    name: str
    passed: bool
    seconds: float
    finished: str
    seed: int | None
    parameters: dict
    figures_dir: str
    versions: dict[str, str]
    failure: Failure | None = None

    def __str__(self) -> str:
        if self.failure is None:
            return f"{self.name}: {readable_time(self.seconds)}"
        return f"{self.name}: cell {self.failure.cell} failed: {self.failure.message}\n  {self.failure.line}"


def run_reports(
    names: Iterable[str] = (),
    parameters: dict | None = None,
    output: str | os.PathLike = DEFAULT_OUTPUT,
    jobs: int = 1,
    notebooks: str | os.PathLike | None = None,
) -> list[Run]:
    """Run chapters, write `NN_name.ipynb`, `NN_name.log`, figures, `metrics.json` and `runs.json` in `output`, and
    build the site there. A line on stderr tells how each chapter went; what its libraries say is in its log.

    names: chapters as `01_preprocessing`, `1` or `01`; none means all. parameters: values for the notebooks'
    parameters; a chapter gets those it knows. jobs: chapters that run side by side. notebooks: their folder.
    A chapter that fails leaves its outputs so far, and the others run. Relative folders start at the current one.
    Raises: FileNotFoundError without notebooks, ValueError for a chapter or a parameter that does not exist, and for a
    value that does not fit.
    """
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: give 1 or more")
    paths = find_notebooks(names, notebooks)
    known = {path: describe_parameters(path) for path in paths}
    settings = check_settings(parameters or {}, known.values())
    output = Path(output).resolve()
    tasks = [_task(path, known[path], settings, output) for path in paths]
    runs = []
    try:
        for run in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks):
            print(run, file=sys.stderr)
            runs.append(run)
            _record(run, output)
    finally:
        if runs:
            build_site(output)
    return sorted(runs, key=lambda run: run.name)


def _from_here(name: str, value: object) -> object:
    is_folder = name.endswith("_dir") and isinstance(value, str)
    return str(Path(value).expanduser().resolve()) if is_folder else value


def _task(path: Path, parameters: dict[str, Parameter], settings: dict, output: Path):
    """The run of one chapter, as joblib takes it: a function and its arguments."""
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    own = {name: value for name, value in settings.items() if name in defaults}
    return joblib.delayed(run_notebook)(path, own, defaults, output)


def run_notebook(path: Path, settings: dict, defaults: dict, output: Path) -> Run:
    """Run one notebook into the folder `output`, whose files change only when the run is over, failed or not.

    settings: values to put after the parameters cell. defaults: what it has there.
    """
    stored = nbformat.read(path, as_version=4)
    figures = Path(FIGURES, path.stem)
    folders = {"output_dir": str(output / path.stem), "figures_dir": str(output / figures)}
    injected = {name: value for name, value in folders.items() if name in defaults}
    injected |= {name: _from_here(name, value) for name, value in settings.items()}
    (output / path.stem / "metrics.json").unlink(missing_ok=True)
    start = time.monotonic()
    with atomic_path(output / f"{path.stem}.ipynb") as temporary, _kernel_environment():
        with divert_stderr(output / f"{path.stem}.log"):
            error = _execute(path, injected, temporary)
        executed = nbformat.read(temporary, as_version=4)
        failure = _explain(error, executed, stored) if error else None
        nbformat.write(executed, temporary)
    parameters = {name: value for name, value in (defaults | settings).items() if name not in folders}
    return Run(
        name=path.stem,
        passed=failure is None,
        seconds=round(time.monotonic() - start, 1),
        finished=datetime.now().astimezone().isoformat(timespec="seconds"),
        seed=parameters.get("seed"),
        parameters=parameters,
        figures_dir=figures.as_posix(),
        versions=package_versions(),
        failure=failure,
    )


def _execute(path: Path, injected: dict, destination: Path) -> Exception | None:
    try:
        execute_notebook(
            str(path).replace("{", "{{").replace("}", "}}"),
            str(destination).replace("{", "{{").replace("}", "}}"),
            injected,
            kernel_name="python3",
            kernel_manager_class=ThisPython,
            language="python",
            cwd=path.parent,
            progress_bar=False,
            execution_timeout=CELL_TIMEOUT,
            extra_arguments=["--log-level=CRITICAL"],
        )
    except (PapermillExecutionError, CellControlSignal, DeadKernelError) as error:
        return error
    return None


def _explain(error: Exception, executed: nbformat.NotebookNode, stored: nbformat.NotebookNode) -> Failure:
    """Name the cell that failed, and give it an error output where the kernel left none (time over, kernel gone)."""
    begun = [cell for cell in executed.cells if cell.metadata.get("papermill", {}).get("start_time")]
    cell = next((cell for cell in begun if _errors(cell)), begun[-1])
    if not _errors(cell):
        reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        cell.outputs.append(
            nbformat.v4.new_output("error", ename=type(error).__name__, evalue=reason, traceback=[reason])
        )
    output = _errors(cell)[0]
    message = f"{output.ename}: {output.evalue}".strip().splitlines()[-1]
    number = next((index for index, other in enumerate(stored.cells, 1) if other.get("id") == cell.id), 0)
    return Failure(number, cell.id, cell.source.strip().split("\n")[0], message)


def _errors(cell: nbformat.NotebookNode) -> list:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Kernels started inside get KERNEL_ENVIRONMENT, and not NOT_FOR_KERNELS; afterwards all is as it was."""
    names = [*KERNEL_ENVIRONMENT, *NOT_FOR_KERNELS]
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(KERNEL_ENVIRONMENT)
    for name in NOT_FOR_KERNELS:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on, found without importing them."""
    installed = {distribution.name for distribution in metadata.distributions()}
    versions = {package: metadata.version(package) for package in PACKAGES if package in installed}
    return {"python": platform.python_version(), **versions}


def _record(run: Run, output: Path) -> None:
    """Put one run into runs.json and its numbers into metrics.json; other chapters keep theirs."""
    metrics = read_json(output / "metrics.json", {}) | {run.name: read_json(output / run.name / "metrics.json", {})}
    if not run.passed:
        del metrics[run.name]
    write_json(output / "metrics.json", dict(sorted(metrics.items())))
    runs = read_json(output / "runs.json", {}) | {run.name: asdict(run)}
    write_json(output / "runs.json", dict(sorted(runs.items())))


def build_site(output: Path) -> None:
    """Write the page of every chapter that has been run into `output`, and the index."""
    runs = [run for run in read_json(output / "runs.json").values() if (output / f"{run['name']}.ipynb").is_file()]
    notebooks = [nbformat.read(output / f"{run['name']}.ipynb", as_version=4) for run in runs]
    metrics = read_json(output / "metrics.json", {})
    chapters = []
    for run, notebook in zip(runs, notebooks, strict=True):
        title, summary = introduction(notebook)
        number = chapter_number(run["name"])
        heading = f"Chapter {number}" if number else run["name"]
        texts = {"number": number, "heading": heading, "title": title or run["name"], "summary": summary}
        results = {"cover": cover(notebook, output / run["figures_dir"]), "metrics": metrics.get(run["name"], {})}
        chapters.append(run | texts | results)
    searched = []
    for index, (chapter, notebook) in enumerate(zip(chapters, notebooks, strict=True)):
        folder = Path(notebook.metadata.papermill.input_path).parent
        before, after = ([None, *chapters][index], [*chapters, None][index + 1])
        page = chapter_page(notebook, folder, chapter, before, after)
        _write_text(page, output / f"{chapter['name']}.html")
        searched += sections(f"{chapter['name']}.html", page, chapter["heading"])
    latest = max(chapters, key=lambda chapter: chapter["finished"])
    _write_text(index_page(chapters, latest["versions"], searched), output / "index.html")


def _write_text(text: str, path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
