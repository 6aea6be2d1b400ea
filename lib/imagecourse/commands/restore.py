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
    command.add_argument("-i", "--input", type=Path, required=True, help="image file, or folder searched for images")
    command.add_argument("-o", "--output", type=Path, required=True, help="folder for the results and restoration.csv")
    command.add_argument(
        "--method",
        default="auto",
        help="auto (the default: measure each picture, then decide), or one classic filter for all: nlm_weak, "
        "nlm_medium, nlm_strong, bilateral, wavelet, total_variation, median, gaussian, laplacian_4, laplacian_8, "
        "unsharp_mask, richardson_lucy, wiener",
    )


def _restore(options: argparse.Namespace) -> int:
    from imagecourse.restoration import TABLE, restore_folder

    table = restore_folder(options.input, options.output, options.method)
    failed = table[table["status"] == "failed"]
    for error in failed["error"]:
        print(f"imagecourse: {error}", file=sys.stderr)
    counts = ", ".join(f"{(table['status'] == s).sum()} {s}" for s in ("restored", "untouched", "kept", "failed"))
    print(f"{len(table)} files: {counts}; details in {options.output / TABLE}")
    return 1 if len(failed) else 0
