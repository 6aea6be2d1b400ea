"""The process that runs a student's notebook: cells, visible tests, and its functions when they are asked for.

`python -m imagecourse.teaching.judging.student FOLDER`, started behind walls; see `wire` for how it is spoken to. It
never receives a hidden test, only the values on which one of the student's functions is to be called. Whatever the
student's code does to this process changes what it answers, and nothing else.
"""

import builtins
import contextlib
import importlib
import json
import operator
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from imagecourse.teaching.judging import networks, wire
from imagecourse.teaching.judging.kinds import TOO_LARGE, NotPlainError, word_for
from imagecourse.teaching.judging.plain import decode, encode
from imagecourse.teaching.judging.shell import Shell

LONGEST_TEXT = 1000  # characters of an error's message


class Callback:
    """A function of the judge's, called here."""

    def __init__(self, student: "Student", number: int):
        self._student, self._number = student, number
        self.__name__ = "function"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._student.call_back(self._number, arguments, options)


class Student:
    """Serves one notebook. shell: runs its cells; source, sink: where messages come from and go to."""

    def __init__(self, shell: Shell, source: BinaryIO, sink: BinaryIO):
        self._shell, self._sink = shell, sink
        self._messages: queue.Queue = queue.Queue()
        self._snapshots: dict[str, dict] = {}
        self._objects: list[Any] = []
        self._running = False
        self._process = os.getpid()
        self._lent: list[tuple[Any, Any]] = []  # what came as an argument and is no plain data, and how it came
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def serve(self) -> None:
        """Answer messages until there are no more."""
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                self._answer(*self._messages.get())

    def _listen(self, source: BinaryIO) -> None:
        while True:
            try:
                head, pieces = wire.receive(source)
            except (EOFError, OSError, ValueError):
                os._exit(0)
            if head["do"] == "interrupt":
                signal.raise_signal(signal.SIGINT) if os.name == "nt" else os.kill(os.getpid(), signal.SIGINT)
            else:
                self._messages.put((head, pieces))

    def _answer(self, head: dict, pieces: list[bytes]) -> None:
        actions = {
            "files": self._write_files,
            "run": self._run,
            "keep": self._keep,
            "call": self._call,
            "get": self._get,
        }
        try:
            reply, content = self._interruptible(lambda: actions[head["do"]](head, pieces))
        except KeyboardInterrupt:
            reply, content = {"interrupted": True}, []
        except BaseException as error:  # the code may have broken anything here
            reply, content = {"failed": type(error).__name__}, []
        self._send({"do": "done"} | reply, content)

    def _send(self, head: dict, pieces: list[bytes]) -> None:
        if os.getpid() != self._process:
            os._exit(0)  # a copy that the code made of this process
        try:
            wire.send(self._sink, head, pieces)
        except wire.BrokenMessageError:
            wire.send(self._sink, {"do": "done", "unplain": TOO_LARGE})

    def _interruptible(self, action: Callable[[], Any]) -> Any:
        signal.signal(signal.SIGINT, self._on_interrupt)
        outer, self._running = self._running, True
        try:
            return action()
        finally:
            self._running = outer

    def _on_interrupt(self, *_: Any) -> None:
        if self._running:
            raise KeyboardInterrupt

    def _write_files(self, head: dict, pieces: list[bytes]) -> tuple[dict, list]:
        for name, content in zip(head["names"], pieces, strict=True):
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return {}, []

    def _run(self, _: dict, pieces: list[bytes]) -> tuple[dict, list]:
        error = self._shell.execute(pieces[0].decode())
        return {"interrupted": bool(error) and error["name"] == "KeyboardInterrupt"}, [
            json.dumps({"error": error, "outputs": self._shell.outputs.all}).encode()
        ]

    def _keep(self, head: dict, _: list[bytes]) -> tuple[dict, list]:
        """Remember all names as they are now, and give those that are wanted: data as it is, the rest by its kind."""
        names = self._shell.user_ns
        self._snapshots[head["exercise"]] = dict(names)
        kinds, values = {}, {}
        for name in head["names"]:
            if name in names:
                kinds[name], values[name] = self._look_at(names[name])
        return {"kinds": kinds}, encode(
            {name: value for name, value in values.items() if kinds[name] == "data"}, _outward
        )

    def _look_at(self, value: Any) -> tuple[str, Any]:
        try:
            encode(value, _outward)
        except NotPlainError as error:
            kind = "class" if isinstance(value, type) else "function" if callable(value) else str(error)
            return kind, None
        return "data", value

    def _call(self, head: dict, pieces: list[bytes]) -> tuple[dict, list]:
        """Call a function, method or class with plain arguments; gives its result, and arguments that it changed."""
        self._recall(head["exercise"])
        self._lent = []
        arguments = decode(pieces, self._inward)
        target = self._target(head)
        try:
            result = target(*arguments[0], **arguments[1])
        except Exception as error:
            return _raised(error), []
        if isinstance(target, type):
            result = self._as_object(result)
        try:
            changed = encode(arguments, self._outward_again)
        except NotPlainError:
            changed = pieces
        try:
            return {"changed": changed != pieces}, encode((result, arguments) if changed != pieces else result,
                                                          self._outward_again)  # fmt: skip
        except NotPlainError as error:
            return {"unplain": str(error)}, []

    def _get(self, head: dict, _: list[bytes]) -> tuple[dict, list]:
        """An attribute of an object: data, or that it is a method."""
        try:
            value = getattr(self._objects[head["object"]], head["attribute"])
        except Exception as error:
            return _raised(error), []
        try:
            return {}, encode(value, _outward)
        except NotPlainError as error:
            return ({"method": True} if callable(value) else {"unplain": str(error)}), []

    def _recall(self, exercise: str) -> None:
        names, kept = self._shell.user_ns, self._snapshots[exercise]
        for name in names.keys() - kept.keys():
            del names[name]
        names.update(kept)

    def _target(self, head: dict) -> Any:
        if "object" in head:
            return operator.attrgetter(head["attribute"])(self._objects[head["object"]])
        return self._shell.user_ns[head["name"]]

    def _as_object(self, value: Any) -> Any:
        with contextlib.suppress(NotPlainError):
            encode(value, _outward)
            return value
        self._objects.append(value)
        self._lent.append((value, {"object": len(self._objects) - 1}))
        return value

    def call_back(self, number: int, arguments: tuple, options: dict) -> Any:
        """Call a function of the judge's. Raises: what it raises; TypeError for arguments that are no plain data."""
        pieces = encode((list(arguments), options), self._outward_again)
        lent = self._lent
        self._send({"do": "callback", "number": number}, pieces)
        while True:
            head, pieces = self._messages.get()
            if head["do"] == "answer":
                break
            self._answer(head, pieces)
        self._lent = lent
        if "raised" in head:
            raise getattr(builtins, head["raised"])("the function that was given raised this")
        return decode(pieces, self._inward)

    def _inward(self, tree: dict, decoder: Any) -> Any:
        """What comes from the judge and is no plain data."""
        ((tag, content),) = tree.items()
        if tag in networks.TAGS:
            return networks.to_value(tag, content, decoder)
        if tag == "callback":
            value = Callback(self, content)
        elif tag == "import":
            value = operator.attrgetter(content[1])(importlib.import_module(content[0]))
        elif tag == "object":
            value = self._objects[content]
        else:  # a name, of the student's or of what was given
            value = self._shell.user_ns[content]
        self._lent.append((value, tree))
        return value

    def _outward_again(self, value: Any, encoder: Any) -> Any:
        """What goes to the judge and is no plain data, in the way in which it came where it came from there."""
        known = [tree for lent, tree in self._lent if lent is value]
        return known[0] if known else _outward(value, encoder)


def _outward(value: Any, encoder: Any) -> Any:
    tree = networks.to_json(value, encoder)
    if tree is None or "keras" in tree:
        raise NotPlainError(word_for(value))
    return tree


def _raised(error: Exception) -> dict:
    names = [kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind]
    try:
        text = str(error)[:LONGEST_TEXT]
    except Exception:
        text = ""
    return {"raised": names[0], "text": text}


def main() -> None:
    folder = Path(sys.argv[1])
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    for name in ("work", "home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    os.chdir(folder / "work")
    sys.path[0] = ""
    sys.argv = [""]
    Student(Shell.instance(), source, sink).serve()


if __name__ == "__main__":
    main()
