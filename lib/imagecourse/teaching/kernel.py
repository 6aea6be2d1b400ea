"""The kernel that grading runs: IPython's, but before each test the functions that tests rely on are put back.

`python -m imagecourse.teaching.kernel -f CONNECTION_FILE`. Code in the same process can defeat this with enough
effort; it stops what students try: a patched numpy, a shadowed name, a transformer that swallows the tests, a look
at the source of tests that have run.
"""

import ast
import builtins
import contextlib
import linecache
import sys
import types

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

GUARD_MARK = "# grading: keep\n"
TEST_MARK = "# grading: test\n"
GUARDED = {"builtins", "math", "operator", "IPython", "numpy", "scipy", "pandas", "sklearn", "skimage", "imagecourse"}
SHELL_METHODS = ("run_cell", "run_cell_async", "run_code", "run_ast_nodes", "transform_cell", "showtraceback")
LAST_ERROR = ("last_exc", "last_type", "last_value", "last_traceback")


class GradingKernel(IPythonKernel):
    """Knows two kinds of code by their first line: imports whose names it keeps, and tests."""

    def __init__(self, **options):
        super().__init__(**options)
        self._kept: dict[str, object] = {}
        self._functions: list[tuple[types.ModuleType, dict]] = []
        self._codes: list[tuple[types.FunctionType, types.CodeType]] = []
        self._modules: dict[str, types.ModuleType] = {}

    async def do_execute(self, code, silent, *arguments, **options):
        """Run code as IPython does; tests among trusted functions, leaving no trace of their source."""
        if code.startswith(GUARD_MARK):
            self._keep(code)
            code = ""
        if not code.startswith(TEST_MARK):
            return await super().do_execute(code, silent, *arguments, **options)
        self._restore(code)
        sources = set(linecache.cache)
        try:
            return await super().do_execute(code, silent, *arguments, **options)
        finally:
            for name in set(linecache.cache) - sources:
                del linecache.cache[name]
            for name in LAST_ERROR:
                vars(sys).pop(name, None)

    def _keep(self, code: str) -> None:
        """Run imports and dotted names, remember what they name and the functions of all modules loaded by then."""
        for statement in ast.parse(code).body:
            with contextlib.suppress(ImportError, NameError, AttributeError):
                exec(compile(ast.unparse(statement), "<kept>", "exec"), self._kept)
        self._modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] in GUARDED}
        for module in self._modules.values():
            functions = {name: value for name, value in vars(module).items() if callable(value)}
            self._functions.append((module, functions))
            plain = [value for value in functions.values() if isinstance(value, types.FunctionType)]
            self._codes += [(function, function.__code__) for function in plain]

    def _restore(self, code: str) -> None:
        for module, functions in self._functions:
            vars(module).update(functions)
        for function, original in self._codes:
            if function.__code__ is not original:
                function.__code__ = original
        sys.modules.update(self._modules)
        sys.settrace(None)
        sys.setprofile(None)
        self.shell.input_transformers_post.clear()
        self.shell.ast_transformers.clear()
        for name in SHELL_METHODS:
            vars(self.shell).pop(name, None)
        for name in {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}:
            if name in self._kept:
                self.shell.user_ns[name] = self._kept[name]
            elif hasattr(builtins, name):
                self.shell.user_ns.pop(name, None)


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=GradingKernel)
