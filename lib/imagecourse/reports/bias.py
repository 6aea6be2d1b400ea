"""The page of `imagecourse bias`: figures, tables and sentences about a model's answers by group."""

import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd

from imagecourse.evaluation.bias import FEWEST, Gap, Measure, bias_table, largest_gaps
from imagecourse.plots.bias import group_figure
from imagecourse.reports.pages import page_environment
from imagecourse.reports.prose import data_uri


def bias_page(table: pd.DataFrame, by: Sequence[str], measures: Sequence[Measure], title: str, missing: int = 0) -> str:
    """HTML, complete without a network. table: answers beside the truth, with the columns of `by`."""
    figures = bias_table(table, by, measures)
    gaps = largest_gaps(figures)
    sections = [_section(name, table, figures[figures["attribute"] == name], measures, gaps) for name in by]
    page = page_environment().get_template("bias.html")
    return page.render(title=title, images=len(table), missing=missing, fewest=FEWEST, sections=sections)


def _section(
    attribute: str, table: pd.DataFrame, figures: pd.DataFrame, measures: Sequence[Measure], gaps: Sequence[Gap]
) -> dict:
    own = {gap.measure: gap for gap in gaps if gap.attribute == attribute}
    rows = [
        {"group": group, "images": rows["images"].iloc[0], "values": [_cell(row) for row in rows.itertuples()]}
        for group, rows in figures.groupby("group", sort=False)
    ]
    overall = {measure.name: measure.of(table).mean() for measure in measures}
    return {
        "attribute": attribute,
        "sentences": [gap_sentence(measure, own.get(measure.name)) for measure in measures],
        "figures": {measure.title: _figure(figures, measure, overall) for measure in measures},
        "measures": [measure.title for measure in measures],
        "rows": rows,
    }


def _figure(figures: pd.DataFrame, measure: Measure, overall: Mapping[str, float]) -> str:
    """Data address of one measure's picture."""
    figure, stream = group_figure(figures, [measure], overall), io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return data_uri("image/png", stream.getvalue())


def _cell(row) -> str:
    return f"{row.value:.3g} ({row.low:.3g} to {row.high:.3g})"


def gap_sentence(measure: Measure, gap: Gap | None) -> str:
    """What a comparison of groups says in a measure, or that it cannot tell."""
    if gap is None:
        return f"{measure.title}: fewer than two groups have {FEWEST} pictures; nothing to compare."
    interval = f"{gap.low:.3g} to {gap.high:.3g}"
    if gap.certain:
        where = f"the largest gap is between {gap.higher} (higher) and {gap.lower} (lower)"
        return f"{measure.title}: {where}, {gap.difference:.3g} ({interval})."
    largest = f"the largest of the differences between {gap.groups} groups, {gap.difference:.3g}"
    return f"{measure.title}: cannot tell; {largest}, has the interval {interval}."
