"""The shipped face model on the test split of UTKFace: the figures of its card, measured again from the images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import read_dataset
from imagecourse.evaluation import accuracy_with_interval
from imagecourse.evaluation.ages import coverage_of, regression_figures
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.predict import predict_files
from imagecourse.recipes.faces import FRACTIONS

pytestmark = pytest.mark.real_data

MODEL = Path(__file__).parents[2] / "models" / "faces"


@pytest.fixture(scope="module")
def answers(real_data) -> pd.DataFrame:
    """Answers for the test split, with the truth of the file names."""
    table = read_dataset(real_data / "faces", fractions=FRACTIONS).table
    rows = table[table["split"] == "test"].reset_index(drop=True)
    found = pd.concat(predict_files(load_bundle(MODEL), [Path(file) for file in rows["file"]]), ignore_index=True)
    return found.assign(true_age=rows["age"], true_gender=np.where(rows["gender"] == 1, "woman", "man"))


def test_ages_and_genders_are_as_good_as_promised(answers):
    figures = regression_figures(answers["true_age"], answers["age"])
    assert figures["mae"] <= 5.4 and figures["within_10"] >= 0.84
    assert accuracy_with_interval(answers["true_gender"], answers["gender"]).value >= 0.937


def test_the_interval_holds_four_of_five(answers):
    assert 0.77 <= coverage_of(answers["true_age"], answers["age_low"], answers["age_high"]) <= 0.83


def test_the_stored_answers_are_those_of_the_network(answers):
    stored = load_bundle(MODEL).predictions.set_index("file")
    measured = answers.assign(name=["/".join(Path(file).parts[-2:]) for file in answers["file"]]).set_index("name")
    assert set(stored.index) <= set(measured.index) and len(stored) > 0.98 * len(measured)
    again = measured.loc[stored.index]
    assert np.allclose(stored["age"], again["age"], atol=0.05)
    assert (stored["gender"] == again["gender"]).mean() > 0.998
