"""`imagecourse report`: notebooks into reports."""

import sys
from pathlib import Path

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
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
