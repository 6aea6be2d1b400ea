"""`imagecourse predict`: a model at work on a folder of images."""

import argparse
import sys

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "predict",
        "Classify images: a table with a row per file, and if wanted annotated copies, or copies sorted by class.",
        "imagecourse predict -i scans -m photo-filter --threshold 0.9 --output answers.csv --sort sorted",
        _predict,
    )
    command.epilog += (
        "\n\nThe table has the columns file,label,confidence,error and a probability for each class, in the order of"
        "\nthe names. A file that cannot be read has an empty label and the reason in error; the exit status is then 1."
        '\nA model that answers each class by itself can name several, as in "goku + vegeta", with the lowest of'
        "\ntheir probabilities as the confidence; --sort then copies the file into the folder of each."
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
        metavar="P",
        help="leave the label empty where the confidence is below P, from 0 to 1; --sort puts those into unsure/ "
        "(default: 0; each class's own for a model that can name several)",
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
