"""Three networks that write: started from the picture, looking at it before each word, and a small Transformer.

Each is one Functional model for training, [grid, words] -> logits of the next word after each word, and out of its
layers two more to write with: `start` looks at the picture once, `step` gives the next word. What they share: the grid
of features (n, places, channels) is projected, words are embedded, and the same embedding turned round gives logits.
"""

import warnings
from typing import NamedTuple

import keras
from keras import KerasTensor, layers, ops

from imagecourse.captioning.layers import AttentionGRU

warnings.filterwarnings("ignore", "You are using a softmax over axis 3")  # a first word looks back at itself alone
LONGEST = 20
"""Words of the longest caption that a decoder writes, with its end; the Transformer has so many positions."""


class Sizes(NamedTuple):
    """How wide a decoder is. words: of the embedding. units: of the state. places: of keys and values.

    dropout: share of numbers left out of words, values and states while training. layers, heads: of the Transformer.
    """

    words: int = 256
    units: int = 512
    places: int = 256
    dropout: float = 0.4
    layers: int = 2
    heads: int = 8


STANDARD = Sizes()


class Decoder(NamedTuple):
    """A network to train, and its layers arranged to write, word after word.

    teacher: [grid (n, places, channels), words (n, t)] -> logits (n, t, vocabulary) for the word after each.
    start: grid -> what each step takes beside the word: first `changing` arrays that change, then what stays.
    step: [word (n,), what changes …, what stays …] -> [logits (n, vocabulary), what has changed …].
    """

    teacher: keras.Model
    start: keras.Model
    step: keras.Model
    changing: int


def pooled_decoder(grid_shape: tuple[int, int], vocabulary_size: int, sizes: Sizes = STANDARD) -> keras.Model:
    """Show and tell: a GRU whose first state comes from the mean over all places; then it writes without looking.

    Source: Vinyals et al., Show and Tell, 2015, arXiv:1411.4555, which shows the picture as a first word instead.
    """
    grid, words = _inputs(grid_shape)
    values = _values(grid, sizes)
    state = _first_state(values, sizes)
    embedding = layers.ReversibleEmbedding(vocabulary_size, sizes.words, name="words")
    embedded = _dropped(embedding(words), sizes, "drop_words")
    states = layers.GRU(sizes.units, return_sequences=True, name="gru")(embedded, initial_state=state)
    return keras.Model([grid, words], _logits(states, embedding, sizes), name="pooled")


def attention_decoder(grid_shape: tuple[int, int], vocabulary_size: int, sizes: Sizes = STANDARD) -> keras.Model:
    """Show, attend and tell: a GRU that looks at the places of the picture before each word (`layers.AttentionCell`).

    Source: Xu et al., 2015, arXiv:1502.03044, with soft attention; the output reads state, context and word.
    """
    grid, words = _inputs(grid_shape)
    values = _values(grid, sizes)
    keys = layers.Dense(sizes.places, name="keys")(values)
    state = _first_state(values, sizes)
    embedding = layers.ReversibleEmbedding(vocabulary_size, sizes.words, name="words")
    embedded = _dropped(embedding(words), sizes, "drop_words")
    recurrent = AttentionGRU(sizes.units, sizes.places, sizes.places, name="attention_gru")
    states, contexts, _ = recurrent(embedded, state, keys, values)
    seen = layers.Concatenate(name="state_context_word")([states, contexts, embedded])
    return keras.Model([grid, words], _logits(seen, embedding, sizes), name="attention")


