"""`imagecourse bias`: whom is a model wrong about, yours or another's?"""

import argparse
import os
import sys
from pathlib import Path

from imagecourse.commands import add_command


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "bias",
        "Measure the answers of any model group by group, with intervals, and name the gaps that can be told.",
        "imagecourse bias answers.csv --truth truth.csv --by group,age_band --output bias.html",
        _bias,
    )
    command.epilog += (
        "\n\nANSWERS.csv: a column file, and answers such as age, gender or label, from imagecourse predict or another"
        "\nprogram. TRUTH.csv: a column file, the truth under the same names (or true_age, …), and what else is known"
        "\nof each picture, such as group. Both may be the same table, as models/faces/predictions.csv is."
        "\nA name with _band behind it cuts numbers into bands: age_band into decades, all others into three."
        "\nWrites a page and, beside it, a table with the same name that ends in .csv."
    )
    command.add_argument("answers", type=Path, metavar="ANSWERS.csv")
    command.add_argument("--truth", type=Path, required=True, metavar="TRUTH.csv", help="what is true, by file")
    command.add_argument("--by", required=True, metavar="NAME,…", help="columns that group the pictures")
    command.add_argument(
        "--output", type=Path, default=Path("bias.html"), metavar="FILE.html", help="the page (default: bias.html)"
    )


def _bias(options: argparse.Namespace) -> int:
    if options.output.suffix != ".html":
        raise ValueError(f"{options.output}: no such format for a page; let the name end in .html")
    beside = options.output.with_suffix(".csv")
    if os.path.realpath(beside) in map(os.path.realpath, (options.answers, options.truth)):
        raise ValueError(f"{beside}: is the input, and the page's table would go there; give --output another name")
    import matplotlib

    matplotlib.use("Agg")
    from imagecourse.evaluation.audit import join_truth
    from imagecourse.evaluation.bias import bias_table, measures_for, with_bands
    from imagecourse.files import atomic_path
    from imagecourse.plots import set_style
    from imagecourse.reports.bias import bias_page

    set_style()
    table, missing = join_truth(_read_table(options.answers), _read_table(options.truth))
    by = list(dict.fromkeys(name.strip() for name in options.by.split(",") if name.strip()))
    table = with_bands(table, by)
    measures = measures_for(table)
    page = bias_page(table, by, measures, options.answers.name, len(missing))
    with atomic_path(beside) as temporary:
        bias_table(table, by, measures).to_csv(temporary, index=False, float_format="%.6g")
    with atomic_path(options.output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if missing:
        print(f"imagecourse: {len(missing)} answers have no truth, the first is {missing[0]}", file=sys.stderr)
    print(options.output)
    return 1 if missing else 0


def _read_table(path: Path):
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give a table with a column file")
    try:
        return pd.read_csv(path, dtype={"file": str})
    except (ValueError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: not a table of comma separated values ({reason}); write it again") from error
