"""A decoder at work: grids of features in, captions out; and where it looked while it wrote."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from imagecourse.captioning.decoders import LONGEST, Decoder
from imagecourse.captioning.decoding import State, Step, Written, beam_search, greedy, sample
from imagecourse.captioning.text import Vocabulary, join_words

BEAM = 3
LENGTH_POWER = 0.7


def write(
    decoder: Decoder, grids: np.ndarray, beam: int = BEAM, length_power: float = LENGTH_POWER, length: int = LONGEST
) -> Written:
    """Captions of pictures by beam search; a beam of 1 takes the likeliest word each time.

    grids: (n, places, channels). length: words at most, with the end.
    """
    if beam == 1:
        return greedy(*step_and_state(decoder, grids), length)
    return beam_search(*step_and_state(decoder, grids, beam), length, beam, length_power)


def write_by_chance(
    decoder: Decoder, grids: np.ndarray, generator: np.random.Generator, temperature: float = 1.0, length: int = LONGEST
) -> Written:
    """Captions whose words are drawn by their probabilities, see `decoding.sample`."""
    return sample(*step_and_state(decoder, grids), length, generator, temperature)


def step_and_state(decoder: Decoder, grids: np.ndarray, beam: int = 1) -> tuple[Step, State]:
    """What the searches of `decoding` take: the decoder's step for these pictures, and its first state."""
    started = decoder.start.predict_on_batch(grids)
    started = [np.asarray(each) for each in (started if isinstance(started, list) else [started])]
    state, kept = started[: decoder.changing], started[decoder.changing :]
    kept = [ops.convert_to_tensor(np.repeat(each, beam, axis=0)) for each in kept]

    def step(words: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        logits, *state = decoder.step.predict_on_batch([words.astype(np.int32), *state, *kept])
        return log_softmax(np.asarray(logits)), [np.asarray(each) for each in state]

    return step, state


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (n, words) as log-probabilities."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def as_text(written: Written, vocabulary: Vocabulary) -> list[str]:
    """Captions as sentences without a full stop, in lower case."""
    return [join_words(vocabulary.decode(row)) for row in written.numbers]


def attention_maps(decoder: Decoder, grids: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Where the decoder looked before it wrote each word of given captions: (n, t, places), each sums to 1.

    numbers: (n, t + 1) int32, start, words and end, see `Vocabulary.encode`; map i belongs to word i + 1.
    Raises: ValueError for a decoder that does not look.
    """
    teacher = decoder.teacher
    if "attention_gru" not in {layer.name for layer in teacher.layers}:
        raise ValueError(f"{teacher.name}: does not look at places; take the decoder with attention")
    looks = keras.Model(teacher.inputs, teacher.get_layer("attention_gru").output[2])
    return np.asarray(looks.predict_on_batch([grids, numbers[:, :-1]]))


def in_batches(function: Callable[[np.ndarray], Written], grids, size: int = 64) -> Written:
    """A function of grids on many pictures, some at a time. grids: (n, places, channels) or what can be sliced so."""
    parts = [function(grids[start : start + size]) for start in range(0, len(grids), size)]
    return Written(*(np.concatenate(each) for each in zip(*parts, strict=True)))
