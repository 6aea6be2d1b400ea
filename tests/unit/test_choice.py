"""Which filter for which picture: what is chosen, what networks are told, and what happens where there are none."""

import keras
import numpy as np
import pytest

from imagecourse.cli import main
from imagecourse.images import read_image, write_image
from imagecourse.networks.restorers import denoiser, document_cleaner
from imagecourse.restoration import add_gaussian_blur, add_gaussian_noise, choice, learned, restore
from imagecourse.restoration.choice import measure, restore_by, told_blur
from imagecourse.samples import reference_photographs
from imagecourse.samples.documents import draw_document

HERE = {learned.DENOISER, learned.DOCUMENT_CLEANER, learned.PHOTO_FILTER}


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return np.ascontiguousarray(reference_photographs()["coffee"][100:290, 200:400])


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return draw_document(np.random.default_rng(3), (160, 200))[0]


@pytest.fixture
def models(monkeypatch) -> list:
    """Models are there; what the denoiser and the cleaner are given is noted, and comes back darker by one."""
    given = []

    def darker(image: np.ndarray, *told: float) -> np.ndarray:
        given.append(told)
        return image - np.minimum(image, 1)

    monkeypatch.setattr(learned, "is_there", HERE.__contains__)
    monkeypatch.setattr(learned, "is_text", lambda image: True)
    monkeypatch.setattr(learned, "remove_noise", darker)
    monkeypatch.setattr(learned, "clean_document", darker)
    return given


def test_a_clean_photograph_stays_untouched(models, coffee):
    result = restore_by(coffee, "auto")
    assert result.steps == () and np.array_equal(result.image, coffee) and models == []
    assert "untouched" in result.explanation


@pytest.mark.parametrize("noise", [12, 30])
def test_a_noisy_photograph_goes_to_the_denoiser_with_its_noise(models, coffee, noise):
    result = restore_by(add_gaussian_noise(coffee, noise, seed=0), "auto")
    assert [step.split("(")[0] for step in result.steps] == ["learned_denoiser"]
    assert models[0] == (pytest.approx(noise, rel=0.15), 0.0)
    assert "noisy, so the learned denoiser" in result.explanation and f"noise={result.noise:.1f}" in result.steps[0]


def test_a_blur_is_told_where_the_measure_can_be_trusted(models, coffee):
    restore_by(add_gaussian_noise(add_gaussian_blur(coffee, 1.6), 8, seed=0), "auto")
    assert models[0][1] == pytest.approx(1.6, abs=0.4)
    spectrum = measure(coffee).spectrum._replace(blur=1.5)
    assert told_blur(choice.Measures(5, True, spectrum)) == 1.5 and told_blur(choice.Measures(40, True, spectrum)) == 0
    assert told_blur(choice.Measures(5, True, spectrum._replace(blur=0.3))) == 0


def test_noise_that_was_never_learned_is_left_to_the_compromise(models, coffee):
    noisy = add_gaussian_noise(coffee, 75, seed=0)
    result, classic = restore_by(noisy, "auto"), restore(noisy)
    assert models == [] and result.steps == classic.steps and np.array_equal(result.image, classic.image)


def test_a_dirty_page_is_cleaned_and_a_white_one_is_not(models, page):
    result = restore_by(page, "auto")
    assert result.steps == ("document_cleaner",) and models == [()] and "page of text" in result.explanation
    white = draw_document(np.random.default_rng(3), (160, 200))[1]
    assert restore_by(white, "auto").steps == () and len(models) == 1


def test_what_is_no_text_is_not_cleaned(models, page, monkeypatch):
    monkeypatch.setattr(learned, "is_text", lambda image: False)
    assert "document_cleaner" not in restore_by(page, "auto").steps


def test_without_models_all_goes_as_before(models, coffee, page, monkeypatch):
    monkeypatch.setattr(learned, "is_there", lambda name: False)
    for image in (add_gaussian_noise(coffee, 20, seed=0), page, coffee):
        result, classic = restore_by(image, "auto"), restore(image)
        assert result.steps == classic.steps and np.array_equal(result.image, classic.image)


def test_methods_by_name(models, coffee, page):
    assert restore_by(coffee, "learned").steps[0].startswith("learned_denoiser")
    assert restore_by(page, "document").steps == ("document_cleaner",)
    assert restore_by(coffee, "median").steps == ("median",)
    with pytest.raises(
        ValueError, match="magic: no such method; use one of auto, learned, document, compromise, nlm_weak"
    ):
        restore_by(coffee, "magic")
    with pytest.raises(ValueError, match="cannot restore"):
        restore_by(coffee / 255, "learned")


def test_a_photo_filter_says_what_is_text(monkeypatch, page):
    answers = {True: [0.05, 0.95], False: [0.3, 0.7]}
    for expected, scores in answers.items():
        inputs = keras.Input((32, 32, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(inputs)
        layer = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")
        bundle = learned.Bundle(keras.Model(inputs, layer(pooled)), ["Photo", "Text"], None)
        layer.bias.assign(np.log(scores))
        monkeypatch.setattr(learned, "is_there", lambda name: True)
        monkeypatch.setattr(learned, "_classifier", lambda name, bundle=bundle: bundle)
        assert learned.is_text(page) is expected
    monkeypatch.setattr(learned, "is_there", lambda name: False)
    assert not learned.is_text(page)


def test_the_command_restores_with_the_models(tmp_path, monkeypatch, coffee):
    monkeypatch.setattr("imagecourse.files.os.cpu_count", lambda: 1)  # workers would not know the small networks
    networks = {learned.DENOISER: denoiser(4, 2), learned.DOCUMENT_CLEANER: document_cleaner(4)}
    monkeypatch.setattr(learned, "network", networks.__getitem__)
    write_image(tmp_path / "in" / "a.png", add_gaussian_noise(coffee, 20, seed=0))
    for method in ("learned", "document"):
        output = tmp_path / method
        assert main(["restore", "-i", str(tmp_path / "in"), "-o", str(output), "--method", method]) == 0
        assert read_image(output / "a.png").shape == coffee.shape
