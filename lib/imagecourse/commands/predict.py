"""`imagecourse predict`: a model at work on a folder of images."""

import argparse
import os
import sys
import time

from imagecourse.commands import add_command
from imagecourse.values import probability


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "predict",
        "Ask a model about images: a table with a row per file, and annotated copies or copies sorted by class.",
        "imagecourse predict -i scans -m photo-filter --threshold 0.9 --output answers.csv --sort sorted",
        _predict,
    )
    command.epilog += (
        "\n\nThe table has the columns file,label,confidence,error and a probability for each class, in the order of"
        "\nthe names. A file that cannot be read has an empty label and the reason in error; the exit status is then 1."
        '\nA model that answers each class by itself can name several, as in "goku + vegeta", with the lowest of'
        "\ntheir probabilities as the confidence; --sort then copies the file into the folder of each."
        "\nA model with several answers, such as an age and a gender, has a column for each instead, and error last."
        "\nWith --detect the columns face,left,top,width,height say which face of the file a row is about."
    )
    _add_input(command)
    _add_outputs(command)


def _add_input(command) -> None:
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
        type=probability,
        metavar="P",
        help="leave the label empty where the confidence is below P, from 0 to 1; --sort puts those into unsure/ "
        "(default: 0; each class's own for a model that can name several)",
    )
    command.add_argument(
        "--detect",
        action="store_true",
        help="find faces first, and give a row with its box for each; for models of faces, on pictures that show more",
    )
    command.add_argument(
        "--runtime",
        choices=("auto", "keras", "onnx"),
        default="auto",
        help="what runs the network: onnx is ONNX Runtime, about twice as fast, for which a model is exported once, at "
        "its first use; auto is the same, or keras where that fails (default: auto)",
    )


def _add_outputs(command) -> None:
    command.add_argument("--output", metavar="FILE", help="write the table as .csv or .jsonl (default: CSV on stdout)")
    command.add_argument("--annotate", metavar="DIR", help="write copies with label and confidence drawn on them")
    command.add_argument("--sort", metavar="DIR", help="copy the originals into one folder per class")
    command.add_argument("--debug", action="store_true", help="print shapes, best five classes and timings on stderr")


def _predict(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from imagecourse.commands.quiet import import_tensorflow_quietly
    from imagecourse.images import input_files
    from imagecourse.networks import answering, answers, model_files, predict, runtime, sorting

    if options.output:
        answers.check_table_name(options.output)
    for folder in filter(None, (options.annotate, options.sort)):
        answers.check_apart(options.input, folder)
    if options.sort and options.annotate and os.path.realpath(options.sort) == os.path.realpath(options.annotate):
        raise ValueError(f"{options.sort}: holds the copies of --sort or of --annotate; name another folder for one")
    files = input_files(options.input)
    model = options.model or model_files.default_model()
    if options.runtime == runtime.KERAS or not runtime.exported_path(model).is_file():
        import_tensorflow_quietly()
    bundle = runtime.load_for(model, options.runtime)
    if options.sort and answering.kind_of(bundle.model) == answering.BY_NAME:
        raise ValueError(f"--sort: {bundle.folder.name} has no classes to sort into; use the table of --output")
    timings, failures = predict.Timings(), []
    sorted_folder = sorting.SortedFolder(options.input, options.sort) if options.sort else None
    with (
        answers.open_table(options.output) as append,
        tqdm(total=len(files), desc="predicting", unit="file", disable=None) as bar,
    ):
        for table in predict.predict_files(bundle, files, options.threshold, timings=timings, detect=options.detect):
            append(table)
            failures += answers.unreadable(table) + _copy(table, bundle.labels, sorted_folder, options, timings)
            if options.debug:
                tqdm.write(predict.best_classes(table), file=sys.stderr)
            bar.update(table["file"].nunique())
    if options.debug:
        print(f"network input {bundle.model.input_shape}, output {bundle.model.output_shape}", file=sys.stderr)
        print(f"{len(files)} files: {timings}; reading and resizing ran beside the network", file=sys.stderr)
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


def _copy(table, labels: list[str], sorted_folder, options: argparse.Namespace, timings) -> list[str]:
    """The copies that are wanted of a table's files; a line for each that could not be made."""
    from imagecourse.networks.answers import annotate_copies

    start = time.perf_counter()
    failures = sorted_folder.add(table, labels) if sorted_folder else []
    failures += annotate_copies(table, options.input, options.annotate) if options.annotate else []
    timings.write += time.perf_counter() - start
    return failures
