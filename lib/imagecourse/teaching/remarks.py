"""What a teacher should look at in a student's code: names that honest solutions rarely need, and ready-made answers.

A remark is a hint. It takes no points, and the student does not see it.
"""

import ast
import re

from nbformat import NotebookNode

from imagecourse.exercises.cells import grade_id, is_solution, is_test
from imagecourse.teaching.judging.running import EXTRA

UNUSUAL = re.compile(
    r"\b(get_ipython|IPython\.core|ipykernel|InteractiveShell|ctypes|subprocess|socket|linecache|inspect|settrace|setprofile"
    r"|_getframe|f_back|f_globals|currentframe|findsource|builtins|signal|importlib|memfd_create|mmap|imagecourse\.teaching"
    r"|vmsplice|getattribute|multiprocessing)\b"
    r"|\b(gc\.\w+|sys\.modules|os\.(?:system|kill|fork|_exit|exec\w+|spawn\w+|unlink|remove))\b"
    r"|(__(?:code|closure|globals|eq|class|builtins|defaults|subclasses|bases|mro|array_function|array_ufunc)__)"
    r"|\b((?:np|numpy)\.testing\.\w+ *=(?!=))|(<(?:script|iframe|object|embed|img|svg)\b|javascript:)"
)
LIST = re.compile(r"^# remark on: *(.+)$", re.MULTILINE)
HIDDEN = re.compile(r"BEGIN HIDDEN TESTS.*?END HIDDEN TESTS", re.DOTALL)
EVERYDAY = {"numpy", "math", "builtins", "operator", "random"}  # what tests call to make values, not to compute answers


def unusual(staged: NotebookNode, release: NotebookNode) -> list[str]:
    """Names in the student's own cells that honest answers rarely need, and what a browser would run."""
    known = {cell.source for cell in release.cells}
    own = "\n".join(cell.source for cell in staged.cells if cell.source not in known)
    names = {next(filter(None, match)).strip(" =") for match in UNUSUAL.findall(own)}
    return [f"look at: {', '.join(sorted(names))}"] if names else []


def ready_made(staged: NotebookNode, source: NotebookNode) -> list[str]:
    """Calls in a solution of what its hidden test compares with.

    source: the teacher's notebook. Taken are functions that the hidden test calls, but for NumPy's and Python's own,
    and those in a line `# remark on: scipy.signal.convolve2d, cv2.filter2D` of the test.
    """
    imports = _imports(source)
    answers = {grade_id(cell): cell.source for cell in staged.cells if is_solution(cell)}
    helpers = "\n".join(cell.source for cell in staged.cells if cell.id.startswith(EXTRA) and cell.cell_type == "code")
    remarks, solution = [], ""
    for cell in source.cells:
        solution = grade_id(cell) if is_solution(cell) else solution
        if is_test(cell):
            watched = watched_calls(cell.source, imports)
            used = _calls(f"{answers.get(solution, '')}\n{helpers}", imports | _imports(staged))
            found = sorted({call for call in used for name in watched if _same(call, name)})
            remarks += [f"{solution}: calls {', '.join(found)}, which is what its test compares with"] if found else []
    return remarks


def watched_calls(test: str, imports: dict[str, str]) -> set[str]:
    """Full names of ready-made answers: what a hidden test calls, and what it lists."""
    listed = {name.strip() for line in LIST.findall(test) for name in line.split(",") if name.strip()}
    hidden = "\n".join(part.partition("\n")[2].rpartition("\n")[0] for part in HIDDEN.findall(test))
    return listed | {call for call in _calls(hidden, imports) if call.partition(".")[0] not in EVERYDAY}


def _imports(notebook: NotebookNode) -> dict[str, str]:
    """Full names of what the code cells import, by the names they have there."""
    found: dict[str, str] = {}
    for cell in notebook.cells:
        for node in ast.walk(_parse(cell.source)) if cell.cell_type == "code" else []:
            if isinstance(node, ast.Import):
                found |= {alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else
                          alias.name.partition(".")[0] for alias in node.names}  # fmt: skip
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _calls(code: str, imports: dict[str, str]) -> set[str]:
    """Full names of imported functions that code names, called or handed on."""
    found = set()
    for node in ast.walk(_parse(code)):
        if isinstance(node, ast.Attribute | ast.Name):
            root, _, rest = ast.unparse(node).partition(".")
            if root in imports and re.fullmatch(r"[\w.]*", rest):
                found.add(f"{imports[root]}.{rest}".rstrip("."))
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)} - set(imports)


def _same(call: str, watched: str) -> bool:
    """The same function, whichever module of its package it is taken from."""
    return call.partition(".")[0] == watched.partition(".")[0] and call.rpartition(".")[2] == watched.rpartition(".")[2]


def _parse(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
