"""Whole folders restored: nothing lost, nothing done twice."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imagecourse.files import atomic_path, map_files
from imagecourse.images import copy_name, identify, list_images, page_numbers, read_image, write_image, write_pages
from imagecourse.restoration.automatic import COMPROMISE
from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.choice import check_method, restore_by

COLUMNS = ["file", "output", "status", "noise", "blur", "steps", "explanation", "error"]
TABLE, JOURNAL = "restoration.csv", ".restoration.jsonl"


def restore_folder(
    source: str | os.PathLike,
    destination: str | os.PathLike,
    method: str = COMPROMISE,
    calibration: Calibration | None = None,
) -> pd.DataFrame:
    """Restore an image file, or every image below a folder, into another folder, and write `restoration.csv` there.

    Outputs keep the relative path and the extension, except that `.png` is appended where a restored picture would lose
    colours (GIF) or cannot be written (HEIF, JPEG 2000). Untouched images are copied byte for byte; a restored
    animation keeps its first frame alone, a TIFF all its pages. After an interruption the same call goes on: files that
    were finished with the same method and calibration, and hold the same bytes since, are kept.

    method: see `choice.METHODS`.
    Returns: a row per file, in natural order, with `file` and `output` (relative paths), `status` (restored, untouched,
    kept or failed), `noise`, `blur`, `steps` (joined by " > "), `explanation` and `error`.
    Raises: FileNotFoundError for a missing source; ValueError for one without images, for an unknown method, and for a
    destination where inputs could be overwritten or read again; OSError for one that cannot be written.
    """
    check_method(method)
    source, destination = Path(source), Path(destination)
    root, paths = (source.parent, [source]) if source.is_file() else (source, list_images(source))
    if not paths:
        raise ValueError(f"{source}: holds no image file; name a folder with images")
    _check_outputs(source, root, paths, destination)
    finished = _read_journal(_writable(destination))
    settings = _settings(method, calibration)
    todo = [path for path in paths if not _is_kept(finished.get(_name(path, root)), path, destination, settings)]
    rows = {name: finished[name]["row"] | {"status": "kept"} for name in finished}
    work = partial(_restore_file, root=root, destination=destination, method=method, calibration=calibration)
    with open(destination / JOURNAL, "a", encoding="utf-8") as journal:
        for path, entry, error in map_files(work, todo, "restore"):
            name = _name(path, root)
            if error:
                rows[name] = {"file": name, "output": "", "status": "failed", "error": error}
                continue
            _remove_earlier(rows.get(name), entry["row"], destination)
            rows[name] = entry["row"]
            print(json.dumps(entry), file=journal, flush=True)
    table = pd.DataFrame([rows[_name(path, root)] for path in paths], columns=COLUMNS)
    with atomic_path(destination / TABLE) as temporary:
        table.to_csv(temporary, index=False)
    return table


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _restore_file(
    path: Path, root: Path, destination: Path, method: str, calibration: Calibration | None
) -> dict[str, Any]:
    """Restore one file; the entry for the journal: what it was, and its row."""
    identify(path)  # tells why one cannot be opened
    entry = _stamp(path, _settings(method, calibration))
    name = _name(path, root)
    output, pages, done = copy_name(name), page_numbers(path), []
    pictures = _restored_pages(path, pages, method, calibration, done)
    if len(pages) > 1:
        write_pages(destination / output, pictures, path)
    else:
        picture = next(pictures)
        if done[0]["steps"]:
            write_image(destination / output, picture, path)
    if not any(page["steps"] for page in done):
        output = name
        with atomic_path(destination / output) as temporary:
            shutil.copyfile(path, temporary)
    entry["row"] = {"file": name, "output": output, "error": ""} | _summary(pages, done)
    return entry


def _restored_pages(
    path: Path, pages: list[int], method: str, calibration: Calibration | None, done: list[dict[str, Any]]
) -> Iterator[np.ndarray]:
    """The restored pictures of some pages, one at a time; what was done to each is added to `done`."""
    for page in pages:
        restoration = restore_by(read_image(path, page), method, calibration)
        done.append({name: getattr(restoration, name) for name in ("noise", "blur", "steps", "explanation")})
        yield restoration.image


def _summary(pages: list[int], done: list[dict[str, Any]]) -> dict[str, Any]:
    """What the table says of a file: its own measures, or of several pages the largest and what was done to each."""
    steps = [" > ".join(page["steps"]) for page in done]
    explanations = [page["explanation"] for page in done]
    if len(pages) > 1:
        steps = [f"page {page + 1}: {text}" for page, text in zip(pages, steps, strict=True) if text]
        explanations = [f"Page {page + 1}: {text}" for page, text in zip(pages, explanations, strict=True)]
    return {
        "status": "restored" if any(steps) else "untouched",
        "noise": round(max(page["noise"] for page in done), 2),
        "blur": round(max(page["blur"] for page in done), 2),
        "steps": " | ".join(steps),
        "explanation": " ".join(explanations),
    }


def _remove_earlier(before: dict[str, Any] | None, now: dict[str, Any], destination: Path) -> None:
    """The copy that an earlier run made of a file under another name."""
    if before and before["output"] not in ("", now["output"]):
        (destination / before["output"]).unlink(missing_ok=True)


def _settings(method: str, calibration: Calibration | None) -> str:
    return f"{method} {calibration}" if calibration else method


def _stamp(path: Path, settings: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        return {"digest": hashlib.file_digest(file, "sha256").hexdigest(), "method": settings}


def _is_kept(entry: dict[str, Any] | None, path: Path, destination: Path, settings: str) -> bool:
    if entry is None or not (destination / entry["row"]["output"]).is_file():
        return False
    try:
        return all(entry.get(key) == value for key, value in _stamp(path, settings).items())
    except OSError:  # told when it is read
        return False


def _read_journal(destination: Path) -> dict[str, dict[str, Any]]:
    """The last entry of each file; a line cut off by an interruption is passed over."""
    journal, entries = destination / JOURNAL, {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            entry = json.loads(line)
            entries[entry["row"]["file"]] = entry
        except (ValueError, KeyError, TypeError):
            continue
    return entries


def _writable(destination: Path) -> Path:
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with open(destination / JOURNAL, "a", encoding="utf-8") as journal:
            if journal.tell():
                journal.write("\n")  # ends a line that an interruption has cut off
    except OSError as error:
        raise OSError(
            f"{destination}: cannot write here ({error.strerror}); choose a folder you may write to"
        ) from error
    return destination


def _check_outputs(source: Path, root: Path, paths: list[Path], destination: Path) -> None:
    names = [_name(path, root) for path in paths]
    output, count = Counter(map(copy_name, names)).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{destination / output}: two input files would be written here; rename one of them")
    outputs = [_real(destination / name) for name in {*names, *map(copy_name, names), TABLE}]
    inputs = {_real(path) for path in paths}
    if inputs.intersection(outputs) or any(output.is_relative_to(_real(source)) for output in outputs):
        raise ValueError(f"{destination}: would mix results with the inputs in {source}; choose a folder outside it")


def _real(path: Path) -> Path:
    """Where links lead; of those that lead in a ring, some place in it."""
    return Path(os.path.realpath(path))
