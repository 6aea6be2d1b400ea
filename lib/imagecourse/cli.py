"""The command line: `imagecourse COMMAND …`, the same as `python -m imagecourse COMMAND …`.

Exit status: 0 all well, 1 some inputs failed and are named, 2 wrong usage. Heavy imports wait inside the handlers.
"""

import argparse
import sys
from pathlib import Path

from imagecourse import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        print(f"imagecourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("imagecourse: interrupted; run the same command again to go on", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, a function of the parsed options that returns the exit status."""
    parser = argparse.ArgumentParser(prog="imagecourse", description="A course in image classification, and its tools.")
    parser.add_argument("--version", action="version", version=f"imagecourse {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in (_add_report, _add_data, _add_restore):
        add_command(commands)
    return parser


def _add_command(commands, name: str, description: str, example: str, run) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=description,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


# --- report -----------------------------------------------------------------------------------------------------


def _add_report(commands) -> None:
    command = _add_command(
        commands,
        "report",
        "Run notebooks and build the report site.",
        "imagecourse report 01_preprocessing -p image_size 128 --output reports_small",
        _report,
    )
    command.description += (
        "\nA plain run puts figures into the project's figures/; with -p or another --output, into OUTPUT/figures/."
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="chapter: 01_preprocessing, 1 or 01 (default: all)")
    command.add_argument(
        "-p",
        dest="parameters",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="set a parameter of the notebooks; folders start at the current one; may be repeated",
    )
    command.add_argument("--output", default="reports", metavar="DIR", help="where the reports go (default: reports)")
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="chapters that run side by side (default: 1)")


def _report(options) -> int:
    from imagecourse import reports

    parameters = {name: reports.parse_value(value) for name, value in options.parameters}
    runs = reports.run_reports(options.names, parameters, options.output, options.jobs)
    for run in runs:
        if run.failure:
            print(f"{run.name}: cell {run.failure.cell} failed: {run.failure.message}", file=sys.stderr)
            print(f"  {run.failure.line}", file=sys.stderr)
    print(Path(options.output, "index.html"))
    return 0 if all(run.passed for run in runs) else 1


# --- data -------------------------------------------------------------------------------------------------------


def _add_data(commands) -> None:
    about = "Data sets: list them, get them, look into a folder, build one of your own."
    data = _add_command(commands, "data", about, "imagecourse data check data/photos", None)
    actions = data.add_subparsers(required=True, metavar="ACTION")
    _add_command(actions, "list", "Name the data sets of the course.", "imagecourse data list", _list_data)
    about = "What a data set is, whose it is, and how to get it."
    _add_command(actions, "show", about, "imagecourse data show dogs", _show_data).add_argument("name", metavar="NAME")

    about = "Download and unpack a data set, or say how to get it by hand (and exit with 1)."
    download = _add_command(actions, "download", about, "imagecourse data download dogs --to data/dogs", _download_data)
    download.add_argument("name", metavar="NAME")
    download.add_argument("--to", type=Path, metavar="DIR", help="where it goes (default: data/NAME)")

    about = "What a folder of images holds: layout, classes, splits, sizes, unreadable files, duplicates."
    check = _add_command(actions, "check", about, "imagecourse data check data/photos", _check_data)
    check.add_argument("path", type=Path, metavar="PATH", help="a folder in any layout of `imagecourse data list`")

    about = "Make a clean data set with train and validation folders from a folder of class folders."
    build = _add_command(actions, "build", about, "imagecourse data build my_pictures data/mine", _build_data)
    build.add_argument("source", type=Path, metavar="SOURCE", help="one sub-folder of images per class; only read")
    build.add_argument("destination", type=Path, metavar="DEST", help="a new folder; its report.csv lists every file")


def _list_data(options) -> int:
    from imagecourse.datasets import load_catalogue

    for entry in load_catalogue().values():
        print(f"{entry.name:12} {entry.access:9} {entry.title} ({entry.size})")
        print(f"{'':22} {entry.layout}")
    return 0


def _show_data(options) -> int:
    from imagecourse.datasets import describe, find_entry

    print(describe(find_entry(options.name)))
    return 0


def _download_data(options) -> int:
    from imagecourse.datasets import describe, download_dataset, find_entry

    entry = find_entry(options.name)
    if entry.access == "included":
        print(f"{entry.name}: nothing needs downloading, it comes with the installed packages")
        return 0
    if entry.access == "by hand":
        print(describe(entry))
        print(f"imagecourse: {entry.name} has no public address; get it by the steps above", file=sys.stderr)
        return 1
    print(f"licence: {entry.licence}", file=sys.stderr)
    try:
        print(download_dataset(entry, options.to or Path("data", entry.name)))
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        print(f"imagecourse: {entry.name} was not downloaded: {error}", file=sys.stderr)
        print(f"imagecourse: try again later, or look at {entry.homepage}", file=sys.stderr)
        return 1
    return 0


def _check_data(options) -> int:
    from imagecourse.datasets import check_dataset, check_report

    check = check_dataset(options.path)
    print(check_report(check))
    return 1 if check.unreadable else 0


def _build_data(options) -> int:
    from imagecourse.datasets import build_dataset

    build = build_dataset(options.source, options.destination)
    print(f"{len(build.table) - len(build.left_out)} images written to {build.destination}")
    for row in build.left_out.itertuples():
        print(f"left out: {row.file}: {row.reason}")
    for warning in build.warnings:
        print(f"imagecourse: {warning}", file=sys.stderr)
    return 1 if (build.table["outcome"] == "unreadable").any() else 0


# --- restore ----------------------------------------------------------------------------------------------------


def _add_restore(commands) -> None:
    command = _add_command(
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
