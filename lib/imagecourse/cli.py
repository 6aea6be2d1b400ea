"""The command line: `imagecourse COMMAND …`, the same as `python -m imagecourse COMMAND …`.

Exit status: 0 all well, 1 some inputs failed and are named, 2 wrong usage. Heavy imports wait inside the handlers.
"""

import argparse
import shlex
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
    for add_command in (_add_report, _add_data, _add_restore, _add_train, _add_predict):
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


# --- train ------------------------------------------------------------------------------------------------------


def _add_train(commands) -> None:
    from imagecourse.tasks import TASKS

    example = "imagecourse train photo --data sample --epochs 5 --output models/my-filter"
    train = _add_command(commands, "train", "Train a model and save its folder.", example, None)
    tasks = train.add_subparsers(required=True, metavar="TASK", dest="task")
    for name, task in TASKS.items():
        command = _add_command(
            tasks, name, task.summary.replace("%", "%%"), f"imagecourse train {name} --data sample --epochs 5", _train
        )
        command.add_argument("--data", required=True, metavar="PATH", help="folder of a data set, or the word sample")
        command.add_argument(
            "--output",
            type=Path,
            default=Path("models", task.model_name),
            metavar="DIR",
            help=f"model folder, written when all is done (default: models/{task.model_name})",
        )
        command.add_argument("--epochs", type=_positive, metavar="N", help="at most so many (default: the recipe's)")
        command.add_argument("--image-size", type=_positive, metavar="N", help="pixels a side (default: the network's)")
        command.add_argument("--seed", type=int, default=42, metavar="N", help="of all chance (default: 42)")
        command.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
        task.add_options(command)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; give at least 1")
    return number


def _train(options: argparse.Namespace) -> int:
    from imagecourse import tasks
    from imagecourse.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()

    given = {name: value for name, value in vars(options).items() if name not in ("run", "task")}
    common = {name: given.pop(name) for name in ("data", "output", "epochs", "image_size", "seed", "resume")}
    command = _training_command(options.task, common | given)
    print(tasks.train(tasks.TrainingRequest(options.task, command=command, **common), **given))
    return 0


def _training_command(task: str, given: dict) -> str:
    """For the card: folders by name only, since where they lay on this computer is nobody's business."""
    words = ["imagecourse", "train", task]
    given = given | {"data": Path(given["data"]).resolve().name, "output": f"models/{given['output'].name}"}
    for name, value in given.items():
        for part in value if isinstance(value, list) else [value]:
            if part is not None and name != "resume":
                words += [f"--{name.replace('_', '-')}", part.name if isinstance(part, Path) else str(part)]
    return shlex.join(words)


# --- predict ----------------------------------------------------------------------------------------------------


def _add_predict(commands) -> None:
    command = _add_command(
        commands,
        "predict",
        "Classify images: a table with a row per file, and if wanted annotated copies, or copies sorted by class.",
        "imagecourse predict -i scans -m photo-filter --threshold 0.9 --output answers.csv --sort sorted",
        _predict,
    )
    command.epilog += (
        "\n\nThe table has the columns file,label,confidence,error and a probability for each class, in the order of"
        "\nthe names. A file that cannot be read has an empty label and the reason in error; the exit status is then 1."
    )
    command.add_argument(
        "-i", dest="input", required=True, metavar="IMAGE_OR_DIR", help="an image, or a folder of them"
    )
    command.add_argument(
        "-m",
        dest="model",
        metavar="MODEL",
        help="folder below models/, or a path (default: photo-filter or the only one)",
    )
    command.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="P",
        help="leave the label empty where the confidence is below P, from 0 to 1; --sort puts those into unsure/",
    )
    command.add_argument("--output", metavar="FILE", help="write the table as .csv or .jsonl (default: CSV on stdout)")
    command.add_argument("--annotate", metavar="DIR", help="write copies with label and confidence drawn on them")
    command.add_argument("--sort", metavar="DIR", help="copy the originals into one folder per class")
    command.add_argument("--debug", action="store_true", help="print shapes, best five classes and timings on stderr")


def _predict(options: argparse.Namespace) -> int:
    from imagecourse.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from imagecourse import bundles, inference

    if options.output:
        inference.check_table_name(options.output)
    for folder in filter(None, (options.annotate, options.sort)):
        inference.check_apart(options.input, folder)
    files = inference.input_files(options.input)
    bundle = bundles.load_bundle(options.model or bundles.default_model())
    timings, failures = inference.Timings(), []
    tables = inference.predict_files(bundle, files, options.threshold, timings=timings)
    tables = inference.with_copies(tables, options.input, options.sort, options.annotate, timings, failures)
    tables = _watched(tables, len(files), options.debug)
    if options.output:
        inference.write_table(tables, options.output)
    else:
        for number, table in enumerate(tables):
            text = inference.as_csv(table, header=number == 0)
            print(text.encode(errors="backslashreplace").decode(), end="")
    if options.debug:
        print(f"network input {bundle.model.input_shape}, output {bundle.model.output_shape}", file=sys.stderr)
        print(f"{len(files)} files: {timings}; reading and resizing ran beside the network", file=sys.stderr)
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


def _watched(tables, count: int, debug: bool):
    from tqdm import tqdm

    from imagecourse.inference import best_classes

    with tqdm(total=count, desc="predicting", unit="file", disable=None) as bar:
        for table in tables:
            if debug:
                tqdm.write(best_classes(table), file=sys.stderr)
            yield table
            bar.update(len(table))
