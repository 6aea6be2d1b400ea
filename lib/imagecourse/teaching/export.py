"""The class as tables and figures: marks.csv, marks.xlsx and statistics.html."""

from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse import plots
from imagecourse.files import atomic_path
from imagecourse.teaching.gradebook import AWAITING, MISSING, STATES, TIMED_OUT_STATE, Mark, read_marks
from imagecourse.teaching.layout import picture, write_page

COLOURS = {"graded": "#2a7f4f", "zero": "#c95b3a", "awaiting hand marking": "#d9a520", "failed to run": "#8c2f39",
           "timed out": "#6b5b95", "missing": "#a9b0b8"}  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet would run


def write_export(graded: Path, output: Path | None = None) -> list[Path]:
    """Write the three files; gives their paths.

    graded: folder that `grade_submissions` wrote. output: a folder; None is graded/export.
    """
    graded = Path(graded).resolve()
    output = Path(output) if output else graded / "export"
    table = marks_table(read_marks(graded))
    with atomic_path(output / "marks.csv") as temporary:
        table.to_csv(temporary, index=False)
    with atomic_path(output / "marks.xlsx") as temporary, pd.ExcelWriter(temporary, engine="openpyxl") as book:
        table.to_excel(book, sheet_name="marks", index=False)
        totals_table(table).to_excel(book, sheet_name="totals")
        for sheet in book.sheets.values():
            sheet.freeze_panes = "B2"
    page = write_page(output / "statistics.html", "statistics.html", **_statistics(table))
    return [output / "marks.csv", output / "marks.xlsx", page]


def marks_table(marks: list[Mark]) -> pd.DataFrame:
    """A row for each student and exercise; `points` empty where a person has yet to mark."""
    rows = [{"student": mark.student, "chapter": mark.chapter, "exercise": mark.exercise.name,
             "title": mark.exercise.title, "points": mark.points, "of": mark.exercise.points, "state": mark.state,
             "late": mark.late, "comment": mark.comment, "remarks": mark.remarks} for mark in marks]  # fmt: skip
    table = pd.DataFrame(rows).astype({"points": float})
    for name in ("student", "comment", "remarks"):
        table[name] = table[name].map(lambda text: f"'{text}" if text.startswith(FORMULA) else text)
    return table


def totals_table(table: pd.DataFrame) -> pd.DataFrame:
    """Points of each student by chapter and in all; what awaits marking counts nothing yet."""
    totals = table.pivot_table(index="student", columns="chapter", values="points", aggfunc="sum")
    totals["total"] = totals.sum(axis=1)
    return totals


def _statistics(table: pd.DataFrame) -> dict:
    plots.set_style()
    students, waiting = table["student"].nunique(), (table["state"] == AWAITING).sum()
    handed_in = table[table["state"] != MISSING].groupby("chapter")["student"].nunique()
    summary = (
        f"{students} students. Handed in: " + ", ".join(f"{name} {count}" for name, count in handed_in.items())
        + f". Answers that wait for marking by hand: {waiting}; they count nothing yet."
    )  # fmt: skip
    if handed_in.empty:
        return {"summary": summary, "sections": [_states(table)]}
    return {"summary": summary, "sections": [_distribution(table), _hardest(table), _states(table), _time_outs(table)]}


def _distribution(table: pd.DataFrame) -> tuple:
    present = table[table["state"] != MISSING]
    totals = present.groupby(["chapter", "student"])[["points", "of"]].sum()
    share = 100 * totals["points"] / totals["of"]
    chapters = list(share.index.get_level_values("chapter").unique())

    def draw(ax):
        ax.hist([share[chapter] for chapter in chapters], bins=np.arange(0, 101, 10), label=chapters)
        ax.set(xlabel="share of the chapter's points (%)", ylabel="students", xlim=(0, 100))
        ax.legend()

    rows = [{"chapter": chapter, "median": f"{share[chapter].median():.0f} %",
             "quarter below": f"{share[chapter].quantile(0.25):.0f} %",
             "quarter above": f"{share[chapter].quantile(0.75):.0f} %"} for chapter in chapters]  # fmt: skip
    text = "How the points of those who handed in are spread. Two hills mean two classes: look at what parts them."
    return "Distribution", text, picture(draw, 8, 3.4), rows


def _hardest(table: pd.DataFrame) -> tuple:
    marked = table[(table["state"] != MISSING) & table["points"].notna()]
    groups = marked.groupby(["chapter", "exercise", "title"])
    sums = groups[["points", "of"]].sum()
    share = (100 * sums["points"] / sums["of"]).sort_values()
    names = [f"{chapter[:2]} · {title}" for chapter, _, title in share.index]

    def draw(ax):
        ax.barh(names, share, color="#3a6ea5")
        ax.invert_yaxis()
        ax.set(xlabel="mean share of its points (%)", xlim=(0, 100))

    rows = [{"exercise": name, "mean share": f"{value:.0f} %", "marked": len(groups.get_group(key))}
            for name, (key, value) in zip(names, share.items(), strict=True)]  # fmt: skip
    text = "The hardest exercise is on top. Missing submissions do not count here."
    return "Hardest exercises", text, picture(draw, 8, 1 + 0.34 * len(names)), rows


def _states(table: pd.DataFrame) -> tuple:
    counts = table.groupby(["chapter", "title"], sort=False)["state"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=[state for state in STATES if state in counts])
    names = [f"{chapter[:2]} · {title}" for chapter, title in counts.index]

    def draw(ax):
        left = np.zeros(len(counts))
        for state in counts:
            ax.barh(names, counts[state], left=left, label=state, color=COLOURS[state])
            left += counts[state].to_numpy()
        ax.invert_yaxis()
        ax.set(xlabel="students")
        ax.figure.legend(loc="outside lower center", ncols=3)

    rows = [{"exercise": name, **row} for name, row in zip(names, counts.to_dict("records"), strict=True)]
    text = "What became of each exercise. A zero was tested and found wrong; the other states say why nothing was."
    return "States", text, picture(draw, 8, 1.6 + 0.34 * len(names)), rows


def _time_outs(table: pd.DataFrame) -> tuple:
    late = table[table["state"] == TIMED_OUT_STATE]
    if late.empty:
        return "Time-outs", "None.", "", []
    counts = late.groupby(["chapter", "title"])["student"].agg(["nunique", lambda names: ", ".join(sorted(names))])
    rows = [{"exercise": f"{chapter[:2]} · {title}", "students": count, "who": who}
            for (chapter, title), (count, who) in zip(counts.index, counts.to_numpy(), strict=True)]  # fmt: skip
    return "Time-outs", "Many in one exercise: the time may be too short, or the text misleads.", "", rows
