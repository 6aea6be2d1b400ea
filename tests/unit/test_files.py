from functools import partial
from pathlib import Path

import pytest

from imagecourse.files import map_files
from imagecourse.images import read_image


def name_length(path: Path, extra: int = 0) -> int:
    if path.suffix == ".bad":
        raise ValueError(f"{path}: is bad")
    return len(path.name) + extra


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_keep_the_order_and_errors_stop_nothing(jobs):
    paths = [Path("a.png"), Path("b.bad"), Path("long name.png")]
    outcomes = list(map_files(partial(name_length, extra=1), paths, jobs=jobs))
    assert [outcome.path for outcome in outcomes] == paths
    assert [outcome.result for outcome in outcomes] == [6, None, 14]
    assert [outcome.error for outcome in outcomes] == ["", "b.bad: is bad", ""]


def test_a_mistake_in_the_function_is_not_taken_for_a_bad_file():
    with pytest.raises(AttributeError):
        list(map_files(_mistake, [Path("a.png")]))


def _mistake(path: Path) -> None:
    return path.no_such_attribute


def test_no_files():
    assert list(map_files(read_image, [])) == []
