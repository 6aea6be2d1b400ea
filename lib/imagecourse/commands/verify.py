"""`imagecourse verify`: does this computer reproduce the course?"""

import sys
from pathlib import Path

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "verify",
        "Run the chapters with small values, and compare their figures with the stored ones; a few minutes.",
        "imagecourse verify 01 04",
        _verify,
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="chapter: 01_preprocessing, 1 or 01 (default: all)")
    command.add_argument("--output", type=Path, metavar="DIR", help="keep the reports there (default: nothing is kept)")
    command.add_argument(
        "--renew", action="store_true", help="store the figures of this computer as those that are expected"
    )


def _verify(options) -> int:
    from imagecourse.reports.verify import renew_expected, verify

    if options.renew:
        print(renew_expected(options.names))
        return 0
    verdicts = verify(options.names, options.output)
    wrong = 0
    for run, figures, differences in verdicts:
        good = run.passed and not differences
        wrong += not good
        print(f"{run.name}: {'as stored' if good else 'NOT as stored'}, {figures} figures compared")
        print(*(f"  {difference}" for difference in differences), sep="\n", end="\n" if differences else "")
    if wrong:
        print(f"imagecourse: {wrong} of {len(verdicts)} chapters differ on this computer", file=sys.stderr)
    return 1 if wrong else 0
