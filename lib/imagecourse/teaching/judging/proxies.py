"""What stands in the judge for the student's functions, classes and objects: each use is a question to the student."""

import builtins
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from imagecourse.teaching.judging import networks
from imagecourse.teaching.judging.kinds import WORDS, NotPlainError
from imagecourse.teaching.judging.plain import decode, encode

IMPORTABLE = {"builtins", "math", "operator", "statistics", "numpy", "scipy", "pandas", "sklearn", "skimage", "cv2",
              "PIL", "keras", "tensorflow", "imagecourse"}  # fmt: skip
Exchange = Callable[[dict, list[bytes]], tuple[dict, list[bytes]]]


class StudentStoppedError(BaseException):
    """The student's process no longer answers; no test may catch this."""


class BrokenTestError(Exception):
    """The test itself cannot be judged; the message says why."""


class Questions:
    """Asks the student's process. exchange: sends a message there and gives the reply.

    given: names of the chapter's own cells, which both sides have. problem: what was wrong with an answer, in words
    for the student; broken: what is wrong with the test, for the teacher.
    """

    def __init__(self, exchange: Exchange, exercise: str, given: dict[str, Any]):
        self._exchange, self._exercise, self.given = exchange, exercise, given
        self._functions: list[Callable] = []
        self._before: list[tuple[Any, Any]] = []  # what the student's functions changed, and as what it came
        self.problem, self.broken = "", ""

    def answers(self, kinds: dict[str, str], pieces: list[bytes]) -> dict[str, Any]:
        """What the student defined, by name: data, and what asks for more. kinds: what each name is."""
        try:
            values = decode(pieces, self._inward) if pieces else {}
        except (ValueError, NotPlainError):
            values = {}
        names: dict[str, Any] = {}
        for name, kind in kinds.items():
            if kind in ("function", "class"):
                names[name] = StudentFunction(self, {"name": name}, name)
            elif kind == "data" and name in values:
                names[name] = values[name]
            else:
                self.problem = self.problem or f"{name} is {kind if kind in WORDS else 'no plain data'}"
        return names

    def call(self, target: dict, what: str, arguments: tuple, options: dict) -> Any:
        """Call a function, method or class of the student's; lists and arrays that it changes change here too."""
        given = [list(arguments), options]
        try:
            pieces = encode(given, self._outward)
        except NotPlainError as error:
            raise self._break(f"an argument of {what} is {error}") from error
        head, pieces = self._ask({"do": "call", "exercise": self._exercise} | target, pieces)
        self._check(head, what)
        value = self._read(pieces, what)
        if head.get("changed"):
            value, changed = value
            for old, new in zip([*given[0], *given[1].values()], [*changed[0], *changed[1].values()], strict=True):
                self._write_back(old, new)
        return value

    def _write_back(self, old: Any, new: Any) -> None:
        """Let a change that the student's function made to an argument show here, until `restore`."""
        if type(old) is type(new) and _content(old) is not None:
            self._before.append((old, _content(old)))
            _put(old, _content(new))

    def restore(self) -> None:
        """Give what the chapter's own cells made back the content that it had before the student's functions got it."""
        for value, content in reversed(self._before):
            _put(value, content)

    def _break(self, reason: str) -> "BrokenTestError":
        self.broken = reason
        return BrokenTestError(reason)

    def get(self, number: int, name: str) -> Any:
        """An attribute of one of the student's objects: data, or a method to call."""
        head, pieces = self._ask({"do": "get", "object": number, "attribute": name}, [])
        if head.get("method"):
            return StudentFunction(self, {"object": number, "attribute": name}, name)
        self._check(head, name)
        return self._read(pieces, name)

    def _ask(self, head: dict, pieces: list[bytes]) -> tuple[dict, list[bytes]]:
        head, pieces = self._exchange(head, pieces)
        while head.get("do") == "callback":
            head, pieces = self._exchange(*self._call_back(head, pieces))
        if head.get("do") != "done" or head.get("interrupted"):
            raise StudentStoppedError
        return head, pieces

    def _call_back(self, head: dict, pieces: list[bytes]) -> tuple[dict, list[bytes]]:
        """Call a function of the test's, because the student's function did."""
        try:
            arguments, options = decode(pieces, self._inward)
            result = self._functions[head["number"]](*arguments, **options)
            return {"do": "answer"}, encode(result, self._outward)
        except Exception as error:
            return {"do": "answer", "raised": _builtin(type(error))}, []

    def _check(self, head: dict, what: str) -> None:
        if "raised" in head:
            kind = getattr(builtins, str(head["raised"]), None)
            known = isinstance(kind, type) and issubclass(kind, Exception)
            raise (kind if known else RuntimeError)(str(head.get("text", "")))
        if "unplain" in head or "failed" in head:
            word = head.get("unplain")
            self._refuse(f"{what} gives {word if word in WORDS else 'no plain data'}")

    def _read(self, pieces: list[bytes], what: str) -> Any:
        try:
            return decode(pieces, self._inward)
        except (ValueError, NotPlainError):
            return self._refuse(f"{what} gives no plain data")

    def _refuse(self, problem: str) -> None:
        self.problem = self.problem or problem
        raise AssertionError(problem)

    def _inward(self, tree: dict, decoder: Any) -> Any:
        ((tag, content),) = tree.items()
        if tag in ("network", "tensor"):
            return networks.to_value(tag, content, decoder)
        if tag == "object" and type(content) is int:
            return StudentObject(self, content)
        if tag == "callback":
            return self._functions[content]
        raise ValueError(f"{tag!r}: not from a student")

    def _outward(self, value: Any, encoder: Any) -> Any:
        """An argument that is no plain data: rebuilt there, named, or called back."""
        if isinstance(value, StudentFunction) and "name" in value._target:
            return {"name": value._target["name"]}
        if isinstance(value, StudentObject):
            return {"object": value._number}
        tree = networks.to_json(value, encoder) or _as_import(value)
        if tree:
            return tree
        name = next((name for name, given in self.given.items() if given is value), None)
        if name and not callable(value):
            return {"name": name}
        if callable(value):
            self._functions.append(value)
            return {"callback": len(self._functions) - 1}
        raise self._break(f"a {type(value).__name__} cannot be an argument: neither data nor a name of the chapter's")