def transformer_decoder(grid_shape: tuple[int, int], vocabulary_size: int, sizes: Sizes = STANDARD) -> keras.Model:
    """A small Transformer: each word looks at the words before it, then at the places, in `sizes.layers` rounds.

    Source: Vaswani et al., 2017, arXiv:1706.03762, with normalisation before each part; places and positions of words
    have learned embeddings.
    """
    grid, words = _inputs(grid_shape)
    values = _values(grid, sizes)
    embedding = layers.ReversibleEmbedding(vocabulary_size, sizes.words, name="words")
    positions = layers.Embedding(LONGEST, sizes.words, name="positions")(_positions(words))
    x = _dropped(embedding(words) * sizes.words**0.5 + positions, sizes, "drop_words")
    states = _reader(sizes, grid_shape[0])([x, values])
    return keras.Model([grid, words], _logits(states, embedding, sizes), name="transformer")


def _reader(sizes: Sizes, places: int) -> keras.Model:
    """Words with their positions (n, t, words) and values -> states (n, t, words)."""
    words, values = (
        keras.Input((None, sizes.words), name="embedded"),
        keras.Input((places, sizes.places), name="looked_at"),
    )
    x = words
    for number in range(1, sizes.layers + 1):
        x = _transformer_layer(x, values, sizes, f"layer{number}_")
    return keras.Model([words, values], layers.LayerNormalization(name="norm")(x), name="reader")


def _transformer_layer(x: KerasTensor, values: KerasTensor, sizes: Sizes, name: str) -> KerasTensor:
    width = sizes.words // sizes.heads
    normal = layers.LayerNormalization(name=name + "norm_words")(x)
    before = layers.MultiHeadAttention(sizes.heads, width, dropout=0.1, name=name + "look_back")
    x = x + _dropped(before(normal, normal, use_causal_mask=True), sizes, name + "drop_back")
    normal = layers.LayerNormalization(name=name + "norm_places")(x)
    places = layers.MultiHeadAttention(sizes.heads, width, dropout=0.1, name=name + "look_at_picture")
    x = x + _dropped(places(normal, values), sizes, name + "drop_places")
    normal = layers.LayerNormalization(name=name + "norm_wide")(x)
    wide = layers.Dense(4 * sizes.words, activation="gelu", name=name + "wide")(normal)
    return x + _dropped(layers.Dense(sizes.words, name=name + "narrow")(wide), sizes, name + "drop_wide")


def _positions(row: KerasTensor) -> KerasTensor:
    """(n, t) of anything -> (n, t) int, in each row 0, 1, 2 …"""
    return ops.cumsum(ops.ones_like(row, dtype="int32"), axis=1) - 1


def _inputs(grid_shape: tuple[int, int]) -> tuple[KerasTensor, KerasTensor]:
    return keras.Input(grid_shape, name="grid"), keras.Input((None,), dtype="int32", name="written")


def _values(grid: KerasTensor, sizes: Sizes) -> KerasTensor:
    """What is seen at each place, mixed with where that is: (n, places, sizes.places)."""
    normal = layers.BatchNormalization(momentum=0.9, name="grid_norm")(grid)
    seen = layers.Concatenate(name="seen_and_where")([normal, _where(grid)])
    return _dropped(layers.Dense(sizes.places, activation="relu", name="mixed")(seen), sizes, "values")


