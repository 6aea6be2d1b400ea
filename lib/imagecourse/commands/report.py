"""`imagecourse report`: notebooks into reports."""

from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.values import positive


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "report",
        "Run notebooks and build the report site.",
        "imagecourse report 01_preprocessing -p image_size 128 --output reports_small",
        _report,
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
    command.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="chapters that run side by side (default: 1)"
    )
    command.add_argument(
        "--results", action="store_true", help="run nothing: renew the table of results in the READMEs from the models"
    )
    command.add_argument(
        "--figures",
        action="store_true",
        help="renew those in the project's figures/, which its pages show, from this run",
    )


def _report(options) -> int:
    if options.results:
        from imagecourse.reports.results import renew_readmes

        print(*renew_readmes(), sep="\n")
        return 0
    from imagecourse.reports.parameters import parse_value
    from imagecourse.reports.run import run_reports

    parameters = {name: parse_value(value) for name, value in options.parameters}
    runs = run_reports(options.names, parameters, options.output, options.jobs)
    print(Path(options.output, "index.html"))
    if options.figures:
        from imagecourse.reports.figures import renew_figures

        for path in renew_figures(runs, options.output):
            print(path)
    return 0 if all(run.passed for run in runs) else 1
