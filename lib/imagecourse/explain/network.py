"""A private, flat copy of a trained network, opened up: every layer within reach, logits beside the answers.

The copy is what all explanations work on, so the caller's model never changes: nested models are laid out flat, and
every activation becomes a layer of its own, which uncovers the logits under a softmax or sigmoid, and lets guided
backpropagation put its own rule in place.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import KerasTensor, layers

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
WITH_ACTIVATION = (*CONVOLUTIONS, layers.Dense, layers.EinsumDense)
RECTIFIERS = ("relu", "relu6", "leaky_relu", "elu", "selu", "silu", "swish", "gelu", "hard_silu", "hard_swish")
RECTIFIER_TYPES = ("ReLU", "LeakyReLU", "ELU", "Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Silu", "Gelu", "HardSilu")
LINEAR = ".linear"


class Head(NamedTuple):
    """One output of a network, as columns to choose a target from.

    logits, answers: (n, columns); before and after the last softmax or sigmoid, the same where there is none. A single
    sigmoid unit, or a single unit with two labels, has two columns: against and for it.
    """

    logits: KerasTensor
    answers: KerasTensor
    labels: list[str]


class Network:
    """See `examine`, which makes one.

    model: the flat copy, (n, h, w, channels) -> the outputs, in a list. layers: name -> output of each layer in the
    order of the forward pass; layers of a nested model are called `nested.layer`. heads: output name -> `Head`.
    """

    def __init__(self, model: keras.Model, labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None):
        self._original = _functional(model)
        self._kept: dict[tuple, Any] = {}
        self._producers: dict[int, tuple[Any, KerasTensor]] = {}
        self.layers: dict[str, KerasTensor] = {}
        self.name = model.name
        source = self._original.inputs[0]
        self.inputs = keras.Input(source.shape[1:], name="image", dtype=_float(source.dtype))
        outputs = keras.tree.flatten(_flatten(self._original, self.inputs, "", {}, self._record))
        self.model = keras.Model(self.inputs, outputs, name="flat")
        names = _output_names(self._original)
        given = _labels_by_output(names, labels)
        self.heads = {
            name: self._head(name, output, given.get(name, []))
            for name, output in zip(names, outputs, strict=True)
            if len(output.shape) == 2
        }
        if not self.heads:
            raise ValueError(f"{model.name}: no output of shape (n, units); give a classifier or a regressor")

    @property
    def image_size(self) -> tuple[int | None, int | None]:
        """Height and width in pixels that it takes, None where it takes any."""
        return tuple(self.inputs.shape[1:3])

    def copy(self) -> "Network":
        """Another copy with weights of its own."""
        labels = {name: head.labels for name, head in self.heads.items() if head.labels}
        copy = Network(self._original, labels)
        copy.model.set_weights(self.model.get_weights())
        return copy

    def find_layer(self, name: str) -> KerasTensor:
        """The output of a layer by its name, for a nested one with or without the nested model's in front.

        Raises: ValueError that lists the layers there are.
        """
        found = [path for path in self.layers if path == name] or [
            path for path in self.layers if path.endswith(f".{name}") and not path.endswith(LINEAR)
        ]
        if len(found) != 1:
            problem = f"several layers have this name ({', '.join(found)})" if found else "no such layer"
            raise ValueError(f"{name!r}: {problem}; choose one of {', '.join(self.layers)}")
        return self.layers[found[0]]

    def before_rectifier(self, tensor: KerasTensor) -> KerasTensor:
        """What enters a layer where that is a ReLU or its like, so that there is a slope even where it is off."""
        operation, source = self._producers.get(id(tensor), (None, None))
        return source if is_rectifier(operation) else tensor

    def once(self, key: tuple, build: Callable[[], Any]) -> Any:
        """What `build` makes, made once and kept under the key: for functions that TensorFlow compiles."""
        if key not in self._kept:
            self._kept[key] = build()
        return self._kept[key]

    @cached_property
    def guided_outputs(self) -> dict[int, KerasTensor]:
        """id of a layer's output or of logits -> the same values with guided gradients, positive behind each rectifier.

        Weights are shared with `model`. Source: Springenberg et al., 2015, arXiv:1412.6806.
        """
        tensors = {id(tensor): tensor for tensor in self.layers.values()}
        tensors |= {id(head.logits): head.logits for head in self.heads.values()}
        everything = keras.Model(self.inputs, list(tensors.values()))
        guided = everything._run_through_graph(self.inputs, lambda operation: partial(_call_guided, operation))
        return dict(zip(tensors, guided, strict=True))

    def _record(self, path: str, operation: Any, source: Any, output: Any) -> None:
        if isinstance(output, KerasTensor):
            self.layers[path] = output
            self._producers[id(output)] = (operation, source)

    def _head(self, name: str, answers: KerasTensor, labels: list[str]) -> Head:
        operation, source = self._producers.get(id(answers), (None, None))
        kind = _activation_name(operation)
        logits = source if kind in ("softmax", "sigmoid") else answers
        units = answers.shape[-1]
        if units == 1 and (kind == "sigmoid" or len(labels) == 2):
            against = 1 - answers if kind == "sigmoid" else -answers
            logits = keras.ops.concatenate([-logits, logits], axis=-1)
            answers = keras.ops.concatenate([against, answers], axis=-1)
        if labels and len(labels) != answers.shape[-1]:
            raise ValueError(f"{name}: {len(labels)} labels for {units} outputs; give one for each, in their order")
        return Head(logits, answers, labels)


def examine(model: keras.Model | Network, labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None) -> Network:
    """Open a trained network for explanations; a `Network` is passed on as it is.

    Every explanation does this by itself; do it once and pass the result where several follow, which saves a copy and
    a compilation each time. Weights are those of this moment.

    model: Functional or Sequential, nested or flat, one image input (n, h, w, channels) in [0, 255].
    labels: names of the classes, or for a model with several outputs: output name -> names.
    Raises: ValueError for another kind of model, or labels that do not fit its outputs.
    """
    return model if isinstance(model, Network) else Network(model, labels)


def is_rectifier(operation: Any) -> bool:
    """Whether a layer or operation of a flat network is a ReLU or one of its smooth relatives."""
    return type(operation).__name__ in RECTIFIER_TYPES or _activation_name(operation) in RECTIFIERS


def _functional(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential) and model.built and model.inputs:
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not hasattr(model, "_run_through_graph") or isinstance(model, keras.Sequential):
        raise ValueError(f"{model.name}: not a built Functional or Sequential model; build it from layers and an Input")
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = ", ".join(str(tensor.shape) for tensor in model.inputs)
        raise ValueError(f"{model.name}: takes {shapes}; explanations need one input of images (n, h, w, channels)")
    return model


def _flatten(model: keras.Model, inputs: Any, prefix: str, clones: dict[int, Any], record: Callable) -> Any:
    """Replay a model on symbolic inputs with copies of its layers; nested models dissolve into their layers.

    The replay is Keras' own, which `keras.models.clone_model` uses as well; that one cannot go into nested models.
    """

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        path = prefix + operation.name
        if isinstance(operation, keras.Model):
            output = _flatten(_inner(operation), args[0], f"{path}.", clones, record)
            record(path, operation, args[0], output)
            return output
        parts = clones[id(operation)] = clones.get(id(operation)) or _clone(operation, path)
        output = parts[0](*args, **kwargs)
        if isinstance(operation, layers.Layer):
            parts[0].set_weights(operation.get_weights())
        source = args[0] if args else None
        if len(parts) == 2:
            record(path + LINEAR, parts[0], source, output)
            source, output = output, parts[1](output)
        record(path, parts[-1], source, output)
        return output

    return model._run_through_graph(inputs, lambda operation: partial(call, operation))


def _inner(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    if not hasattr(model, "_run_through_graph"):
        raise ValueError(
            f"{model.name}: a nested model that is neither Functional nor Sequential; build it from layers"
        )
    return model


def _clone(operation: Any, path: str) -> list[Any]:
    """A layer without weights yet; where it has an activation, the layer without and then the activation."""
    config = operation.get_config()
    activation = config.get("activation", "linear")
    if isinstance(operation, WITH_ACTIVATION) and activation != "linear":
        config |= {"activation": "linear", "name": path + LINEAR}
        return [type(operation).from_config(config), layers.Activation(activation, name=path)]
    return [type(operation).from_config(config | {"name": path})]


def _call_guided(operation: Any, *args: Any, **kwargs: Any) -> Any:
    if is_rectifier(operation):
        return layers.Activation(_guided(operation.call), name=operation.name)(args[0])
    return operation(*args, **kwargs)


def _guided(rectify: Callable) -> Callable:
    @tf.custom_gradient
    def guided(x):
        def gradient(upstream):
            with tf.GradientTape() as tape:
                tape.watch(x)
                rectified = rectify(x)
            return tape.gradient(rectified, x, output_gradients=tf.nn.relu(upstream))

        return rectify(x), gradient

    return guided


def _activation_name(operation: Any) -> str:
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "")
    return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(type(operation).__name__, "")


def _float(dtype: str) -> str:
    return dtype if dtype.startswith("float") else "float32"


def _output_names(model: keras.Model) -> list[str]:
    return sorted(model.output) if isinstance(model.output, dict) else list(model.output_names)


def _labels_by_output(names: list[str], labels: Sequence[str] | Mapping[str, Sequence[str]] | None) -> dict:
    if labels is None:
        return {}
    if isinstance(labels, Mapping):
        unknown = [name for name in labels if name not in names]
        if unknown:
            raise ValueError(f"{unknown[0]!r}: no such output; give labels for {', '.join(names)}")
        return {name: list(given) for name, given in labels.items()}
    if len(names) > 1:
        raise ValueError(f"the network has several outputs; give labels as a dictionary with {', '.join(names)}")
    return {names[0]: list(labels)}
