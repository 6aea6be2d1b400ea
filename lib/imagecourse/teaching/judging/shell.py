"""IPython without a front end: runs cells as a notebook's kernel does, and keeps their outputs as text and pictures."""

import base64
import io
import sys
import traceback
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

MOST_TEXT = 2**20  # characters of a cell's outputs
MOST_PICTURES = 4 * 2**20  # characters of a cell's pictures, as base64
MOST_OUTPUTS = 300
CONFIGURATION = {"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}


class _Publisher(DisplayPublisher):
    def publish(self, data: dict, metadata: dict | None = None, **_: Any) -> None:
        self.shell.outputs.add_data("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.clear()


class _Hook(DisplayHook):
    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.outputs.add_data("execute_result", format_dict)


class _Writer(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, name: str, outputs: "Outputs"):
        self._name, self._outputs = name, outputs

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._outputs.add_text(self._name, str(text))
        return len(text)


class Outputs:
    """Outputs of the cell that runs, in the order they came; what goes beyond the limits is left out."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all outputs."""
        self.all: list[dict] = []
        self._text, self._pictures = 0, 0

    def add_text(self, name: str, text: str) -> None:
        """Text on stdout or stderr."""
        text = text[: max(0, MOST_TEXT - self._text)]
        self._text += len(text)
        if self.all and self.all[-1].get("name") == name:
            self.all[-1]["text"] += text
        elif text and len(self.all) < MOST_OUTPUTS:
            self.all.append({"output_type": "stream", "name": name, "text": text})

    def add_data(self, kind: str, data: dict) -> None:
        """A result or picture: its text, and PNG where there is one."""
        kept = {"text/plain": str(data.get("text/plain", ""))[: max(0, MOST_TEXT - self._text)]}
        picture = data.get("image/png")
        if picture is not None:
            encoded = base64.b64encode(picture).decode() if isinstance(picture, bytes) else str(picture)
            if self._pictures + len(encoded) <= MOST_PICTURES:
                kept["image/png"] = encoded
                self._pictures += len(encoded)
        self._text += len(kept["text/plain"])
        if len(self.all) < MOST_OUTPUTS:
            self.all.append({"output_type": kind, "data": kept})


class Shell(InteractiveShell):
    """Runs cells; `outputs` holds what the last one put out."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)

    def __init__(self, **options: Any):
        self.outputs = Outputs()
        super().__init__(config=Config(CONFIGURATION), **options)
        sys.stdout, sys.stderr = _Writer("stdout", self.outputs), _Writer("stderr", self.outputs)

    def init_readline(self) -> None:
        """No line to edit."""

    def enable_gui(self, gui: str | None = None) -> None:
        """No window to open."""

    def ask_exit(self) -> None:
        """A cell with `exit` ends nothing."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        pass

    def execute(self, source: str) -> dict | None:
        """Run a cell; gives its error as `name`, `text`, `line` of the cell and `traceback`, None where it has none."""
        self.outputs.clear()
        result = self.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        return describe(error) if error else None


def describe(error: BaseException) -> dict:
    """An error in words, however hard it makes that."""
    try:
        text = str(error)
    except Exception as other:
        text = f"an error that cannot be printed ({type(other).__name__})"
    line = error.lineno if isinstance(error, SyntaxError) else _line(error)
    kind = type(error)
    lines = "".join(traceback.format_exception_only(SyntaxError, error)) if isinstance(error, SyntaxError) else text
    return {"name": kind.__name__, "text": text[:2000], "line": line or 0, "traceback": lines[:5000]}


def _line(error: BaseException) -> int:
    """The line of the cell, counted from 1, whose statement raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in frames if frame.name.startswith(("<cell line", "<module"))), 0)
