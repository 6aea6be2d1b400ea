"""What two processes exchange: every plain value comes back as it was, and nothing else comes at all."""

import io
import json

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.teaching.judging import networks, wire
from imagecourse.teaching.judging.kinds import WORDS, NotPlainError
from imagecourse.teaching.judging.outputs import clean_outputs, clean_text
from imagecourse.teaching.judging.plain import decode, encode

VALUES = [
    None, True, 1, -(2**70), 1.5, float("inf"), "a\ud800b", [1, [2.0]], (1,), {1: 2, "a": (3,)}, {1, 2}, frozenset([1]),
    b"\0x", 1j, slice(1, None), range(3), np.float32(2), np.bool_(True), np.str_("x"), np.datetime64("2020-01-01"),
]  # fmt: skip
ARRAYS = [
    np.arange(6).reshape(2, 3), np.array(3.0), np.array(["a", "bb"]), np.array([None, "a", 1], object),
    np.zeros((0, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(5)[::-2], np.array([1 + 2j], ">c16"),
]  # fmt: skip
TABLE = pd.DataFrame({
    "a": [1, 2], "b": ["x", None], "c": [1.0, np.nan], "d": pd.Categorical(["u", "v"], ordered=True),
    "e": pd.to_datetime(["2020-01-01", "2021-01-01"]), "f": pd.array([1, None], dtype="Int64"), "g": [[1], None],
})  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_values_come_back_with_their_exact_type(value):
    back = decode(encode(value))
    assert type(back) is type(value) and back == value
    assert np.isnan(decode(encode(float("nan"))))


@pytest.mark.parametrize("value", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_and_can_be_written_to(value):
    back = decode(encode(value))
    assert type(back) is np.ndarray and back.dtype == value.dtype and back.shape == value.shape
    assert (back == value).all() and back.flags.writeable


def test_tables_columns_and_indexes_come_back():
    for table in (TABLE, TABLE.set_index("b"), TABLE.set_index(["a", "b"]), TABLE.rename(columns={"a": "b"}),
                  pd.DataFrame(), pd.DataFrame(np.eye(2))):  # fmt: skip
        pd.testing.assert_frame_equal(decode(encode(table)), table)
    for column in TABLE:
        pd.testing.assert_series_equal(decode(encode(TABLE[column])), TABLE[column])
    for index in (TABLE.index, pd.Index(["p", "q"], name="n"), TABLE.set_index(["a", "b"]).index):
        pd.testing.assert_index_equal(decode(encode(index)), index)
    assert decode(encode([pd.NA]))[0] is pd.NA


class Liar(float):
    __eq__ = __ne__ = lambda *values: True
    __hash__ = None


class LyingList(list):
    pass


def endless() -> list:
    circle: list = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    "value",
    [Liar(1), LyingList(), np.zeros(3).view(np.matrix), np.ma.zeros(3), (x for x in ()), lambda: 0, object,
     [{"a": Liar(1)}],
     np.zeros(2, [("a", "i4")]), np.array([Liar(1)], object), 10**5000, endless(), pd.Series([object()]),
     type("Frame", (pd.DataFrame,), {})()],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_anything_else_is_refused_in_known_words(value):
    with pytest.raises(NotPlainError) as caught:
        encode(value)
    assert str(caught.value) in WORDS


@pytest.mark.parametrize(
    "pieces",
    [
        [b"{"], [b'{"array": ["<f8", [2], 0]}', b"123"], [b'{"array": ["|O", [1], 0]}', b"12345678"],
        [b'{"array": ["<f8", [-1], 0]}', bytes(8)], [b'{"array": ["<f8", [1000000000000], 0]}', bytes(8)],
        [b'{"array": ["<f8", [1], -1]}', bytes(8)], [b'{"unknown": 1}'], [b'{"tuple": 3}'], [b'{"a": 1, "b": 2}'],
        [b'{"scalar": ["<f8", 0]}', bytes(16)], [b"[" * 100_000], [b'{"set": [[1]]}'], [],
    ],
)  # fmt: skip
def test_forged_data_is_refused(pieces):
    with pytest.raises(ValueError):
        decode(pieces)


def outward(value, encoder):
    tree = networks.to_json(value, encoder)
    if tree is None:
        raise NotPlainError("an object of another type")
    return tree


def inward(tree, decoder):
    ((tag, content),) = tree.items()
    return networks.to_value(tag, content, decoder)


def small_network(*layers) -> keras.Model:
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2)])


