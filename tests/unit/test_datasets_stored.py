import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets.stored import StoredFeatures, available_features, load_features, save_features


@pytest.fixture
def stored() -> StoredFeatures:
    values = np.random.default_rng(0).gamma(1, 0.5, (6, 5)).astype(np.float32)
    values[:, 3] = 0
    table = pd.DataFrame({"file": list("abcdef"), "label": ["x", "y"] * 3, "split": ["train"] * 4 + ["test"] * 2})
    return StoredFeatures(values, table, "set", "free", "efficientnet_lite0", 224, min_images=2)


def test_features_come_back_to_a_step_of_255(stored, tmp_path):
    save_features(tmp_path / "set.npz", stored)
    loaded = load_features(tmp_path / "set.npz")
    steps = stored.values.max(axis=0) / 255
    assert (np.abs(loaded.values - stored.values) <= steps / 2 + 1e-6).all() and loaded.values.dtype == np.float32
    pd.testing.assert_frame_equal(loaded.table, stored.table)
    assert (loaded.data, loaded.licence, loaded.backbone) == ("set", "free", "efficientnet_lite0")
    assert (loaded.image_size, loaded.min_images, loaded.classes) == (224, 2, ["x", "y"])
    assert loaded.rows("test").tolist() == [4, 5] and len(loaded.rows()) == 6


def test_what_does_not_fit_or_is_none_is_one_line(stored, tmp_path):
    stored.values[0, 0] = -1
    with pytest.raises(ValueError, match="not negative"):
        save_features(tmp_path / "set.npz", stored)
    (tmp_path / "other.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"other\.npz: no file of features"):
        load_features(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError, match="no such file of features; there are"):
        load_features("nothing")


def test_the_command_keeps_what_a_network_sees(shades, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "shades.npz"
    assert main(["data", "features", str(shades), "--min-images", "3", "-o", str(output)]) == 0
    assert "40 pictures, 2 classes" in capsys.readouterr().out
    loaded = load_features(output)
    assert loaded.values.shape == (40, 1280) and set(loaded.table["split"]) == {"train", "validation", "test"}
    assert set(loaded.table["file"].str.split("/").str[0]) == {"dark", "light"}
    assert main(["data", "features", str(shades), "-o", str(tmp_path / "shades.csv")]) == 2


def test_the_course_brings_features_of_real_pictures():
    for name in available_features():
        stored = load_features(name)
        assert stored.licence and stored.values.min() >= 0 and len(stored.values) == len(stored.table)
