"""Outputs of student code made harmless: text and checked PNG pictures, whatever a process says they are."""

import base64
import binascii
from typing import Any

import nbformat
from nbformat import NotebookNode

MOST_OUTPUTS = 300
LONGEST_TEXT = 2**20  # characters
PNG = b"\x89PNG\r\n\x1a\n"


def clean_outputs(found: Any) -> list[NotebookNode]:
    """Outputs for a notebook; what is no output is left out."""
    outputs = []
    for output in found[:MOST_OUTPUTS] if isinstance(found, list) else []:
        if isinstance(output, dict):
            outputs += _clean(output)
    return outputs


def _clean(output: dict) -> list[NotebookNode]:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return [nbformat.v4.new_output("stream", name=name, text=clean_text(output.get("text")))]
    data = output.get("data")
    if kind in ("display_data", "execute_result") and isinstance(data, dict):
        kept = {"text/plain": clean_text(data.get("text/plain"))}
        picture = data.get("image/png")
        if isinstance(picture, str) and _is_png(picture):
            kept["image/png"] = picture
        return [nbformat.v4.new_output("display_data", data=kept)]
    return []


def error_output(error: dict) -> NotebookNode:
    """A notebook's output for an error with `name`, `text` and `traceback`."""
    name, text = clean_text(error.get("name")) or "Error", clean_text(error.get("text"))
    lines = clean_text(error.get("traceback")) or text
    return nbformat.v4.new_output("error", ename=name, evalue=text, traceback=[f"{name}: {lines}"])


def clean_text(text: Any) -> str:
    """Text that every file and database takes: no surrogates, no control characters but tab and new line."""
    if not isinstance(text, str):
        return ""
    text = text[:LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(PNG)
    except (binascii.Error, ValueError):
        return False
