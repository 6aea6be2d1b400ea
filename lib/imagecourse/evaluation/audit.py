"""The answers of any model beside the truth, from two tables that somebody gives."""

from pathlib import PurePath

import pandas as pd

SAME = {"prediction": "truth", "label": "truth"}
NOT_ANSWERS = ("file", "error", "confidence", "face", "left", "top", "width", "height")


def join_truth(answers: pd.DataFrame, truth: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A table with a row for each answer whose truth is known, and the files without.

    answers: column `file` and answers, as `imagecourse predict` or any other library gives them; rows with a reason in
    `error` are left out. truth: column `file`, the truth under the same names, or with `true_` before them (a column
    `truth` is that of `prediction` or `label`), and what else is known of a picture.
    Files are the same when their paths are, or else their names, if no name is there twice.
    The truth comes out as `true_NAME` beside the answer NAME.
    Raises: ValueError where columns are missing, a file has two truths, or no file of one table is in the other.
    """
    for title, table in (("answers", answers), ("truth", truth)):
        if "file" not in table:
            raise ValueError(f"the table of {title} has no column file; name its first column so")
    if "error" in answers:
        answers = answers[answers["error"].isna() | (answers["error"] == "")]
    for title, table in (("answers", answers), ("truth", truth)):
        if table.empty:
            raise ValueError(f"the table of {title} has no rows to compare; give one that has")
    known = _pairs(answers, truth)
    facts = truth[[name for name in truth if name == "file" or name in known or name not in answers]].rename(
        columns=known
    )
    answers = answers.drop(columns=[name for name in known.values() if name in answers])
    left, right = _keys(answers["file"], facts["file"])
    if right.duplicated().any():
        raise ValueError(f"{facts['file'][right.duplicated()].iloc[0]}: stands in the truth twice; leave one of them")
    joined = answers.assign(_key=left).merge(facts.drop(columns="file").assign(_key=right), on="_key", how="inner")
    if joined.empty:
        first, second = answers["file"].iloc[0], truth["file"].iloc[0]
        raise ValueError(f"no file of the answers, say {first}, is in the truth, say {second}; give the same names")
    missing = answers.loc[~left.isin(right), "file"].tolist()
    return joined.drop(columns="_key"), missing


def _pairs(answers: pd.DataFrame, truth: pd.DataFrame) -> dict[str, str]:
    """Column of the truth -> its new name true_NAME, for each answer NAME that it is about.

    Where the truth marks its columns with true_, no others are meant: the same table may hold both.
    """
    names = [name for name in answers if name not in NOT_ANSWERS]
    marked = {f"true_{name}": f"true_{name}" for name in names if f"true_{name}" in truth}
    by_name = {SAME.get(name, name): f"true_{name}" for name in names if SAME.get(name, name) in truth}
    return marked or by_name


def _keys(first: pd.Series, second: pd.Series) -> tuple[pd.Series, pd.Series]:
    if first.isin(second).any():
        return first, second
    names = first.map(lambda file: PurePath(file).name), second.map(lambda file: PurePath(file).name)
    return names if not any(each.duplicated().any() for each in names) else (first, second)
