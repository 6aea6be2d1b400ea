"""The automatic compromise between denoising and sharpening, for one image and for whole folders.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout; noise is the deviation in grey levels, blur that of a Gaussian
in pixels. Filters and measures come from `filters`, methods from `compromise`, limits from `restoration_calibration`.
"""

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imagecourse.compromise import fit_spectrum, noise_by_plane, remove_noise_and_blur
from imagecourse.filters import (
    DENOISERS,
    LAPLACIAN_4,
    LAPLACIAN_8,
    SHARPENERS,
    add_gaussian_blur,
    add_gaussian_noise,
    laplacian_variance,
    noise_sigma,
    psnr,
    ssim,
)
from imagecourse.folders import map_files
from imagecourse.images import atomic_path, list_images, read_image, write_image
from imagecourse.restoration_calibration import Calibration, calibrate, reference_photographs

__all__ = [
    "DENOISERS",
    "LAPLACIAN_4",
    "LAPLACIAN_8",
    "SHARPENERS",
    "Calibration",
    "Restoration",
    "add_gaussian_blur",
    "add_gaussian_noise",
    "calibrate",
    "laplacian_variance",
    "noise_sigma",
    "psnr",
    "reference_photographs",
    "restore",
    "restore_folder",
    "ssim",
]

COLUMNS = ["file", "output", "status", "noise", "blur", "steps", "explanation", "error"]
TABLE, JOURNAL = "restoration.csv", ".restoration.jsonl"


@dataclass(frozen=True)
class Restoration:
    """A restored image, what was measured in the original, and what was done in which order, with the reason.

    noise: deviation in grey levels. blur: deviation of a Gaussian in pixels. steps: empty for an untouched image.
    """

    image: np.ndarray
    noise: float
    blur: float
    steps: tuple[str, ...]
    explanation: str


@cache
def _stored_calibration() -> Calibration:
    return Calibration.load()


def restore(image: np.ndarray, method: str = "auto") -> Restoration:
    """Restore an image as far as its own noise and blur ask for it, or by one named method.

    "auto" leaves clean, sharp images alone; removes noise; or inverts a blur and removes the noise that this raises.
    The thresholds and strengths come from `calibrate`; `imagecourse.compromise` holds the methods and their sources.

    image: (h, w, 3) RGB or (h, w) uint8. method: "auto" or a key of DENOISERS or SHARPENERS.
    Raises: ValueError for another method, shape or dtype.
    """
    _check_method(method)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"cannot restore {image.shape} {image.dtype}; give (h, w, 3) or (h, w) uint8")
    calibration = _stored_calibration()
    readings = noise_by_plane(image)
    reading = float(np.sqrt(np.mean(readings**2)))
    noise = calibration.true_noise(reading)
    spectrum = fit_spectrum(image, readings[0], calibration.slope, calibration.slope_deviation)
    if method != "auto":
        restored = (DENOISERS | SHARPENERS)[method](image)
        return Restoration(restored, noise, spectrum.blur, (method,), f"{method}, as asked for.")

    noisy = reading > calibration.noise_threshold
    blurred = spectrum.blur > calibration.blur_threshold and noise <= calibration.deblurring_noise_limit
    explanation = _explain(noise, spectrum.blur, noisy, blurred, calibration)
    if not noisy and not blurred:
        return Restoration(image.copy(), noise, spectrum.blur, (), explanation)
    restored = remove_noise_and_blur(
        image,
        np.array([calibration.true_noise(value) for value in readings]),
        calibration.shrinkage_for(noise),
        spectrum if blurred else None,
        calibration.regularisation,
    )
    steps = (f"inverse_filter(blur={spectrum.blur:.2f})",) if blurred else ()
    return Restoration(restored, noise, spectrum.blur, (*steps, f"sliding_dct(noise={noise:.1f})"), explanation)


def _check_method(method: str) -> None:
    methods = ["auto", *DENOISERS, *SHARPENERS]
    if method not in methods:
        raise ValueError(f"{method}: no such method; use one of {', '.join(methods)}")


def _explain(noise: float, blur: float, noisy: bool, blurred: bool, calibration: Calibration) -> str:
    limits = (calibration.noise_threshold, calibration.blur_threshold)
    measured = f"Noise {noise:.1f} grey levels (limit {limits[0]:.1f}), blur {blur:.2f} pixels (limit {limits[1]:.2f})"
    if blurred:
        return (
            f"{measured}: blurred, so the blur is inverted first, while the noise is still white, "
            "and the noise raised by that is removed after."
        )
    if noisy and blur > calibration.blur_threshold:
        return f"{measured}: noisy, so the noise is removed; it hides too much of the blur to sharpen safely."
    if noisy:
        return f"{measured}: noisy but not blurred, so only the noise is removed."
    return f"{measured}: neither noisy nor blurred, so it stays untouched."


# --- folders ----------------------------------------------------------------------------------------------------


def restore_folder(source: str | os.PathLike, destination: str | os.PathLike, method: str = "auto") -> pd.DataFrame:
    """Restore an image file, or every image below a folder, into another folder, and write `restoration.csv` there.

    Outputs keep the relative path and the extension, except that a restored GIF gets `.png` appended. Untouched images
    are copied byte for byte; a restored animation keeps its first frame alone. After an interruption the same call goes
    on: files finished with the same method and unchanged since (size and time) are kept.

    Returns: a row per file, in natural order, with `file` and `output` (relative paths), `status` (restored, untouched,
    kept or failed), `noise`, `blur`, `steps` (joined by " > "), `explanation` and `error`.
    Raises: FileNotFoundError for a missing source; ValueError for one without images, for an unknown method, and for a
    destination where inputs could be overwritten or read again; OSError for one that cannot be written.
    """
    _check_method(method)
    source, destination = Path(source), Path(destination)
    root, paths = (source.parent, [source]) if source.is_file() else (source, list_images(source))
    if not paths:
        raise ValueError(f"{source}: holds no image file; name a folder with images")
    _check_outputs(source, root, paths, destination)
    finished = _read_journal(_writable(destination))
    todo = [path for path in paths if not _is_kept(finished.get(_name(path, root)), path, destination, method)]
    rows = {name: finished[name]["row"] | {"status": "kept"} for name in finished}
    work = partial(_restore_file, root=root, destination=destination, method=method)
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


def _restore_file(path: Path, root: Path, destination: Path, method: str) -> dict[str, Any]:
    """Restore one file; the entry for the journal: what it was, and its row."""
    entry = _stamp(path, method)
    restoration = restore(read_image(path), method)
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


def _stamp(path: Path, method: str) -> dict[str, Any]:
    status = path.stat()
    return {"size": status.st_size, "time": status.st_mtime_ns, "method": method}


def _is_kept(entry: dict[str, Any] | None, path: Path, destination: Path, method: str) -> bool:
    if entry is None or not path.exists():
        return False
    same = all(entry[key] == value for key, value in _stamp(path, method).items())
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
