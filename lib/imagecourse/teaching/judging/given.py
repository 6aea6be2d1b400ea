"""Which cells of a chapter its tests need: what the judge runs itself, and what it has to ask the student for.

Only names count: a cell is needed where it binds a name, or an attribute or item of it, that a test uses, directly
or through other cells. What a call changes inside an object (`network.fit(…)`) is not looked for.
"""

import ast
import builtins
import symtable
from dataclasses import dataclass

GIVEN, SOLUTION, TEST = "given", "solution", "test"


@dataclass(frozen=True)
class Cell:
    """A code cell of the teacher's chapter. role: GIVEN, SOLUTION or TEST; name: its grade id, where it has one."""

    source: str
    role: str
    name: str = ""


@dataclass(frozen=True)
class Needs:
    """What a test needs. shared: cells that are the same for all students; own: cells that depend on what the student
    wrote or is; asked: names that come from the student. Cells as their numbers, in their order."""

    shared: list[int]
    own: list[int]
    asked: list[str]


def needs_of(test: int, cells: list[Cell], personal: set[str]) -> Needs:
    """What the test with this number needs. personal: names whose value differs from student to student."""
    wanted = used_names(cells[test].source)
    solutions = {name for cell in cells if cell.role == SOLUTION for name in bound_names(cell.source)}
    while True:
        numbers, asked = _needed(test, cells, wanted)
        later = set().union(*(deferred_names(cells[number].source) for number in numbers)) - wanted
        if not later:  # what functions use may be bound behind them
            break
        wanted |= later
    own, tainted = [], personal | (asked & solutions)
    for number in numbers:
        if used_names(cells[number].source) & tainted:
            own.append(number)
            tainted |= bound_names(cells[number].source)
    return Needs([number for number in numbers if number not in own], own, sorted(asked))


def _needed(test: int, cells: list[Cell], wanted: set[str]) -> tuple[list[int], set[str]]:
    """Numbers of the cells that give names to a test, and the names that none of them gives."""
    numbers, asked = [], set()
    for number in reversed(range(test)):
        source = cells[number].source if cells[number].role != TEST else bindings(cells[number].source)
        bound = bound_names(source)
        if cells[number].role == SOLUTION:
            asked |= wanted & bound
            wanted = wanted - bound
        elif wanted & (bound | changed_names(source)):
            numbers.insert(0, number)
            wanted = (wanted - bound) | used_names(source)
    return numbers, asked | {name for name in wanted if not hasattr(builtins, name)}


def bindings(source: str) -> str:
    """The statements of a test that bind names: what a later test may use."""
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return ast.unparse(ast.Module([node for node in ast.parse(source).body if isinstance(node, kinds)], []))


def bound_names(source: str) -> set[str]:
    """Names that a cell binds at its outermost level."""
    table = symtable.symtable(source, "cell", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def changed_names(source: str) -> set[str]:
    """Names of which a cell sets an attribute or an item."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if root is not node and isinstance(getattr(node, "ctx", None), ast.Store) and isinstance(root, ast.Name):
            found.add(root.id)
    return found


def used_names(source: str) -> set[str]:
    """Names that a cell uses and has not bound itself before."""
    used, bound = set(), set()
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        direct, deferred = _references(symtable.symtable(text, "cell", "exec"))
        if not isinstance(statement, ast.Assign | ast.AugAssign):
            direct -= bound_names(text)  # a loop's variable, say
        used |= (direct | (deferred - bound_names(source))) - bound
        bound |= bound_names(text)
    return used


def deferred_names(source: str) -> set[str]:
    """Global names that the functions of a cell use when they are called."""
    return _references(symtable.symtable(source, "cell", "exec"))[1]


def _references(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Global names used at the outermost level, and inside functions."""
    direct = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    deferred = set()
    for child in table.get_children():
        deferred |= _global_references(child)
    return direct, deferred


def _global_references(table: symtable.SymbolTable) -> set[str]:
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return found.union(*(_global_references(child) for child in table.get_children()))
