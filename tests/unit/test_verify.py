"""`imagecourse verify`: figures that are as stored, and those that are not."""

import json

import nbformat
import pytest

from imagecourse.cli import main
from imagecourse.reports import verify


def test_numbers_are_found_by_their_path_and_times_are_not():
    metrics = {"a": {"b": 1, "seconds": 3.0}, "pictures/s": 9, "c": float("nan"), "d": True, "text": "x"}
    assert verify.flat(metrics) == {"a/b": 1.0, "d": 1.0}


def test_a_tolerance_is_how_far_seeds_lie_apart():
    runs = [{"a": 0.5, "b": 100.0, "c": 1.0}, {"a": 0.7, "b": 100.0, "c": 1.0}, {"a": 0.6, "b": 100.0}]
    assert verify.with_tolerances(runs) == {"a": [0.5, 0.2], "b": [100.0, 1.0]}


@pytest.mark.parametrize(("found", "differs"), [(0.5, False), (0.7, False), (0.71, True), (0.2, True), (None, True)])
def test_a_figure_is_as_stored_within_its_tolerance(found, differs):
    figures = {} if found is None else {"a": found}
    assert bool(verify.differences(figures, {"a": [0.5, 0.2]})) == differs


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one chapter, whose figure is its seed / 100 plus what stands in a file."""
    code = [
        "import json",
        "seed = 42\noutput_dir = '.'\nfigures_dir = '.'",
        f"shift = float(open({str(tmp_path / 'shift')!r}).read())\n"
        "import pathlib; pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)\n"
        "json.dump({'a': seed / 100 + shift}, open(f'{output_dir}/metrics.json', 'w'))",
    ]
    cells = [nbformat.v4.new_markdown_cell("# One"), *map(nbformat.v4.new_code_cell, code)]
    cells[2].metadata.tags = ["parameters"]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_one.ipynb")
    (tmp_path / "shift").write_text("0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "EXPECTED", tmp_path / "expected.json")
    return tmp_path


def test_a_computer_that_gives_other_figures_is_told(course, capsys):
    assert main(["verify", "--renew"]) == 0
    assert json.loads((course / "expected.json").read_text()) == {"01_one": {"a": [0.42, 0.02]}}
    assert main(["verify"]) == 0
    assert "01_one: as stored, 1 figures compared" in capsys.readouterr().out
    (course / "shift").write_text("0.5")
    assert main(["verify"]) == 1
    told = capsys.readouterr()
    assert "01_one: NOT as stored" in told.out and "a: 0.92, expected 0.42 ± 0.02" in told.out
    assert "1 of 1 chapters differ" in told.err
    assert not (course / "reports").exists()