class StudentFunction:
    """Calls a function, class or method of the student's, on data."""

    def __init__(self, questions: Questions, target: dict, name: str):
        self._questions, self._target, self.__name__ = questions, target, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._questions.call(self._target, self.__name__, arguments, options)


class StudentObject:
    """An object of a class of the student's: it has attributes and methods, and equals nothing else."""

    def __init__(self, questions: Questions, number: int):
        self._questions, self._number = questions, number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what numpy and others look for is not there
            raise AttributeError(name)
        return self._questions.get(self._number, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._method("__call__", *arguments, **options)

    def __len__(self) -> int:
        return self._method("__len__")

    def __getitem__(self, key: Any) -> Any:
        return self._method("__getitem__", key)

    def _method(self, name: str, *arguments: Any, **options: Any) -> Any:
        return self._questions.call({"object": self._number, "attribute": name}, name, arguments, options)


def _as_import(value: Any) -> dict | None:
    """Where both sides can import a function, class or module from."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    modules = [getattr(value, "__module__", None) or "", type(value).__module__, "numpy"]
    for module in modules:
        if name and module.partition(".")[0] in IMPORTABLE and _look_up(module, name) is value:
            return {"import": [module, name]}
    return None


def _look_up(module: str, name: str) -> Any:
    value = sys.modules.get(module) or importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def _builtin(kind: type) -> str:
    return next(base.__name__ for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base)


def _content(value: Any) -> Any:
    """What can change in a value and be put back; None where nothing can."""
    if hasattr(value, "get_weights"):
        return value.get_weights()
    if isinstance(value, np.ndarray):
        return value.copy() if value.shape else None
    return value.copy() if isinstance(value, list | dict | set) else None


def _put(value: Any, content: Any) -> None:
    if hasattr(value, "set_weights"):
        value.set_weights(content)
    elif isinstance(value, np.ndarray):
        if value.shape == content.shape:
            value[...] = content
    elif isinstance(value, list):
        value[:] = content
    else:
        value.clear()
        value.update(content)
