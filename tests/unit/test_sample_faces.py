import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import read_dataset
from imagecourse.datasets.looks import looks, looks_of_files
from imagecourse.images import read_image
from imagecourse.samples.faces import draw_face, draw_faces, draw_traits, write_faces


def table_of(count: int, imbalance: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame([vars(draw_traits(np.random.default_rng([5, number]), imbalance)) for number in range(count)])


def test_a_face_is_the_same_again_whatever_the_others():
    images, table = draw_faces(3, 48, seed=7)
    more, longer = draw_faces(70, 48, seed=7)
    assert images.shape == (3, 48, 48, 3) and images.dtype == np.uint8
    assert (images == more[:3]).all() and table.equals(longer[:3])
    assert not (images[0] == draw_faces(1, 48, seed=8)[0][0]).all()


def test_no_single_trait_decides_the_label_and_none_tells_in_children():
    table = table_of(3000)
    adults, children = table[table["age"] > 20], table[table["age"] < 8]
    for trait in ("features", "brows", "lips", "lashes", "hair_length"):
        assert best_cut(adults[trait], adults["woman"]) < 0.88, trait
        assert best_cut(children[trait], children["woman"]) < 0.66, trait
    assert best_cut(adults["lashes"], adults["woman"]) > 0.65


def best_cut(trait: pd.Series, woman: pd.Series) -> float:
    """Accuracy of the best threshold, in either direction."""
    cuts = np.quantile(trait, np.linspace(0.02, 0.98, 49))
    right = [((trait > cut) == (woman == 1)).mean() for cut in cuts]
    return max(max(right), 1 - min(right))


def test_ages_run_from_0_to_100_and_show_in_overlapping_traits():
    table = table_of(3000)
    assert table["age"].min() < 1 and 95 < table["age"].max() <= 100
    for trait in ("wrinkles", "grey", "grown"):
        correlation = table[trait].corr(table["age"], method="spearman")
        assert 0.5 < correlation < 0.97, trait


def test_imbalance_makes_the_dark_tones_rare():
    assert (table_of(1500)["tone"] >= 3).mean() == pytest.approx(0.4, abs=0.05)
    assert (table_of(1500, 0.9)["tone"] >= 3).mean() == pytest.approx(0.04, abs=0.02)
    assert (table_of(300, 1.0)["tone"] < 3).all()
    with pytest.raises(ValueError, match="imbalance from 0 to 1"):
        draw_faces(2, imbalance=1.5)


def test_files_have_the_names_of_utkface_and_a_table_of_all_traits(tmp_path):
    folder = write_faces(tmp_path / "faces", 12, seed=3)
    rows, truth = read_dataset(folder).table, pd.read_csv(folder / "faces.csv")
    assert len(rows) == len(truth) == 12
    merged = rows.assign(file=[file.rsplit("/")[-1] for file in rows["file"]]).merge(truth, on="file")
    assert (merged["age_x"] == merged["age_y"].round()).mean() > 0.9 and (merged["gender"] == merged["woman"]).all()
    assert (merged["race"] == merged["tone"]).all()
    for file, size in zip(truth["file"], truth["size"], strict=True):
        assert read_image(folder / file).shape == (size, size, 3)
    with pytest.raises(FileExistsError):
        write_faces(folder)


def test_the_nuisances_can_be_measured(tmp_path):
    bright, dark = (_changed(brightness=value, blur=0.0) for value in (1.4, 0.6))
    sharp, soft = (_changed(brightness=1.0, blur=value) for value in (0.0, 2.0))
    assert looks(bright)["brightness"] > 1.3 * looks(dark)["brightness"]
    assert looks(sharp)["sharpness"] > 1.5 * looks(soft)["sharpness"]
    assert looks(np.zeros((30, 50, 3), np.uint8))["size"] == 30
    measured = looks_of_files([*write_faces(tmp_path / "f", 2).glob("*.png"), tmp_path / "none.png"])
    assert len(measured) == 3 and measured["sharpness"].isna().tolist() == [False, False, True]


def _changed(**values) -> np.ndarray:
    traits = draw_traits(np.random.default_rng(4))
    return draw_face(type(traits)(**(vars(traits) | {"noise": 1.0, "size": 96} | values)), 96)
