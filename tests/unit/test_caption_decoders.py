"""The three decoders: what they learn from is what they write with, and padding changes nothing."""

import json

import keras
import numpy as np
import pytest

from imagecourse.captioning.batches import CaptionBatches, SmoothedCrossentropy
from imagecourse.captioning.decoders import DECODERS, Sizes, decoder_of
from imagecourse.captioning.layers import AttentionCell
from imagecourse.captioning.text import END, PAD, START, Vocabulary
from imagecourse.captioning.writing import as_text, attention_maps, in_batches, write, write_by_chance
from imagecourse.networks.training import set_seeds

PLACES, CHANNELS, WORDS = 9, 6, 20
SIZES = Sizes(words=16, units=24, places=12, dropout=0.3, layers=2, heads=4)
LENGTH = 7


@pytest.fixture(params=list(DECODERS))
def teacher(request):
    set_seeds(1)
    return DECODERS[request.param]((PLACES, CHANNELS), WORDS, SIZES)


@pytest.fixture
def grids():
    return np.random.default_rng(0).normal(0, 3, (5, PLACES, CHANNELS)).astype(np.float32)


def log_probabilities(teacher, grids, written):
    logits = np.asarray(teacher.predict_on_batch([grids, written]))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_writing_word_by_word_is_what_was_taught(teacher, grids):
    written = write(decoder_of(teacher), grids, beam=4, length=LENGTH)
    numbers = np.concatenate([np.full((5, 1), START), written.numbers], axis=1).astype(np.int32)
    taught = log_probabilities(teacher, grids, numbers[:, :-1])
    own = np.take_along_axis(taught, numbers[:, 1:, None], axis=2)[..., 0]
    np.testing.assert_allclose((own * (numbers[:, 1:] != PAD)).sum(axis=1), written.log_probability, atol=1e-4)


def test_no_word_knows_what_follows_it(teacher, grids):
    numbers = np.random.default_rng(1).integers(4, WORDS, (5, LENGTH)).astype(np.int32)
    changed = numbers.copy()
    changed[:, 4:] = PAD
    before, after = (log_probabilities(teacher, grids, each) for each in (numbers, changed))
    np.testing.assert_allclose(before[:, :4], after[:, :4], atol=1e-5)
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


def test_the_picture_and_its_sides_matter(teacher, grids):
    numbers = np.full((5, 3), 5, np.int32)
    other = log_probabilities(teacher, grids[::-1].copy(), numbers)
    assert np.abs(log_probabilities(teacher, grids, numbers) - other[::-1]).max() < 1e-5
    mirrored = grids.reshape(5, 3, 3, CHANNELS)[:, :, ::-1].reshape(grids.shape)
    assert (
        np.abs(log_probabilities(teacher, grids, numbers) - log_probabilities(teacher, mirrored, numbers)).max() > 1e-4
    )


def test_a_decoder_comes_back_from_its_description(teacher, grids):
    description = teacher.to_json()
    assert "Lambda" not in description and json.loads(description)["config"]["name"] == teacher.name
    copy = keras.models.model_from_json(description)
    copy.set_weights(teacher.get_weights())
    numbers = np.full((5, 3), 5, np.int32)
    np.testing.assert_allclose(*(log_probabilities(each, grids, numbers) for each in (teacher, copy)), atol=1e-6)
    captions = [write(decoder_of(each), grids, length=LENGTH).numbers.tolist() for each in (teacher, copy)]
    assert captions[0] == captions[1]


def test_many_pictures_in_batches_give_the_same_captions(teacher, grids):
    decoder = decoder_of(teacher)
    parts = in_batches(lambda some: write(decoder, some, beam=2, length=LENGTH), grids, size=2)
    whole = write(decoder, grids, beam=2, length=LENGTH)
    assert parts.numbers.tolist() == whole.numbers.tolist()
    assert write_by_chance(decoder, grids, np.random.default_rng(0), length=LENGTH).numbers.shape == (5, LENGTH)


def test_another_network_is_no_decoder():
    inputs = keras.Input((3,))
    with pytest.raises(ValueError, match="other: is no decoder"):
        decoder_of(keras.Model(inputs, keras.layers.Dense(2)(inputs), name="other"))


