"""The shipped dog models on the official test rows: the figures of their cards, measured again from the images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import label_indices, read_dataset
from imagecourse.evaluation.comparison import top_k_right
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.predict import predict_files

pytestmark = pytest.mark.real_data

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def test_rows(real_data) -> pd.DataFrame:
    table = read_dataset(real_data / "dogs").table
    return table[table["split"] == "test"]


@pytest.mark.parametrize(("name", "top1", "top5"), [("dogs-10", 0.965, 0.99), ("dogs-120", 0.84, 0.97)])
def test_a_shipped_model_names_the_breeds(real_data, test_rows, name, top1, top5):
    bundle = load_bundle(MODELS / name)
    rows = test_rows[test_rows["label"].isin(bundle.labels)]
    assert rows["label"].nunique() == len(bundle.labels) == int(name.split("-")[1])
    answers = pd.concat(predict_files(bundle, [Path(file) for file in rows["file"]]))
    scores = answers[bundle.labels].to_numpy()
    truth = label_indices(rows["label"], bundle.labels)
    assert top_k_right(truth, scores, 1).mean() >= top1
    assert top_k_right(truth, scores, 5).mean() >= top5
    stored = bundle.predictions.set_index("file")
    names = [Path(file).relative_to(real_data / "dogs").as_posix() for file in rows["file"]]
    assert sorted(stored.index) == sorted(names)
    assert np.allclose(stored.loc[names, bundle.labels], scores, atol=0.02)
