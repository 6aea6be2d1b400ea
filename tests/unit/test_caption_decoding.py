"""Searches for captions, against all captions there are on a tiny vocabulary."""

from itertools import product

import numpy as np
import pytest

from imagecourse.captioning.decoding import beam_search, greedy, sample
from imagecourse.captioning.text import END, PAD, START

WORDS = 6  # the four special ones, and two more
LENGTH = 4


def tables(pictures: int, seed: int = 0) -> np.ndarray:
    """For each picture log-probabilities of the next word after each pair of last words: (pictures, last, word)."""
    logits = np.random.default_rng(seed).normal(0, 2, (pictures, WORDS, WORDS, WORDS))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def stepping(table: np.ndarray):
    """A decoder that remembers the picture and the word before the last one; and its first state."""

    def step(words, state):
        picture, before = state
        return table[picture, before, words], [picture, words]

    return step, [np.arange(len(table)), np.full(len(table), PAD)]


def log_probability(table: np.ndarray, caption: tuple[int, ...]) -> float:
    words = (PAD, START, *caption)
    return float(sum(table[a, b, c] for a, b, c in zip(words, words[1:], words[2:], strict=False)))


def all_captions():
    """Every caption with its end that fits into LENGTH words."""
    for size in range(LENGTH):
        yield from ((*words, END) for words in product((4, 5), repeat=size))


def plain(row) -> tuple[int, ...]:
    return tuple(int(word) for word in row if word != PAD)


@pytest.mark.parametrize("power", [0, 0.7, 1, 2])
def test_a_wide_beam_finds_the_best_of_all_captions(power):
    found = tables(20)
    written = beam_search(*stepping(found), LENGTH, beam=16, length_power=power)
    for table, row, own in zip(found, written.numbers, written.log_probability, strict=True):
        best = max(all_captions(), key=lambda caption: log_probability(table, caption) / len(caption) ** power)
        assert plain(row) == best
        assert own == pytest.approx(log_probability(table, best))


def test_a_wider_beam_is_no_worse_on_the_whole_and_one_is_worse_sometimes():
    found = tables(200, seed=1)
    scores = []
    for beam in (1, 2, 4, 16):
        written = beam_search(*stepping(found), LENGTH, beam=beam, length_power=1)
        scores.append(written.log_probability / (written.numbers != PAD).sum(axis=1))
    assert np.mean(scores, axis=1).tolist() == sorted(np.mean(scores, axis=1))
    assert (scores[0] < scores[3] - 1e-9).any() and not (scores[0] > scores[3] + 1e-9).any()


def test_pictures_do_not_disturb_each_other():
    found = tables(7, seed=2)
    together = beam_search(*stepping(found), LENGTH, beam=2)
    for place in range(len(found)):
        alone = beam_search(*stepping(found[place : place + 1]), LENGTH, beam=2)
        assert plain(alone.numbers[0]) == plain(together.numbers[place])


def test_long_captions_win_with_a_larger_power():
    found = tables(200, seed=3)
    lengths = [(beam_search(*stepping(found), LENGTH, 8, power).numbers != PAD).sum() for power in (0, 1, 2)]
    assert lengths == sorted(lengths) and lengths[0] < lengths[2]


def test_the_likeliest_word_each_time():
    found = tables(50, seed=4)
    written = greedy(*stepping(found), LENGTH)
    for table, row, own in zip(found, written.numbers, written.log_probability, strict=True):
        words = [PAD, START]
        while words[-1] != END and len(words) < LENGTH + 2:
            words.append(int(max((END, 4, 5), key=lambda word: table[words[-2], words[-1], word])))
        assert plain(row) == tuple(words[2:])
        assert own == pytest.approx(log_probability(table, plain(row)))


def test_a_caption_without_an_end_is_cut():
    table = np.full((1, WORDS, WORDS, WORDS), -np.inf)
    table[..., 4] = 0
    for written in (greedy(*stepping(table), LENGTH), beam_search(*stepping(table), LENGTH, beam=3)):
        assert written.numbers.tolist() == [[4] * LENGTH]
        assert written.log_probability.tolist() == [0]


def test_chance_follows_the_probabilities_and_the_temperature():
    table = np.repeat(tables(1, seed=5), 4000, axis=0)
    shares = {}
    for temperature in (0.5, 1, 2):
        written = sample(*stepping(table), 1, np.random.default_rng(0), temperature)
        expected = table[0, PAD, START, [END, 4, 5]] / temperature
        expected = np.exp(expected) / np.exp(expected).sum()
        shares[temperature] = [(written.numbers[:, 0] == word).mean() for word in (END, 4, 5)]
        np.testing.assert_allclose(shares[temperature], expected, atol=0.03)
    assert max(shares[0.5]) > max(shares[1]) > max(shares[2])


def test_chance_repeats_with_its_seed():
    first, again, other = (
        sample(*stepping(tables(30)), LENGTH, np.random.default_rng(seed)).numbers.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="temperature: 0 is too low"):
        sample(*stepping(tables(1)), LENGTH, np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="beam 0"):
        beam_search(*stepping(tables(1)), LENGTH, beam=0)