def test_attention_cell_is_its_formula():
    rng = np.random.default_rng(3)
    words, state, keys, values = (rng.normal(size=shape).astype(np.float32)
                                  for shape in ((2, 4), (2, 5), (2, 7, 3), (2, 7, 6)))  # fmt: skip
    cell = AttentionCell(units=5, attention_units=3, value_units=6)
    new_state, context, attention = (np.asarray(each) for each in cell(words, state, keys, values))

    def dense(layer, x):
        return x @ np.asarray(layer.kernel) + (np.asarray(layer.bias) if layer.use_bias else 0)

    energies = dense(cell.energy, np.tanh(keys + dense(cell.query, state)[:, None]))[..., 0]
    weights = np.exp(energies) / np.exp(energies).sum(axis=1, keepdims=True)
    gated = (weights[..., None] * values).sum(axis=1) / (1 + np.exp(-dense(cell.gate, state)))
    np.testing.assert_allclose(attention, weights, rtol=1e-4)
    np.testing.assert_allclose(context, gated, rtol=1e-4)
    expected, _ = cell.gru(np.concatenate([words, gated], axis=1), [state])
    np.testing.assert_allclose(new_state, np.asarray(expected), rtol=1e-3)


class Grids:
    """In place of mapped features: one picture in several views."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def take(self, views, pictures):
        return self.array[views, pictures]


def batches(count=50, views=2, **options):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, LENGTH, count)
    numbers = np.array([[START, *[5] * length, END, *[PAD] * (LENGTH - 1 - length)] for length in lengths], np.int32)
    grids = np.arange(views * count).reshape(views, count, 1, 1).astype(np.float32)
    return CaptionBatches(Grids(grids), np.arange(count), numbers, 8, seed=3, **options), lengths


def test_each_caption_comes_once_an_epoch_without_needless_padding():
    found, lengths = batches()
    for _ in range(2):
        parts = [found[number] for number in range(len(found))]
        pictures = np.concatenate([inputs[0][:, 0, 0] for inputs, _, _ in parts]) % 50
        assert sorted(pictures) == list(range(50))
        masks = [mask for _, _, mask in parts]
        assert sum(mask.sum() for mask in masks) == (lengths + 1).sum()
        assert all(mask.any(axis=0).all() for mask in masks)
        assert masks[0].shape[1] < masks[1].shape[1]  # Keras learns from them that lengths differ
        for (_, written), following, mask in parts:
            assert (following[:, :-1] == written[:, 1:]).all() and (mask == (following != PAD)).all()
        found.on_epoch_end()


def test_only_one_view_for_captions_that_name_a_side():
    sided = np.arange(50) < 25
    found, _ = batches(one_view=sided)
    seen = np.concatenate([found[number][0][0][:, 0, 0] for number in range(len(found))])
    mirrored = seen >= 50
    assert not mirrored[seen % 50 < 25].any() and mirrored.any()


def test_loss_leaves_padding_out_and_spreads_some_probability():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 5)).astype(np.float32)
    true, mask = np.array([[1, 2, 0], [3, 0, 0]]), np.array([[1, 1, 0], [1, 0, 0]], np.float32)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    for smoothing in (0, 0.2):
        wanted = [-(1 - smoothing) * log_p[row, place, true[row, place]] - smoothing * log_p[row, place].mean()
                  for row, place in ((0, 0), (0, 1), (1, 0))]  # fmt: skip
        found = SmoothedCrossentropy(smoothing)(true, logits, sample_weight=mask)
        assert float(found) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_attention_finds_the_place_that_decides():
    """One place of nine shines; its kind is the word to write, and nothing else tells."""
    rng = np.random.default_rng(5)
    kinds, places = rng.integers(0, 4, 300), rng.integers(0, PLACES, 300)
    grids = rng.normal(0, 0.1, (300, PLACES, CHANNELS)).astype(np.float32)
    grids[np.arange(300), places, kinds] = 4
    numbers = np.array([[START, 4 + kind, END] for kind in kinds], np.int32)
    set_seeds(0)
    teacher = DECODERS["attention"]((PLACES, CHANNELS), 8, SIZES._replace(dropout=0.0))
    teacher.compile(keras.optimizers.Adam(1e-2), SmoothedCrossentropy())
    teacher.fit([grids, numbers[:, :-1]], numbers[:, 1:], epochs=12, batch_size=32, verbose=0)
    vocabulary = Vocabulary(("<pad>", "<start>", "<end>", "<unknown>", "a", "b", "c", "d"))
    words = as_text(write(decoder_of(teacher), grids), vocabulary)
    assert np.mean([word == "abcd"[kind] for word, kind in zip(words, kinds, strict=True)]) > 0.95
    maps = attention_maps(decoder_of(teacher), grids, numbers)
    np.testing.assert_allclose(maps.sum(axis=2), 1, rtol=1e-5)
    assert (maps[:, 0].argmax(axis=1) == places).mean() > 0.9
    with pytest.raises(ValueError, match="does not look"):
        attention_maps(decoder_of(DECODERS["pooled"]((PLACES, CHANNELS), 8, SIZES)), grids, numbers)
