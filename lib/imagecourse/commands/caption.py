"""`imagecourse caption`: a sentence for each picture of a folder."""

import argparse
import sys

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "caption",
        "Write a caption for each image: a table with a row per file.",
        "imagecourse caption -i scans --beam 5 --output captions.csv",
        _caption,
    )
    command.epilog += (
        "\n\nThe table has the columns file,caption,log_probability,error, in the order of the names. A file that"
        "\ncannot be read has an empty caption and the reason in error; the exit status is then 1. The log-probability"
        "\ncompares captions of one picture; across pictures it mostly tells short captions from long ones."
    )
    command.add_argument(
        "-i", dest="input", required=True, metavar="IMAGE_OR_DIR", help="an image, or a folder of them"
    )
    command.add_argument(
        "-m",
        dest="model",
        default="captioner",
        metavar="MODEL",
        help="folder below models/, or a path (default: captioner)",
    )
    command.add_argument(
        "--beam",
        type=_beam,
        default=3,
        metavar="N",
        help="beginnings that are kept while writing; more is a little better and slower (default: 3)",
    )
    command.add_argument("--output", metavar="FILE", help="write the table as .csv or .jsonl (default: CSV on stdout)")


def _beam(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 50:
        raise argparse.ArgumentTypeError(f"{number} is out of range; give 1 to 50")
    return number


def _caption(options: argparse.Namespace) -> int:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from tqdm import tqdm

    from imagecourse.captioning.captioner import caption_files, load_captioner
    from imagecourse.images import input_files
    from imagecourse.networks import answers

    if options.output:
        answers.check_table_name(options.output)
    files = input_files(options.input)
    captioner, failures = load_captioner(options.model), []
    with (
        answers.open_table(options.output) as append,
        tqdm(total=len(files), desc="captioning", unit="file", disable=None) as bar,
    ):
        for table in caption_files(captioner, files, options.beam):
            append(table)
            failures += answers.unreadable(table)
            bar.update(len(table))
    print(*failures, sep="\n", end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0
