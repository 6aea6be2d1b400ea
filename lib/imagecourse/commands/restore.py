"""`imagecourse restore`: photographs denoised and sharpened."""

import argparse
import sys
from pathlib import Path

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "restore",
        "Denoise and sharpen photographs as far as each one needs it.",
        "imagecourse restore -i scans -o restored",
        _restore,
    )
    command.epilog += "\n  imagecourse restore --calibrate my_best_photographs -o mine.json"
    task = command.add_mutually_exclusive_group(required=True)
    task.add_argument("-i", "--input", type=Path, help="image file, or folder searched for images")
    task.add_argument(
        "--calibrate",
        metavar="DIR",
        help="measure clean, sharp photographs, a folder of yours or the word sample, and write the thresholds that "
        "follow from them into the file OUTPUT; about a minute for eleven pictures",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="folder for the results, or file for --calibrate",
    )
    command.add_argument("--calibration", type=Path, metavar="FILE", help="thresholds to use (default: the course's)")
    command.add_argument(
        "--method",
        default="auto",
        help="auto (the default: measure each picture, then decide which method and how strong), learned (the trained "
        "denoiser), document (the trained cleaner of text pages), compromise (classic filters, as strong as measured), "
        "or one classic filter for all: nlm_weak, nlm_medium, nlm_strong, bilateral, wavelet, total_variation, median, "
        "gaussian, laplacian_4, laplacian_8, unsharp_mask, richardson_lucy, wiener",
    )


def _restore(options: argparse.Namespace) -> int:
    if options.calibrate:
        return _calibrate(options)
    from imagecourse.restoration import restore_folder
    from imagecourse.restoration.calibration import Calibration
    from imagecourse.restoration.folders import TABLE

    calibration = Calibration.load(options.calibration) if options.calibration else None
    table = restore_folder(options.input, options.output, options.method, calibration)
    failed = table[table["status"] == "failed"]
    for error in failed["error"]:
        print(f"imagecourse: {error}", file=sys.stderr)
    counts = ", ".join(f"{(table['status'] == s).sum()} {s}" for s in ("restored", "untouched", "kept", "failed"))
    print(f"{len(table)} files: {counts}; details in {options.output / TABLE}")
    return 1 if len(failed) else 0


def _calibrate(options: argparse.Namespace) -> int:
    from imagecourse.files import map_files
    from imagecourse.images import list_images, read_image
    from imagecourse.restoration.calibrate import calibrate
    from imagecourse.samples import reference_photographs

    errors = []
    if options.calibrate == "sample":
        photographs = reference_photographs()
    else:
        outcomes = list(map_files(read_image, list_images(options.calibrate), jobs=1))
        photographs = {str(path): image for path, image, error in outcomes if not error}
        errors = [error for _, _, error in outcomes if error]
    if not photographs:
        raise ValueError(f"{options.calibrate}: holds no photographs that can be read; name another folder")
    for error in errors:
        print(f"imagecourse: left out: {error}", file=sys.stderr)
    calibrate(photographs).save(options.output)
    print(options.output)
    return 1 if errors else 0
