"""The recurrent step that looks at the picture before each word, and the layer that repeats it along a caption."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("imagecourse")
class AttentionCell(layers.Layer):
    """One step of a GRU that first looks at the picture: where, given what it has written so far?

    With the state h, the keys k_i and values v_i of the places i of the picture, and the word x:
    e_i = w · tanh(k_i + U h), a = softmax(e), c = sigmoid(B h) · Σ a_i v_i, h' = GRU([x, c], h).

    units: of the state. attention_units: of the keys. value_units: of the values.
    Source: Bahdanau et al., 2015, arXiv:1409.0473; the gate on the context: Xu et al., Show, Attend and Tell, 2015,
    arXiv:1502.03044, section 4.2.1.
    """

    def __init__(self, units: int, attention_units: int, value_units: int, **options):
        super().__init__(**options)
        self.units, self.attention_units, self.value_units = units, attention_units, value_units
        self.query = layers.Dense(attention_units, name="query")
        self.energy = layers.Dense(1, use_bias=False, name="energy")
        self.gate = layers.Dense(value_units, activation="sigmoid", name="gate")
        self.gru = layers.GRUCell(units, name="gru")

    def build(self, words_shape, state_shape, keys_shape, values_shape):
        self.query.build(state_shape)
        self.energy.build((*keys_shape[:-1], self.attention_units))
        self.gate.build(state_shape)
        self.gru.build((words_shape[0], words_shape[-1] + self.value_units))

    def call(self, words, state, keys, values):
        """words: (n, d). state: (n, units). keys, values: (n, places, …).

        Returns: the new state, the context (n, value_units), and the attention (n, places), which sums to 1.
        """
        energies = self.energy(ops.tanh(keys + self.query(state)[:, None]))
        attention = ops.softmax(energies[..., 0])
        context = self.gate(state) * ops.einsum("np,npd->nd", attention, values)
        _, [state] = self.gru(ops.concatenate([words, context], axis=-1), [state])
        return state, context, attention

    def get_config(self):
        names = ("units", "attention_units", "value_units")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("imagecourse")
class AttentionGRU(layers.Layer):
    """An `AttentionCell` along a caption: each word's step starts from the state that the word before left.

    Takes words (n, t, d), the first state (n, units), keys and values (n, places, …).
    Returns: states (n, t, units), contexts (n, t, value_units), attention (n, t, places).
    """

    def __init__(self, units: int, attention_units: int, value_units: int, **options):
        super().__init__(**options)
        self.cell = AttentionCell(units, attention_units, value_units, name="cell")

    def build(self, words_shape, state_shape, keys_shape, values_shape):
        self.cell.build((words_shape[0], words_shape[2]), state_shape, keys_shape, values_shape)

    def call(self, words, state, keys, values):
        def step(before, word):
            after = self.cell(word, before[0], keys, values)
            return after, after

        nothing_seen = ops.zeros_like(values[:, 0]), ops.zeros_like(values[..., 0])  # scan gives what it takes
        _, outputs = ops.scan(step, (state, *nothing_seen), ops.transpose(words, (1, 0, 2)))
        return tuple(ops.transpose(each, (1, 0, 2)) for each in outputs)

    def compute_output_shape(self, words_shape, state_shape, keys_shape, values_shape):
        widths = (self.cell.units, self.cell.value_units, keys_shape[1])
        return tuple((*words_shape[:2], width) for width in widths)

    def get_config(self):
        names = ("units", "attention_units", "value_units")
        return super().get_config() | {name: getattr(self.cell, name) for name in names}
