"""The command line: `imagecourse COMMAND …`, the same as `python -m imagecourse COMMAND …`.

Exit status: 0 all well, 1 some inputs failed and are named, 2 wrong usage. Heavy imports wait inside the handlers.
"""

import argparse
import importlib
import sys
import warnings
from importlib.util import find_spec

from imagecourse import __version__

COMMANDS = (
    "report", "data", "train", "predict", "caption", "explain", "bias", "restore", "pipeline", "export", "app", "teach",
    "verify",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files are not always text, nor does every terminal know all signs
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _one_line
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        from imagecourse.images.errors import on_one_line

        print(f"imagecourse: {on_one_line(error)}", file=sys.stderr)
        return getattr(error, "exit_status", 2)
    except KeyboardInterrupt:
        again = "again with --resume, to go on" if getattr(options, "resume", None) is False else "again"
        print(f"imagecourse: interrupted; run the same command {again}", file=sys.stderr)
        return 130


def _one_line(message: Warning | str, category: type[Warning], *place, _others=warnings.formatwarning) -> str:
    """A warning of this package without the place in its code."""
    own = category.__module__.startswith("imagecourse")
    return f"imagecourse: {message}\n" if own else _others(message, category, *place)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, a function of the parsed options that returns the exit status."""
    parser = argparse.ArgumentParser(prog="imagecourse", description="A course in image classification, and its tools.")
    parser.add_argument("--version", action="version", version=f"imagecourse {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        if find_spec(f"imagecourse.commands.{name}"):  # a release for students has not all of them
            importlib.import_module(f"imagecourse.commands.{name}").add(commands)
    return parser
