import keras
import numpy as np
import pytest
from keras import layers

from imagecourse import explain
from imagecourse.evaluation import mean_with_interval


def squares(count: int = 6, size: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Dark pictures with a bright square somewhere, and its masks."""
    generator = np.random.default_rng(0)
    images, masks = np.full((count, size, size, 3), 30, np.float32), np.zeros((count, size, size), bool)
    for image, mask in zip(images, masks, strict=True):
        top, left = generator.integers(0, size - 6, 2)
        mask[top : top + 6, left : left + 6] = True
        image[mask] = 240
    return images, masks


def brightness_model(size: int = 24) -> keras.Model:
    """The probability rises with the bright area; two convolutions, so that there is something to shuffle."""
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(4, 1, activation="relu", name="bright")(inputs)
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="grown")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="answer")(x))
    keras.utils.set_random_seed(1)
    bright, grown, answer = (model.get_layer(name) for name in ("bright", "grown", "answer"))
    bright.set_weights([np.full((1, 1, 3, 4), 1 / 300, np.float32), np.full(4, -1.2, np.float32)])
    kernel = np.zeros((3, 3, 4, 3), np.float32)
    kernel[1, 1] = np.array([1, 0.5, -0.5])
    grown.set_weights([kernel, np.zeros(3, np.float32)])
    answer.set_weights([np.array([[20.0], [4.0], [-4.0]], np.float32), np.array([-4.0], np.float32)])
    return model


def test_a_perfect_map_wins_and_a_random_one_is_at_chance():
    images, masks = squares(count=200)
    perfect = masks.astype(np.float32)
    assert explain.pointing_game(perfect, masks).tolist() == [1] * 200
    assert explain.mask_energy(perfect, masks) == pytest.approx(1)
    assert explain.pointing_game(1 - perfect, masks).max() == 0
    chance = masks.mean()
    noise = explain.random_map(images).maps
    assert explain.mask_energy(noise, masks).mean() == pytest.approx(chance, abs=0.01)
    assert explain.pointing_game(noise, masks).mean() == pytest.approx(chance, abs=0.06)


def test_pointing_game_with_ties_tolerance_and_empty_maps():
    masks = np.zeros((1, 5, 5), bool)
    masks[0, 2, 2] = True
    beside = np.zeros((1, 5, 5), np.float32)
    beside[0, 2, 3] = 1
    assert explain.pointing_game(beside, masks) == 0
    assert explain.pointing_game(beside, masks, tolerance=1) == 1
    beside[0, 2, 2] = 1
    assert explain.pointing_game(beside, masks) == 0.5
    assert explain.pointing_game(np.zeros((1, 5, 5)), masks) == pytest.approx(1 / 25)
    assert explain.mask_energy(np.zeros((1, 5, 5)), masks) == 0
    with pytest.raises(ValueError, match=r"maps \(1, 4, 4\), masks \(1, 5, 5\)"):
        explain.mask_energy(np.zeros((1, 4, 4)), masks)


@pytest.mark.parametrize("reference", explain.REFERENCES)
def test_insertion_and_deletion_reward_the_true_map(reference):
    model, (images, masks) = brightness_model(), squares()
    perfect = masks.astype(np.float32)
    noise = explain.random_map(images).maps

    def deletion(maps):
        return explain.deletion_curve(model, images, 1, maps, reference=reference)

    def insertion(maps):
        return explain.insertion_curve(model, images, 1, maps, reference=reference)

    true = deletion(perfect)
    assert true.answers.shape == (6, 33)
    before = np.asarray(model(images))[:, 0]
    np.testing.assert_allclose(true.answers[:, 0], before, rtol=1e-4)
    np.testing.assert_allclose(insertion(perfect).answers[:, -1], before, rtol=1e-4)
    assert (true.area < deletion(noise).area - 0.02).all()
    assert (deletion(noise).area < deletion(1 - perfect).area).all()
    assert (insertion(perfect).area > insertion(noise).area).all()


def test_a_map_of_another_size_is_refused():
    model, (images, masks) = brightness_model(), squares()
    with pytest.raises(ValueError, match="give one map as large as the picture for each"):
        explain.deletion_curve(model, images, 1, masks[:2])


def test_what_hides_depends_on_the_reference():
    images, masks = squares(2)
    flat, blurred, inpainted = (explain.hide(images, masks, reference) for reference in explain.REFERENCES)
    for hidden in (flat, blurred, inpainted):
        np.testing.assert_array_equal(hidden[~masks], images[~masks])
    np.testing.assert_allclose(flat[masks], np.repeat(images.mean(axis=(1, 2)), 36, axis=0), rtol=1e-5)
    assert blurred[masks].min() > 60
    np.testing.assert_allclose(inpainted[masks], 30, atol=4)  # the ground goes on, as if nothing had been there
    everything = explain.hide(images, np.ones_like(masks), "inpainted")
    np.testing.assert_allclose(everything, np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape))
    with pytest.raises(ValueError, match="'black' is unknown; use one of flat, blurred, inpainted"):
        explain.hide(images, masks, "black")


def test_the_area_is_that_of_a_known_curve():
    """One pixel a step and a linear answer: a straight line, whose area is the mean of its ends."""
    model = keras.Sequential([keras.Input((2, 2, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1)])
    model.set_weights([np.ones((3, 1), np.float32), np.zeros(1, np.float32)])
    image = np.zeros((1, 2, 2, 3), np.float32)
    image[0, 0] = 100
    curve = explain.deletion_curve(model, image, 0, np.array([[[4, 3], [2, 1]]]), steps=4, reference="flat")
    np.testing.assert_allclose(curve.answers[0], [150, 112.5, 75, 112.5, 150], rtol=1e-5)
    assert curve.area == pytest.approx((131.25 + 93.75 + 93.75 + 131.25) / 4)


def planted(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """As `squares`, on a ground of noise."""
    images, masks = squares(count)
    noise = np.random.default_rng(1).normal(40, 25, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.float32), masks


GRADIENT_METHODS = ["gradient", "gradient_times_input", "smoothgrad", "integrated_gradients", "guided_backpropagation",
                    "gradcam", "gradcam_plus_plus"]  # fmt: skip


def test_noise_scores_below_every_gradient_method():
    model, (images, _) = explain.examine(brightness_model()), planted()
    noise = explain.insertion_curve(model, images, 1, explain.random_map(images).maps, steps=32).area
    for name in GRADIENT_METHODS:
        maps = explain.explain(name, model, images, 1).maps
        lead = mean_with_interval(explain.insertion_curve(model, images, 1, maps, steps=32).area - noise)
        assert lead.low > 0.01, name


@pytest.mark.parametrize(
    ("method", "option", "few", "many"),
    [
        (explain.smoothgrad, "samples", 2, 48),
        (explain.integrated_gradients, "steps", 2, 48),
        (explain.score_cam, "channels", 1, 3),
        (explain.rise, "masks", 12, 600),
    ],
)
def test_a_method_does_not_do_worse_when_it_gets_more(method, option, few, many):
    """In any score of the trial, beyond what chance in the choice of pictures explains."""
    model, (images, masks) = explain.examine(brightness_model()), planted()
    scores = {}
    for number in (few, many):
        maps = method(model, images, 1, **{option: number}).maps
        scores[number] = {
            "pointing": explain.pointing_game(maps, masks),
            "energy": explain.mask_energy(maps, masks),
            "insertion": explain.insertion_curve(model, images, 1, maps).area,
            "deletion": -explain.deletion_curve(model, images, 1, maps).area,
        }
    for name, values in scores[many].items():
        gain = mean_with_interval(values - scores[few][name])
        assert gain.high >= 0, f"{name}: {gain}"


def test_shuffling_goes_from_the_top_down_and_spares_the_model():
    model = brightness_model()
    before = model.get_weights()
    network = explain.examine(model)
    seen = []
    for count, layer, shuffled in explain.randomised_networks(network):
        changed = [
            not np.array_equal(a, b)
            for a, b in zip(network.model.get_weights(), shuffled.model.get_weights(), strict=True)
        ]
        seen.append((count, layer, any(changed[:2]), any(changed[2:4]), any(changed[4:])))
    assert [entry[:2] for entry in seen] == [(1, "answer"), (2, "grown"), (3, "bright")]
    assert [entry[3] for entry in seen] == [False, True, True]
    assert not seen[0][2]
    assert all(entry[4] for entry in seen)
    assert [count for count, *_ in explain.randomised_networks(network, stages=1)] == [3]
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    for first, second in zip(sorted(before[2].ravel()), sorted(shuffled.model.get_weights()[2].ravel()), strict=True):
        assert first == second


def test_the_edge_detector_fails_the_randomisation_test_and_the_gradient_does_not():
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Rescaling(1 / 64, offset=-2),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    images = np.random.default_rng(0).uniform(0, 255, (3, 24, 24, 3)).astype(np.float32)
    tables = {
        name: explain.parameter_randomisation(method, model, images)
        for name, method in {
            "edges": explain.BASELINES["edge_detector"],
            "gradient": explain.METHODS["gradient"],
        }.items()
    }
    assert list(tables["edges"]) == ["layer", "layers", "image", "correlation"]
    assert len(tables["edges"]) == 9
    assert tables["edges"]["correlation"].min() == 1
    assert tables["gradient"]["correlation"].abs().max() < 0.9
    last = tables["gradient"].query("layers == 3")["correlation"]
    assert last.abs().max() < 0.7


def test_rank_correlation_of_known_maps():
    rising = np.arange(16.0).reshape(1, 4, 4)
    both = np.concatenate([rising, rising, rising])
    other = np.concatenate([rising**3, -rising, np.ones((1, 4, 4))])
    np.testing.assert_allclose(explain.rank_correlation(both, other), [1, -1, 0], atol=1e-6)


def test_a_map_of_few_masks_depends_on_chance_more_than_one_of_many():
    model, (images, _) = brightness_model(), squares(2)
    agreement = {}
    for masks in (20, 300):
        first, second = (explain.rise(model, images, 1, masks=masks, seed=seed).maps for seed in (0, 1))
        agreement[masks] = explain.rank_correlation(first, second).mean()
    assert agreement[20] < agreement[300]
