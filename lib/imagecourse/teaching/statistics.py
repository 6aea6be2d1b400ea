"""The class in figures: how points are spread, what was hard, what became of each exercise."""

from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse import plots
from imagecourse.teaching.layout import picture, write_page
from imagecourse.teaching.marks import AWAITING, MISSING, STATES, TIMED_OUT_STATE, Mark
from imagecourse.teaching.submission import UNREADABLE

COLOURS = {"graded": "#2a7f4f", "partly right": "#8fb04a", "zero": "#c95b3a", "awaiting hand marking": "#d9a520",
           "failed to run": "#8c2f39", "timed out": "#6b5b95", "missing": "#a9b0b8"}  # fmt: skip


def write_statistics(path: Path, marks: list[Mark]) -> Path:
    """Write the page."""
    return write_page(path, "statistics.html", **_statistics(_table(marks)))


def _table(marks: list[Mark]) -> pd.DataFrame:
    """Marks as a table; `counts` tells those that say something of the student: not what waits or cannot be read."""
    rows = [{"student": mark.student, "chapter": mark.chapter, "title": mark.exercise.title, "points": mark.points,
             "of": mark.exercise.points, "state": mark.state,
             "counts": mark.state not in (MISSING, AWAITING) and not mark.remarks.startswith(UNREADABLE)}
            for mark in marks]  # fmt: skip
    return pd.DataFrame(rows).astype({"points": float})


def _statistics(table: pd.DataFrame) -> dict:
    plots.set_style()
    students, waiting = table["student"].nunique(), (table["state"] == AWAITING).sum()
    handed_in = table[table["state"] != MISSING].groupby("chapter")["student"].nunique()
    unread = table[~table["counts"] & ~table["state"].isin((MISSING, AWAITING))]
    summary = (
        f"{students} students. Handed in: " + ", ".join(f"{name} {count}" for name, count in handed_in.items())
        + f". Answers that wait for marking by hand: {waiting}; submissions that cannot be read: "
        f"{len(unread.groupby(['student', 'chapter']))}. Neither counts in the figures of points."
    )  # fmt: skip
    sections = [_states(table)]
    if table["counts"].any():
        sections = [_distribution(table), _hardest(table), *sections, _time_outs(table)]
    return {"summary": summary, "sections": sections}


def _distribution(table: pd.DataFrame) -> tuple:
    totals = table[table["counts"]].groupby(["chapter", "student"])[["points", "of"]].sum()
    share = 100 * totals["points"] / totals["of"]
    chapters = list(share.index.get_level_values("chapter").unique())

    def draw(ax):
        ax.hist([share[chapter] for chapter in chapters], bins=np.arange(0, 101, 10), label=chapters)
        ax.set(xlabel="share of the points that are marked (%)", ylabel="students", xlim=(0, 100))
        ax.legend()

    rows = [{"chapter": chapter, "median": f"{share[chapter].median():.0f} %",
             "quarter below": f"{share[chapter].quantile(0.25):.0f} %",
             "quarter above": f"{share[chapter].quantile(0.75):.0f} %"} for chapter in chapters]  # fmt: skip
    text = "How the points of those who handed in are spread. Two hills mean two classes: look at what parts them."
    return "Distribution", text, picture(draw, 8, 3.4), rows


def _hardest(table: pd.DataFrame) -> tuple:
    groups = table[table["counts"]].groupby(["chapter", "title"], sort=False)
    sums = groups[["points", "of"]].sum()
    share = (100 * sums["points"] / sums["of"]).sort_values()
    names = [f"{chapter[:2]} · {title}" for chapter, title in share.index]

    def draw(ax):
        ax.barh(names, share, color="#3a6ea5")
        ax.invert_yaxis()
        ax.set(xlabel="mean share of its points (%)", xlim=(0, 100))

    rows = [{"exercise": name, "mean share": f"{value:.0f} %", "marked": len(groups.get_group(key))}
            for name, (key, value) in zip(names, share.items(), strict=True)]  # fmt: skip
    text = "The hardest exercise is on top. What is missing, waits or cannot be read does not count here."
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
