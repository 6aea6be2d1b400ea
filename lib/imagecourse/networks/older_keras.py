"""Descriptions of networks as Keras 2 wrote them, in the words of Keras 3. Functions of plain dictionaries."""

from typing import Any

CONTAINERS = {"Sequential": "Sequential", "Functional": "Functional", "Model": "Functional"}
DROPPED = {
    "DepthwiseConv2D": {"groups": (1,)},
    "Conv2DTranspose": {"groups": (1,)},
    "InputLayer": {"ragged": (False,), "optional": (False,), "sparse": (False,)},
    "BatchNormalization": {"renorm": (False,), "fused": (None, True, False), "virtual_batch_size": (None,)},
    "LSTM": {"time_major": (False,), "implementation": (1, 2)},
    "GRU": {"time_major": (False,), "implementation": (1, 2)},
}
"""Settings that Keras 3 has no more, and their values that change nothing."""
IN_ALL_LAYERS = {"rng_type": ("stateful", "legacy_stateful", "stateless", None)}


def is_older(config: dict) -> bool:
    """Whether Keras 2 wrote a description: each part of a newer one says which module it comes from."""
    return "module" not in config and config.get("class_name") in CONTAINERS


def modern(config: dict) -> dict:
    """A description by Keras 2 as Keras 3 reads it; only Keras' own layers can be in it.

    Raises: ValueError for an operation of TensorFlow that is no arithmetic with a number; KeyError, TypeError and the
    like for a damaged description.
    """
    kind, settings = config["class_name"], config["config"]
    if kind == "TFOpLambda":
        return _arithmetic(config)
    if kind not in CONTAINERS:
        return _layer(config, kind, _settings(kind, settings))
    settings = {"layers": settings} if isinstance(settings, list) else dict(settings)
    settings.pop("build_input_shape", None)
    if kind == "Sequential":
        layers = [*_input_of(settings["layers"]), *map(modern, settings["layers"])]
        return _layer(config, "Sequential", settings | {"layers": layers}, "keras")
    ends = {name: _single(_placed(settings[name], settings)) for name in ("input_layers", "output_layers")}
    layers = [
        modern(layer | {"inbound_nodes": _placed(layer["inbound_nodes"], settings)}) for layer in settings["layers"]
    ]
    return _layer(config, "Functional", settings | ends | {"layers": layers}, "keras.src.models.functional")


def _placed(nodes: list, settings: dict) -> list:
    """References to calls of layers, counted as in Keras 3, where a nested model has no call before the first real one.

    nodes: references [layer, call, output, ...] in lists of any depth. settings: of the model around them.
    """
    if nodes and isinstance(nodes[0], str):
        name, call, *rest = nodes
        layer = next(layer for layer in settings["layers"] if layer["name"] == name)
        nested = layer["class_name"] in CONTAINERS
        return [name, call - 1 if nested and call >= len(layer["inbound_nodes"]) else call, *rest]
    return [_placed(node, settings) for node in nodes]


def _single(ends: list) -> list:
    return ends[0] if len(ends) == 1 and isinstance(ends[0], list) else ends


def _layer(config: dict, kind: str, settings: dict, module: str = "keras.layers") -> dict:
    kept = {name: config[name] for name in ("name", "inbound_nodes") if name in config}
    registered = kind if module.startswith("keras.src") else None
    return {"module": module, "class_name": kind, "config": settings, "registered_name": registered} | kept


def _input_of(layers: list[dict]) -> list[dict]:
    """The input that an older Sequential only gives as the shape of its first layer; none where it has its own."""
    shape = _input_shape(layers[0]) if layers else None
    if shape is None or layers[0]["class_name"] == "InputLayer":
        return []
    name = f"{layers[0]['config'].get('name', 'first')}_input"
    return [modern({"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": name}})]


def _input_shape(layer: dict) -> list | None:
    settings = layer["config"]
    if layer["class_name"] in CONTAINERS:
        return _input_shape((settings if isinstance(settings, list) else settings["layers"])[0])
    return settings.get("batch_input_shape") or settings.get("batch_shape")


def _settings(kind: str, settings: dict) -> dict:
    dropped = IN_ALL_LAYERS | DROPPED.get(kind, {})
    kept = {name: value for name, value in settings.items() if value not in dropped.get(name, ())}
    shape = kept.pop("batch_input_shape", None)
    if kind == "InputLayer" and shape is not None:
        kept["batch_shape"] = [None, *shape[1:]]
    if isinstance(kept.get("dtype"), dict):
        kept["dtype"] = kept["dtype"]["config"]["name"]
    if kind == "BatchNormalization" and isinstance(kept.get("axis"), list):
        [kept["axis"]] = kept["axis"]
    for name in ("layer", "forward_layer", "backward_layer"):
        if isinstance(kept.get(name), dict):
            kept[name] = modern(kept[name])
    return kept


def _arithmetic(config: dict) -> dict:
    """A layer for `x / 127.5` and its like, which Keras 2 wrote as a call into TensorFlow."""
    operation, [source, node, tensor, values] = config["config"]["function"], config["inbound_nodes"][0]
    value = values.get("y")
    changes = {
        "math.truediv": lambda y: (1 / y, 0.0),
        "math.multiply": lambda y: (y, 0.0),
        "math.subtract": lambda y: (1.0, -y),
        "math.add": lambda y: (1.0, y),
        "__operators__.add": lambda y: (1.0, y),
    }
    if operation not in changes or isinstance(value, bool) or not isinstance(value, int | float) or len(values) > 2:
        raise ValueError(f"it calls TensorFlow's {operation}, which is no layer")
    scale, offset = changes[operation](value)
    nodes: list[Any] = [[[source, node, tensor, {}]]]
    name = config["name"].replace("/", "_")
    settings = {"name": name, "scale": scale, "offset": offset}
    return _layer(config | {"inbound_nodes": nodes}, "Rescaling", settings)
