"""Trainings of the denoiser and the document cleaner, with tiny sizes; and the patches that they learn from."""

from dataclasses import replace

import numpy as np
import pytest

from imagecourse.cli import main
from imagecourse.images import write_image
from imagecourse.networks.bundles import load_restorer
from imagecourse.recipes import denoiser as denoiser_recipe
from imagecourse.recipes import documents as documents_recipe
from imagecourse.recipes.denoiser import DenoiserRecipe, measure_gains
from imagecourse.recipes.documents import DocumentRecipe
from imagecourse.restoration import add_gaussian_noise, psnr
from imagecourse.restoration.patches import Damage, DamagedPatches, DirtyPatches, cut_patches, damage_patch, varied_pair
from imagecourse.samples import reference_photographs
from imagecourse.samples.documents import draw_document, write_documents

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def photographs() -> dict[str, np.ndarray]:
    names = ("astronaut", "coffee", "camera", "chelsea", "rocket", "coins", "brick")
    return {name: np.ascontiguousarray(reference_photographs()[name][60:156, 60:170]) for name in names}


# --- patches ---


def test_patches_are_cut_from_shrunk_pictures():
    picture = np.repeat(np.repeat(RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8), 2, axis=0), 2, axis=1)
    patches = cut_patches([picture, picture[:30]], 32, shrink=2, per_image=3, seed=1)
    assert patches.shape == (3, 32, 32, 3)  # the second is too small
    small = picture[::2, ::2]
    windows = np.lib.stride_tricks.sliding_window_view(small, (32, 32), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
    assert all((windows == patch).all(axis=(2, 3, 4)).any() for patch in patches)
    assert cut_patches([picture[..., 0]], 20)[0].shape == (20, 20, 3)
    assert cut_patches([], 8).shape == (0, 8, 8, 3)


def test_damage_is_as_strong_as_drawn_rounded_clipped_and_told_about():
    patch, generator = np.full((64, 64, 3), 128, np.uint8), np.random.default_rng(2)
    exact = Damage(noise=(20, 20), grey=0, noise_error=0)
    damaged, told, clean, weight = damage_patch(patch, exact, generator)
    assert damaged.dtype == np.uint8 and (damaged.std(), told) == (pytest.approx(20, rel=0.05), (20, 0.0))
    assert np.array_equal(clean, patch) and weight == pytest.approx(1 / (1 + 0.9 * 20**1.25))
    white = damage_patch(np.full((64, 64, 3), 255, np.uint8), exact, generator)[0]
    assert white.max() == 255 and (white == 255).mean() > 0.4
    mixed = RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    grey, _, clean, _ = damage_patch(mixed, replace(exact, grey=1), generator)
    assert (grey == grey[..., :1]).all() and (clean == clean[..., :1]).all()
    blurred, told, clean, _ = damage_patch(mixed, Damage((0, 0), (1.5, 1.5), blurred=1, blur_error=0), generator)
    assert (
        told == (0, 1.5) and np.diff(blurred.astype(int), axis=0).std() < 0.5 * np.diff(clean.astype(int), axis=0).std()
    )


def test_batches_show_every_patch_once_an_epoch_and_anew_in_the_next():
    patches = np.repeat(np.arange(10, 60, 10, dtype=np.uint8)[:, None, None, None], 3, axis=3) * np.ones(
        (1, 8, 8, 1), np.uint8
    )
    batches = DamagedPatches(patches, Damage(noise=(2, 2)), batch_size=2, seed=1)
    epochs = []
    for _ in range(2):
        parts = [batches[number] for number in range(len(batches))]
        assert [part[1].shape[0] for part in parts] == [2, 2, 1]
        assert sorted(np.concatenate([part[1] for part in parts]).mean((1, 2, 3)).tolist()) == [10, 20, 30, 40, 50]
        assert parts[0][0]["damage"].shape == (2, 8, 8, 2) and parts[0][2].shape == (2, 1, 1)
        epochs.append(parts[0][0]["image"])
        batches.on_epoch_end()
    assert not np.array_equal(*epochs)
    inputs, clean, weights = DamagedPatches(patches, Damage(), 2, 1).everything()
    assert inputs["image"].shape == clean.shape == (5, 8, 8, 3) and len(weights) == 5


def test_dirty_and_clean_patches_stay_in_place():
    page = np.full((90, 120), 255, np.uint8)
    page[30:60, 40:80] = 0
    for number in range(10):
        dirty, clean = varied_pair(page, page, 48, np.random.default_rng(number))
        assert dirty.shape == clean.shape == (48, 48) and dirty.dtype == np.uint8
        where = (clean < 20) | (clean > 235)
        assert np.corrcoef(dirty[where], clean[where])[0, 1] > 0.95 if (clean < 20).any() else True
    batches = DirtyPatches([(page, page)] * 3, 48, per_page=2, batch_size=4, seed=0)
    assert len(batches) == 2 and batches[0][0].shape == (4, 48, 48, 1)
    assert batches.everything()[0].shape == (6, 48, 48, 1)


# --- trainings ---


@pytest.fixture
def small(monkeypatch, photographs):
    """Recipes of seconds."""
    sizes = replace(DenoiserRecipe.sizes, patch=24, per_picture=4, pictures_per_folder=6, scratch_epochs=2)
    monkeypatch.setattr(DenoiserRecipe, "sizes", replace(sizes, filters=6, depth=3))
    monkeypatch.setattr(denoiser_recipe, "reference_photographs", lambda: dict(photographs))
    monkeypatch.setattr(denoiser_recipe, "DAMAGES", {"noise_25": (25, 0.0), "clean": (0, 0.0)})
    document_sizes = replace(DocumentRecipe.sizes, patch=48, per_page=1, drawn=12, epochs=2, filters=4)
    monkeypatch.setattr(DocumentRecipe, "sizes", document_sizes)
    monkeypatch.setattr(documents_recipe, "draw_document", lambda rng: draw_document(rng, (80, 96)))


def test_a_denoiser_is_trained_measured_and_saved(small, photographs, tmp_path):
    for name, picture in photographs.items():
        write_image(tmp_path / "further" / f"{name}.png", picture)
    options = ["--photographs", str(tmp_path / "further"), "--output", str(tmp_path / "mine")]
    assert main(["train", "denoiser", "--data", "sample", *options]) == 0
    bundle = load_restorer(tmp_path / "mine")
    card = bundle.card
    assert card["training_command"].startswith("imagecourse train denoiser --data sample --output models/mine")
    assert card["metrics"]["split"] == "held out" and card["metrics"]["images"] == 2
    assert set(card["psnr"]) == {"degraded", "compromise", "denoiser"} and len(bundle.history) == 2
    expected = bundle.predictions[bundle.predictions["damage"] == "noise_25"]["denoiser"].mean()
    assert card["metrics"]["noise_25"] == pytest.approx(expected, abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["further", "mine"]


def test_what_is_measured_is_what_a_network_does_to_noise_of_that_seed(small, photographs):
    pictures = dict(list(photographs.items())[:2])
    table = measure_gains(pictures, {"same": AnswersWithItsInput()})
    noisy = add_gaussian_noise(pictures["coffee"], 25, seed=1)
    row = table[(table["file"] == "coffee") & (table["damage"] == "noise_25")].iloc[0]
    assert row["degraded"] == row["same"] == pytest.approx(psnr(pictures["coffee"], noisy))
    assert table[table["damage"] == "clean"]["degraded"].isna().all() and row["compromise"] > row["degraded"]


class AnswersWithItsInput:
    def predict_on_batch(self, inputs):
        return inputs[0]


def test_a_document_cleaner_is_measured_on_new_texts_and_backgrounds(small, tmp_path):
    data = write_documents(tmp_path / "documents", texts=4, backgrounds=4, seed=3)
    options = ["--output", str(tmp_path / "mine"), "--compare", "random-split"]
    assert main(["train", "documents", "--data", str(data), *options]) == 0
    bundle = load_restorer(tmp_path / "mine")
    card, rows = bundle.card, bundle.predictions
    assert card["pages"] == {"train": 4, "test": 4, "left out": 0} and card["metrics"]["images"] == len(rows) == 4
    assert card["leak"]["images"] == 4 and "--compare random-split" in card["training_command"]
    assert list(rows) == ["file", "as it is", "background subtracted", "threshold", "document-cleaner"]
    assert card["metrics"]["root_mean_squared_error"] == pytest.approx(rows["document-cleaner"].mean(), abs=1e-3)
    assert rows["background subtracted"].mean() < rows["as it is"].mean()


def test_too_small_pictures_are_told(small, tmp_path, capsys):
    write_image(tmp_path / "in" / "a.png", np.zeros((10, 10), np.uint8))
    assert main(["train", "denoiser", "--data", str(tmp_path / "in"), "--output", str(tmp_path / "mine")]) == 2
    assert "too few pictures larger than 24 pixels" in capsys.readouterr().err
