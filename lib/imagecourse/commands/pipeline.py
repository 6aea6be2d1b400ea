"""`imagecourse pipeline`: a folder of scans restored, sorted into photographs and others, captioned, recorded."""

import argparse
import sys
from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.values import positive, probability


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "pipeline",
        "Restore a folder of scans, sort out the photographs, caption them, and record it all in a table and a page.",
        "imagecourse pipeline -i scans -o results",
        _pipeline,
    )
    command.epilog += (
        "\n  imagecourse pipeline -i scans -o results --resume"
        "\n  imagecourse pipeline -i /shared/scans -o /shared/results --engine dask --scheduler tcp://head:8786"
        "\n\nThe results are photos/, other/CLASS/, results.csv and report.html; the originals are only read."
        "\nA run that was stopped goes on with --resume: what is finished, by the content of its file, stays."
        "\nThe exit status is 1 when a file could not be read; the others are done all the same."
    )
    _add_folders_and_models(command)
    _add_workers(command)


def _add_folders_and_models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-i", dest="input", type=Path, required=True, metavar="DIR", help="folder of scans, or one image file"
    )
    command.add_argument(
        "-o", dest="output", type=Path, required=True, metavar="DIR", help="a new folder for the results"
    )
    command.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    command.add_argument(
        "--threshold",
        type=probability,
        default=0.5,
        metavar="P",
        help="a photograph is what has at least this probability of being one, from 0 to 1 (default: 0.5)",
    )
    command.add_argument("--method", default="auto", help="how to restore, see imagecourse restore (default: auto)")
    command.add_argument(
        "-m", dest="model", default="photo-filter", metavar="MODEL", help="the photo filter (default: photo-filter)"
    )
    command.add_argument(
        "--embed-captions", action="store_true", help="write captions into the copies, as XMP and IPTC"
    )


def _add_workers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--engine", choices=("local", "dask"), default="local", help="this computer (the default), or Dask workers"
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="of Dask; all workers must see both folders under the same path"
    )
    command.add_argument(
        "--jobs", type=positive, metavar="N", help="processes on this computer (default: one for each core)"
    )


def _pipeline(options: argparse.Namespace) -> int:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from imagecourse.images.errors import on_one_line
    from imagecourse.pipeline.captioner import available_captioner
    from imagecourse.pipeline.report import REPORT
    from imagecourse.pipeline.results import TABLE
    from imagecourse.pipeline.run import Engine, run_pipeline
    from imagecourse.pipeline.settings import PHOTO, Settings

    if options.scheduler and options.engine != "dask":
        raise ValueError("--scheduler is for Dask; add --engine dask")
    captioner = available_captioner()
    if captioner is None:
        print("no captions: there is no models/captioner; imagecourse train captions makes one", file=sys.stderr)
    settings = Settings(
        options.input,
        options.output,
        options.method,
        options.model,
        options.threshold,
        captioner,
        options.embed_captions,
    )
    results = run_pipeline(settings, Engine(options.engine, options.jobs, options.scheduler), options.resume)
    for row in results.failures:
        page = f", page {row['page']}" if row["page"] else ""
        print(on_one_line(f"{row['file']}{page}: {row['error']}"), file=sys.stderr)
    photographs, failed = results.classes[PHOTO], len(results.failures)
    counts = f"{photographs} photographs, {results.pages - photographs - failed} others, {failed} failed"
    print(f"{results.pages} pages: {counts}; {options.output / TABLE}, {options.output / REPORT}")
    return 1 if failed else 0