def test_networks_are_rebuilt_with_weights_freezing_and_compilation():
    network = small_network(keras.layers.Dense(4, activation="relu"))
    network.layers[0].trainable = False
    network.compile(keras.optimizers.Adam(0.01), "mae")
    back = decode(encode(network, outward), inward)
    images = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(back(images), network(images), rtol=1e-6)
    assert back.layers[0].trainable is False and back.loss == "mae"
    assert float(back.optimizer.learning_rate) == pytest.approx(0.01)
    tensor = decode(encode(keras.ops.ones(3), outward), inward)
    assert keras.ops.is_tensor(tensor) and np.asarray(tensor).tolist() == [1, 1, 1]


class OwnLayer(keras.layers.Layer):
    def call(self, values):
        return values


@pytest.mark.parametrize(
    "layer", [keras.layers.Lambda(lambda x: x), OwnLayer(), keras.layers.Dense(4, activation=lambda x: x)],
    ids=["lambda", "own layer", "own activation"],
)  # fmt: skip
def test_networks_that_carry_code_are_refused(layer):
    with pytest.raises(NotPlainError, match="of its own"):
        encode(small_network(layer), outward)


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "Lambda"},
        {"module": "os"},
        {"module": "builtins"},
        {"registered_name": "my>Thing"},
        {"module": None},
    ],
)
def test_a_forged_description_of_a_network_builds_nothing(change):
    pieces = encode(small_network(), outward)
    tree = json.loads(pieces[0])
    description = json.loads(tree["network"][0])
    description["config"]["layers"][-1] |= change
    tree["network"][0] = json.dumps(description)
    with pytest.raises((NotPlainError, ValueError)):
        decode([json.dumps(tree).encode(), *pieces[1:]], inward)


def test_messages_come_as_they_were_sent_and_large_ones_not_at_all():
    stream = io.BytesIO()
    wire.send(stream, {"do": "run"}, [b"one", b""])
    stream.seek(0)
    assert wire.receive(stream) == ({"do": "run"}, [b"one", b""])
    with pytest.raises(EOFError):
        wire.receive(stream)
    with pytest.raises(wire.BrokenMessageError):
        wire.send(stream, {}, [bytes(wire.LARGEST_MESSAGE + 1)])
    for junk in (wire.PREFIX.pack(2**31, 0), wire.PREFIX.pack(2, 2**40) + b"{}", wire.PREFIX.pack(2, 0) + b"[]",
                 wire.PREFIX.pack(14, 5) + b'{"pieces":[3]}',
                 wire.PREFIX.pack(15, 0) + b'{"pieces":[-1]}'):  # fmt: skip
        with pytest.raises((wire.BrokenMessageError, EOFError)):
            wire.receive(io.BytesIO(junk))


def test_outputs_keep_text_and_real_pictures_only():
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    outputs = clean_outputs([
        {"output_type": "stream", "name": "x' onload='", "text": "a\x00b\ud800"},
        {"output_type": "display_data", "data": {"text/html": "<script>", "image/svg+xml": "<svg>", "image/png": png}},
        {"output_type": "display_data", "data": {"text/plain": "p", "image/png": 'x" onerror="alert(1)'}},
        {"output_type": "display_data", "data": {"image/png": "PHN2Zz4="}}, 7, {"output_type": "soup"},
    ])  # fmt: skip
    assert [output.output_type for output in outputs] == ["stream", *["display_data"] * 3]
    assert (outputs[0].name, outputs[0].text) == ("stdout", "ab?")
    assert [set(output.data) for output in outputs[1:]] == [{"text/plain", "image/png"}, {"text/plain"}, {"text/plain"}]
    assert clean_outputs("none") == [] and clean_text(7) == ""
