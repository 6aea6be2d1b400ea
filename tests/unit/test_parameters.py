import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from imagecourse.reports import run
from imagecourse.reports.parameters import check_settings, describe_parameters, parse_value

PARAMETERS = """dataset = "sample"  # sample or folder
data_dir = None
image_size = 64  # 32 to 512
rate = 0.1  # 1e-6 to 1
seed = 42  # 0 or more
models = ["a", "b"]
flipped = True
output_dir = "out"
"""


def write_notebook(folder) -> None:
    cell = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[cell]), folder / "01_first.ipynb")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("image_size", "-64", "-p image_size -64: out of range; give 32 to 512"),
        ("image_size", "abc", "-p image_size abc: give a whole number, such as 64"),
        ("image_size", "64.5", "give a whole number"),
        ("image_size", "true", "give a whole number"),
        ("seed", "-1", "out of range; give 0 or more"),
        ("rate", "0", "out of range; give 1e-06 to 1"),
        ("rate", "nan", "give a number"),
        ("models", "3", "give a list of names"),
        ("flipped", "1", "give true or false"),
        ("dataset", "photos", "choose from sample, folder"),
        ("dataset", "folder", "names no folder; add -p data_dir DIR"),
        ("output_dir", "x", "the command sets it; use --output"),
        ("sead", "1", "no such parameter; there are data_dir, dataset, flipped"),
    ],
)
def test_values_that_do_not_fit_are_refused_before_a_kernel_starts(tmp_path, monkeypatch, name, value, complaint):
    write_notebook(tmp_path)
    monkeypatch.setattr(run, "execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
    with pytest.raises(ValueError, match=re.escape(complaint)):
        run.run_reports(parameters={name: parse_value(value)}, notebooks=tmp_path, output=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_values_that_fit_are_taken_and_a_folder_of_data_is_used(tmp_path):
    write_notebook(tmp_path)
    known = [describe_parameters(tmp_path / "01_first.ipynb")]
    assert check_settings({"image_size": 32, "rate": 1}, known) == {"image_size": 32, "rate": 1}
    assert check_settings({"models": "a"}, known) == {"models": ["a"]}
    assert check_settings({"data_dir": "pics"}, known) == {"data_dir": "pics", "dataset": "folder"}