def _where(grid: KerasTensor) -> KerasTensor:
    """Column and row of each place of a square grid, from -1 at the left or upper edge to 1: (n, places, 2)."""
    side = round(grid.shape[1] ** 0.5)
    place = _positions(grid[..., 0])
    column_and_row = ops.cast(ops.stack([place % side, place // side], axis=-1), "float32")
    return column_and_row * (2 / max(1, side - 1)) - 1


def _first_state(values: KerasTensor, sizes: Sizes) -> KerasTensor:
    mean = layers.GlobalAveragePooling1D(name="mean_of_places")(values)
    return layers.Dense(sizes.units, activation="tanh", name="first_state")(mean)


def _dropped(x: KerasTensor, sizes: Sizes, name: str) -> KerasTensor:
    return layers.Dropout(sizes.dropout, name=name)(x)


def _logits(x: KerasTensor, embedding: layers.Layer, sizes: Sizes) -> KerasTensor:
    x = layers.Dense(sizes.words, activation="tanh", name="next_word")(_dropped(x, sizes, "drop_states"))
    return embedding(_dropped(x, sizes, "drop_next_word"), reverse=True)


def decoder_of(teacher: keras.Model) -> Decoder:
    """A trained network arranged to write; it shares all weights with what it came from.

    teacher: made by one of the functions above, or read from disk. Raises: ValueError for any other model.
    """
    names = {layer.name for layer in teacher.layers}
    if "attention_gru" in names:
        return _attention_steps(teacher)
    if "gru" in names:
        return _pooled_steps(teacher)
    if "reader" in names:
        return _transformer_steps(teacher)
    raise ValueError(f"{teacher.name}: is no decoder of this course; build one with imagecourse.captioning")


def _attention_steps(teacher: keras.Model) -> Decoder:
    layer, outputs = teacher.get_layer, _outputs(teacher, "first_state", "keys", "values")
    word, (state, keys, values) = _word(), _inputs_like(outputs)
    embedded = layer("words")(word)
    new_state, context, _ = layer("attention_gru").cell(embedded, state, keys, values)
    logits = _next_logits(teacher, layer("state_context_word")([new_state, context, embedded]))
    step = keras.Model([word, state, keys, values], [logits, new_state], name="step")
    return Decoder(teacher, _start(teacher, outputs), step, changing=1)


def _pooled_steps(teacher: keras.Model) -> Decoder:
    outputs = _outputs(teacher, "first_state")
    word, [state] = _word(), _inputs_like(outputs)
    new_state, _ = teacher.get_layer("gru").cell(teacher.get_layer("words")(word), [state])
    step = keras.Model([word, state], [_next_logits(teacher, new_state), new_state], name="step")
    return Decoder(teacher, _start(teacher, outputs), step, changing=1)


def _transformer_steps(teacher: keras.Model) -> Decoder:
    """What changes: the words so far, and how many they are; each step reads all of them again."""
    layer, outputs = teacher.get_layer, _outputs(teacher, "values")
    word, [values] = _word(), _inputs_like(outputs)
    written = keras.Input((LONGEST,), dtype="int32", name="words_so_far")
    count = keras.Input((1,), dtype="int32", name="count")
    here = ops.cast(ops.equal(_positions(written), count), "int32")
    now = written * (1 - here) + ops.expand_dims(word, 1) * here
    embedding = layer("words")
    embedded = embedding(now) * embedding.output_dim**0.5 + layer("positions")(_positions(now))
    states = layer("reader")([embedded, values])
    state = ops.sum(states * ops.cast(ops.expand_dims(here, 2), "float32"), axis=1)
    step = keras.Model([word, written, count, values], [_next_logits(teacher, state), now, count + 1], name="step")
    zero = ops.zeros_like(teacher.inputs[0][:, :1, 0], dtype="int32")
    return Decoder(teacher, _start(teacher, [ops.tile(zero, (1, LONGEST)), zero, *outputs]), step, changing=2)


def _start(teacher: keras.Model, outputs: list[KerasTensor]) -> keras.Model:
    return keras.Model(teacher.inputs[0], outputs, name="start")


def _word() -> KerasTensor:
    return keras.Input((), dtype="int32", name="word")


def _inputs_like(outputs: list[KerasTensor]) -> list[KerasTensor]:
    return [keras.Input(each.shape[1:], name=f"input{number}") for number, each in enumerate(outputs)]


def _outputs(teacher: keras.Model, *names: str) -> list[KerasTensor]:
    return [teacher.get_layer(name).output for name in names]


def _next_logits(teacher: keras.Model, x: KerasTensor) -> KerasTensor:
    return teacher.get_layer("words")(teacher.get_layer("next_word")(x), reverse=True)


DECODERS = {"pooled": pooled_decoder, "attention": attention_decoder, "transformer": transformer_decoder}
"""The functions above by name: (grid_shape, vocabulary_size, sizes) -> a network to train."""
