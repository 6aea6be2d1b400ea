"""When is a change of pictures, or a network, another one? Keys of what was computed before depend on it."""

import functools
import types
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from imagecourse.networks.identity import of_function, of_network


def module(source: str) -> types.ModuleType:
    """A module of its own from source text, as a notebook or a file that someone edits."""
    made = types.ModuleType("edited")
    exec(source, made.__dict__)
    return made


def view(source: str) -> str:
    """The fingerprint of the function `view` in a source text."""
    return of_function(module(source).view)


def test_the_same_code_is_the_same_view_wherever_it_stands():
    source = "def view(image, generator):\n    return image[:, ::-1]"
    assert view(source) == view("\n\n" + source) == view(source + "  # mirrored")
    assert len(view(source)) == 16


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def view(image, _): return image + 1", "def view(image, _): return image + 2"),
        ("def view(image, _): return image + 1", "def view(image, _): return image - 1"),
        ("def view(image, _): return image.max()", "def view(image, _): return image.min()"),
        ("def view(image, _, share=0.5): return image", "def view(image, _, share=0.6): return image"),
        ("def view(image, _, *, share=1): return image", "def view(image, _, *, share=2): return image"),
        (
            "SHARE = 0.5\ndef view(image, _): return image * SHARE",
            "SHARE = 0.6\ndef view(image, _): return image * SHARE",
        ),
        ("def view(image, _): return (lambda x: x + 1)(image)", "def view(image, _): return (lambda x: x + 2)(image)"),
    ],
    ids=["constant", "operator", "method", "default", "keyword default", "global number", "inner function"],
)
def test_two_functions_of_one_name_are_two_views(before, after):
    assert view(before) != view(after)
    assert view(before) == view(before)


@pytest.mark.parametrize(
    "call",
    ["change(image)", "[change(row) for row in image]", "(lambda one: change(one))(image)", "rest(image)"],
    ids=["directly", "in a comprehension", "in a lambda", "through another helper"],
)
def test_helpers_that_are_called_by_name_matter(call):
    source = "def change(one): return one + {}\ndef rest(one): return change(one)\ndef view(image, _): return " + call
    assert view(source.format(1)) != view(source.format(2))


@dataclass
class Stronger:
    factor: float

    def __call__(self, image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
        return image * self.factor

    def on(self, image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
        return image * self.factor


def closure(held):
    return lambda image, _: image * held


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 2),
        ("a", "b"),
        (range(2), range(3)),
        (np.float32(0.3), np.float32(0.5)),
        (np.zeros(3), np.ones(3)),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(2, np.float32), np.zeros(2, np.int32)),
        ((1, 2), (1, 3)),
        ((1, (2, 3)), ((1, 2), 3)),
        ({"a": 1}, {"a": 2}),
        ({"a", "b"}, {"a", "c"}),
        (len, abs),
        (Stronger(1), Stronger(2)),
        (lambda one: one + 1, lambda one: one + 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_closure_holds_matters(first, second):
    assert of_function(closure(first)) != of_function(closure(second))
    assert of_function(closure(first)) == of_function(closure(first))


def test_partials_methods_and_callable_objects_are_told_apart_by_what_they_hold():
    def scaled(image, _generator, factor=1, offset=0):
        return image * factor + offset

    made = [
        functools.partial(scaled, factor=2),
        functools.partial(scaled, factor=3),
        functools.partial(scaled, offset=2),
    ]
    made += [Stronger(2), Stronger(3), Stronger(2).on, Stronger(3).on]
    assert len({of_function(each) for each in made}) == len(made)


def test_a_function_that_calls_itself_has_an_end():
    assert view("def view(image, depth): return view(image, depth - 1) if depth else image")


def test_the_order_of_a_set_does_not_matter():
    """It is another one in another process."""
    one, other = frozenset([0, 8]), frozenset([8, 0])
    assert list(one) != list(other)
    assert of_function(closure(one)) == of_function(closure(other))


def network(filters: int = 2, seed: int = 0, size: int = 8, wiring: str = "straight") -> keras.Model:
    inputs = keras.Input((size, size, 3))
    first = layers.Conv2D(filters, 1, kernel_initializer=keras.initializers.GlorotUniform(seed))(inputs)
    second = layers.Conv2D(filters, 1, kernel_initializer="ones")(first)
    ends = [first, second] if wiring == "straight" else [second, first]
    return keras.Model(inputs, layers.Subtract()(ends), name="network")


def test_a_network_is_known_by_settings_wiring_and_weights_and_not_by_the_names_of_its_layers():
    assert of_network(network()) == of_network(network())
    others = [network(filters=3), network(seed=1), network(size=9), network(wiring="crossed")]
    assert len({of_network(each) for each in [network(), *others]}) == 5
    changed = network()
    weights = changed.get_weights()
    weights[-1][0] += 1e-3
    changed.set_weights(weights)
    assert of_network(changed) != of_network(network())
