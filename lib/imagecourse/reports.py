"""Notebooks to reports: papermill runs the chapters, the results are collected, the site is built from them."""

import ast
import json
import os
import platform
import re
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

import imagecourse
from imagecourse.images import atomic_path
from imagecourse.site.pages import chapter_page, cover, index_page, introduction

DEFAULT_OUTPUT = "reports"
CELL_TIMEOUT = 3600  # seconds
PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python", "scikit-image", "imagecourse")
KERNEL_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # sets keep their order from run to run
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # figures land in the notebook whatever the caller uses
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


@dataclass(frozen=True)
class Failure:
    """Where a chapter stopped: `cell` counts the stored notebook's cells from 1; `line` is the first of its source."""

    cell: int
    cell_id: str
    line: str
    message: str


@dataclass(frozen=True)
class Run:
    """How a chapter ran: `seconds` on the clock, `finished` in ISO format, `failure` None where it passed."""

    name: str
    passed: bool
    seconds: float
    finished: str
    seed: int | None
    parameters: dict
    figures_dir: str
    versions: dict[str, str]
    failure: Failure | None = None


def run_reports(
    names: Iterable[str] = (),
    parameters: dict | None = None,
    output: str | os.PathLike = DEFAULT_OUTPUT,
    jobs: int = 1,
    notebooks: str | os.PathLike | None = None,
) -> list[Run]:
    """Run chapters, write `NN_name.ipynb`, `metrics.json` and `runs.json` in `output`, and build the site there.

    names: chapters as `01_preprocessing`, `1` or `01`; none means all. parameters: values for the notebooks'
    parameters; a chapter gets those it knows. jobs: chapters that run side by side. notebooks: their folder.
    A chapter that fails leaves its outputs so far, and the others run. Relative folders start at the current one.
    Raises: FileNotFoundError without notebooks, ValueError for a chapter or a parameter that does not exist.
    """
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: give 1 or more")
    paths = find_notebooks(names, notebooks)
    settings = {name: _from_here(name, value) for name, value in (parameters or {}).items()}
    known = {path: read_parameters(path) for path in paths}
    _refuse_unknown(settings, known)
    own_figures = bool(settings) or Path(output) != Path(DEFAULT_OUTPUT)
    output = Path(output).resolve()
    tasks = [_task(path, known[path], settings, output, own_figures) for path in paths]
    runs = []
    try:
        for run in joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks):
            runs.append(run)
            _record(run, output)
    finally:
        if runs:
            build_site(output)
    return runs


def find_notebooks(names: Iterable[str] = (), folder: str | os.PathLike | None = None) -> list[Path]:
    """Paths of the chapters with these names or numbers, in their order; all chapters when there are no names.

    folder: where they are; None looks in ./notebooks, then in the project that the package is installed from.
    """
    places = [Path(folder)] if folder else [Path("notebooks"), Path(imagecourse.__file__).parents[2] / "notebooks"]
    chapters = next((found for place in places if (found := sorted(place.glob("[0-9]*_*.ipynb")))), [])
    if not chapters:
        raise FileNotFoundError(f"{places[0]}: no notebooks here; run the command from the project's folder")
    wanted = {_find_chapter(name, chapters) for name in names}
    return [path.resolve() for path in chapters if not wanted or path in wanted]


def _find_chapter(name: str, chapters: list[Path]) -> Path:
    stem = Path(name).name.removesuffix(".ipynb")
    for path in chapters:
        if path.stem == stem or (stem.isdecimal() and int(stem) == chapter_number(path.stem)):
            return path
    raise ValueError(f"{name}: no such chapter; choose from {', '.join(path.stem for path in chapters)}")


def chapter_number(name: str) -> int:
    """1 for `01_preprocessing`."""
    return int(re.match(r"\d+", name).group())


def read_parameters(path: Path) -> dict:
    """Names and default values of a notebook's parameters: the literals of its cell tagged `parameters`."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise ValueError(f"{path}: not a notebook ({str(error).splitlines()[0]}); restore the file") from error
    cell = next((cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])), None)
    assignments = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)] if cell else []
    return {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assignments}


def parse_value(text: str) -> object:
    """A value from the command line: true, false, none, numbers and Python literals as such, the rest as text."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _from_here(name: str, value: object) -> object:
    is_folder = name.endswith("_dir") and isinstance(value, str)
    return str(Path(value).expanduser().resolve()) if is_folder else value


