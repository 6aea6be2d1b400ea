"""Word after word into whole captions, for many pictures at once: the likeliest word, a beam of captions, or chance.

A decoder is here only a function, `Step`: what it is made of does not matter.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from imagecourse.captioning.text import END, PAD, START, UNKNOWN

State = list[np.ndarray]
"""Arrays with a row for each caption that is being written."""

Step = Callable[[np.ndarray, State], tuple[np.ndarray, State]]
"""(last words (rows,) int, state) -> (log-probabilities of the next word (rows, vocabulary), new state)."""

NEVER = (PAD, START, UNKNOWN)


class Written(NamedTuple):
    """Captions. numbers: (n, length) int of the words, then the end, then padding. log_probability: (n,) of them all,
    the end included."""

    numbers: np.ndarray
    log_probability: np.ndarray


def greedy(step: Step, state: State, length: int) -> Written:
    """The likeliest word each time; state has a row for each of n pictures. At most `length` words with the end."""
    return _one_by_one(step, state, length, lambda log_probabilities: log_probabilities.argmax(axis=1))


def sample(step: Step, state: State, length: int, generator: np.random.Generator, temperature: float = 1.0) -> Written:
    """Words drawn by their probabilities: below temperature 1 the likely ones more often, above it less often.

    The log-probability is that of the decoder, whatever the temperature. Raises: ValueError for one of 0 or less.
    """
    if temperature <= 0:
        raise ValueError(f"temperature: {temperature} is too low; give a number above 0, or take the likeliest word")

    def draw(log_probabilities: np.ndarray) -> np.ndarray:
        noise = generator.gumbel(size=log_probabilities.shape)
        return (log_probabilities / temperature + noise).argmax(axis=1)

    return _one_by_one(step, state, length, draw)


def _one_by_one(step: Step, state: State, length: int, choose: Callable[[np.ndarray], np.ndarray]) -> Written:
    pictures = len(state[0])
    numbers, total = np.full((pictures, length), PAD), np.zeros(pictures)
    words, writing = np.full(pictures, START), np.ones(pictures, bool)
    for place in range(length):
        log_probabilities, state = step(words, state)
        words = np.where(writing, choose(_allowed(log_probabilities)), PAD)
        numbers[:, place] = words
        total += np.where(writing, log_probabilities[np.arange(pictures), words], 0)
        writing &= words != END
        if not writing.any():
            break
    return Written(numbers, total)


def _allowed(log_probabilities: np.ndarray) -> np.ndarray:
    allowed = np.array(log_probabilities, np.float64)
    allowed[:, NEVER] = -np.inf
    return allowed


def beam_search(step: Step, state: State, length: int, beam: int = 3, length_power: float = 0.7) -> Written:
    """The best whole caption that a search finds which keeps the `beam` likeliest beginnings of each picture.

    Captions are compared by log-probability / (words and end) ** length_power: with 0 short ones win, since each word
    costs; 1 compares the mean per word. A picture is done when none of its beginnings can still win; one that finds no
    end within `length` words gives its likeliest beginning.

    state: a row for each picture. Raises: ValueError for a beam below 1 or a negative power.
    Source: the normalisation is that of Wu et al., 2016, arXiv:1609.08144, section 7, without its constants.
    """
    if beam < 1 or length_power < 0:
        raise ValueError(f"beam {beam}, length_power {length_power}: give at least 1, and at least 0")
    pictures = len(state[0])
    state = [np.repeat(array, beam, axis=0) for array in state]
    words = np.full(pictures * beam, START)
    begun = np.full((pictures, beam, length), PAD)
    scores = np.full((pictures, beam), -np.inf)
    scores[:, 0] = 0
    best = Written(np.full((pictures, length), PAD), np.full(pictures, -np.inf))
    best_score = np.full(pictures, -np.inf)
    for place in range(length):
        log_probabilities, state = step(words, state)
        total = scores[:, :, None] + _allowed(log_probabilities).reshape(pictures, beam, -1)
        _keep_ended(best, best_score, begun, total[:, :, END], place, length_power)
        total[:, :, END] = -np.inf
        scores, parents, chosen = _likeliest(total, beam)
        begun = np.take_along_axis(begun, parents[:, :, None], axis=1)
        begun[:, :, place] = chosen
        rows = (np.arange(pictures)[:, None] * beam + parents).ravel()
        words, state = chosen.ravel(), [array[rows] for array in state]
        if (best_score >= scores[:, 0] / length**length_power).all():
            break
    endless = np.isinf(best_score)
    best.numbers[endless], best.log_probability[endless] = begun[endless, 0], scores[endless, 0]
    return best


def _keep_ended(best: Written, best_score: np.ndarray, begun: np.ndarray, ended: np.ndarray, place: int, power: float):
    """Where a beginning that ends here beats what its picture has, that becomes its caption."""
    rows, member = np.arange(len(ended)), ended.argmax(axis=1)
    log_probability = ended[rows, member]
    score = log_probability / (place + 1) ** power
    better = score > best_score
    best_score[better], best.log_probability[better] = score[better], log_probability[better]
    best.numbers[better] = begun[rows, member][better]
    best.numbers[better, place] = END


def _likeliest(total: np.ndarray, beam: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all continuations (pictures, beam, vocabulary) the best of each picture: scores, whose, and which word."""
    flat = total.reshape(len(total), -1)
    found = np.argpartition(-flat, beam - 1, axis=1)[:, :beam]
    scores = np.take_along_axis(flat, found, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")
    found, scores = np.take_along_axis(found, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return scores, found // total.shape[2], found % total.shape[2]
