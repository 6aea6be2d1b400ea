"""Whole folders restored: nothing lost, nothing done twice."""

import json
import os
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from imagecourse.files import atomic_path, map_files
from imagecourse.images import list_images, read_image, write_image
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

    Outputs keep the relative path and the extension, except that a restored GIF gets `.png` appended. Untouched images
    are copied byte for byte; a restored animation keeps its first frame alone. After an interruption the same call goes
    on: files finished with the same method and calibration, and unchanged since (size and time) are kept.

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
    entry = _stamp(path, _settings(method, calibration))
    restoration = restore_by(read_image(path), method, calibration)
    name = output = _name(path, root)
    if not restoration.steps:
        with atomic_path(destination / output) as temporary:
            shutil.copyfile(path, temporary)
    else:
        output = _restored_name(name)
        write_image(destination / output, restoration.image)
    entry["row"] = {
        "file": name,
        "output": output,
        "status": "restored" if restoration.steps else "untouched",
        "noise": round(restoration.noise, 2),
        "blur": round(restoration.blur, 2),
        "steps": " > ".join(restoration.steps),
        "explanation": restoration.explanation,
        "error": "",
    }
    return entry


def _restored_name(name: str) -> str:
    return f"{name}.png" if name.lower().endswith(".gif") else name


def _settings(method: str, calibration: Calibration | None) -> str:
    return f"{method} {calibration}" if calibration else method


def _stamp(path: Path, settings: str) -> dict[str, Any]:
    status = path.stat()
    return {"size": status.st_size, "time": status.st_mtime_ns, "method": settings}


def _is_kept(entry: dict[str, Any] | None, path: Path, destination: Path, settings: str) -> bool:
    if entry is None or not path.exists():
        return False
    same = all(entry[key] == value for key, value in _stamp(path, settings).items())
    return same and (destination / entry["row"]["output"]).is_file()


def _read_journal(destination: Path) -> dict[str, dict[str, Any]]:
    """The last entry of each file; a line cut off by an interruption is passed over."""
    journal, entries = destination / JOURNAL, {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        entries[entry["row"]["file"]] = entry
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
    outputs = Counter(destination / _restored_name(_name(path, root)) for path in paths)
    output, count = outputs.most_common(1)[0]
    if count > 1:
        raise ValueError(f"{output}: two input files would be written here; rename one of them")
    inside = source.is_dir() and destination.resolve().is_relative_to(source.resolve())
    if inside or any(output.resolve().is_relative_to(source.resolve()) for output in outputs):
        raise ValueError(f"{destination}: would mix results with the inputs in {source}; choose a folder outside it")