def _refuse_unknown(settings: dict, known: dict[Path, dict]) -> None:
    names = sorted({name for parameters in known.values() for name in parameters})
    for name in settings:
        if name == "output_dir":
            raise ValueError("-p output_dir: the command sets it; use --output")
        if name not in names:
            raise ValueError(f"-p {name}: no such parameter; there are {', '.join(names)}")


def _task(path: Path, defaults: dict, settings: dict, output: Path, own_figures: bool):
    """The run of one chapter, as joblib takes it: a function and its arguments."""
    folders = {"output_dir": str(output / path.stem)}
    if own_figures:
        folders["figures_dir"] = str(output / "figures" / path.stem)
    injected = {name: value for name, value in (folders | settings).items() if name in defaults}
    return joblib.delayed(run_notebook)(path, injected, defaults | injected, output / f"{path.stem}.ipynb")


def run_notebook(path: Path, injected: dict, parameters: dict, destination: Path) -> Run:
    """Run one notebook into `destination`, which changes only when the run is over, failed or not.

    injected: values to put after the parameters cell. parameters: all values it runs with.
    """
    stored = nbformat.read(path, as_version=4)
    (destination.with_suffix("") / "metrics.json").unlink(missing_ok=True)
    start = time.monotonic()
    with atomic_path(destination) as temporary, _kernel_environment():
        error = _execute(path, injected, temporary)
        executed = nbformat.read(temporary, as_version=4)
        failure = _explain(error, executed, stored) if error else None
        nbformat.write(executed, temporary)
    return Run(
        name=path.stem,
        passed=failure is None,
        seconds=round(time.monotonic() - start, 1),
        finished=datetime.now().astimezone().isoformat(timespec="seconds"),
        seed=parameters.get("seed"),
        parameters={name: value for name, value in parameters.items() if name not in ("output_dir", "figures_dir")},
        figures_dir=str(Path(path.parent, parameters.get("figures_dir", "")).resolve()),
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
            language="python",
            cwd=path.parent,
            progress_bar={"desc": path.stem, "disable": None},
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
    """Kernels started inside get KERNEL_ENVIRONMENT; afterwards the process has its own values back."""
    before = {name: os.environ.get(name) for name in KERNEL_ENVIRONMENT}
    os.environ.update(KERNEL_ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})
        for name in (name for name, value in before.items() if value is None):
            del os.environ[name]


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on, found without importing them."""
    installed = {distribution.name for distribution in metadata.distributions()}
    versions = {package: metadata.version(package) for package in PACKAGES if package in installed}
    return {"python": platform.python_version(), **versions}


def _record(run: Run, output: Path) -> None:
    """Put one run into runs.json and its numbers into metrics.json; other chapters keep theirs."""
    metrics = _read_json(output / "metrics.json") | {run.name: _read_json(output / run.name / "metrics.json")}
    if not run.passed:
        del metrics[run.name]
    _write_json(dict(sorted(metrics.items())), output / "metrics.json")
    runs = _read_json(output / "runs.json") | {run.name: asdict(run)}
    _write_json(dict(sorted(runs.items())), output / "runs.json")


def build_site(output: Path) -> None:
    """Write the page of every chapter that has been run into `output`, and the index."""
    runs = [run for run in _read_json(output / "runs.json").values() if (output / f"{run['name']}.ipynb").is_file()]
    notebooks = [nbformat.read(output / f"{run['name']}.ipynb", as_version=4) for run in runs]
    metrics = _read_json(output / "metrics.json")
    chapters = []
    for run, notebook in zip(runs, notebooks, strict=True):
        title, summary = introduction(notebook)
        texts = {"number": chapter_number(run["name"]), "title": title or run["name"], "summary": summary}
        results = {"cover": cover(notebook, Path(run["figures_dir"])), "metrics": metrics.get(run["name"], {})}
        chapters.append(run | texts | results)
    for index, (chapter, notebook) in enumerate(zip(chapters, notebooks, strict=True)):
        folder = Path(notebook.metadata.papermill.input_path).parent
        before, after = ([None, *chapters][index], [*chapters, None][index + 1])
        _write_text(chapter_page(notebook, folder, chapter, before, after), output / f"{chapter['name']}.html")
    latest = max(chapters, key=lambda chapter: chapter["finished"])
    _write_text(index_page(chapters, latest["versions"]), output / "index.html")


def _read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_json(value: dict, path: Path) -> None:
    _write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", path)


def _write_text(text: str, path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
