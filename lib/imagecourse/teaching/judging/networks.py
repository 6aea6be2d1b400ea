"""Keras networks as plain data: their architecture as JSON, which is checked before anything is built, and weights."""

import json
import sys
from typing import Any

from imagecourse.teaching.judging.kinds import OWN_NETWORK, NotPlainError
from imagecourse.teaching.judging.plain import Decoder, Encoder

TAGS = ("network", "tensor", "keras")
CARRIES_CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "function", "__lambda__")
CONTAINERS = ("list", "tuple", "dict")


def to_json(value: Any, encoder: Encoder) -> dict | None:
    """JSON of a network, a tensor with values, or a part that Keras can describe; None for anything else."""
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    if isinstance(value, keras.Model):
        return {"network": _describe(value, encoder)}
    if keras.ops.is_tensor(value) and hasattr(value, "numpy"):
        return {"tensor": encoder.to_json(value.numpy())}
    parts = (keras.Layer, keras.Optimizer, keras.Loss, keras.Metric, keras.Initializer, keras.Regularizer)
    if isinstance(value, parts) and type(value).__module__.startswith("keras."):
        return {"keras": json.dumps(keras.saving.serialize_keras_object(value))}
    return None


def _describe(model: Any, encoder: Encoder) -> list:
    try:
        architecture = json.loads(model.to_json())
        try:
            check_architecture(architecture.get("compile_config"))
        except NotPlainError:
            del architecture["compile_config"]  # a loss of one's own does not change what the network computes
        check_architecture(architecture)
        weights = [encoder.to_json(weight) for weight in model.get_weights()]
    except NotPlainError:
        raise
    except Exception as error:  # a network whose description fails in code of its own
        raise NotPlainError(OWN_NETWORK) from error
    return [json.dumps(architecture), weights]


def check_architecture(description: Any) -> None:
    """Refuse, with NotPlainError, a description in which any part is not Keras' own or carries code."""
    if isinstance(description, dict):
        name, module = str(description.get("class_name", "__none__")), str(description.get("module")).partition(".")[0]
        known = module == "keras" or name.startswith("__") or name in CONTAINERS
        foreign = description.get("registered_name") not in (None, name)
        value = description.get("value")
        is_lambda = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)  # as an activation
        if name in CARRIES_CODE or foreign or is_lambda or not known:
            raise NotPlainError(OWN_NETWORK)
        description = list(description.values())
    for part in description if isinstance(description, list) else []:
        check_architecture(part)


def to_value(tag: str, content: Any, decoder: Decoder) -> Any:
    """The network, tensor or part of such JSON. Raises: ValueError, or NotPlainError for what may not be built."""
    import keras

    if tag == "tensor":
        return keras.ops.convert_to_tensor(decoder.to_value(content))
    description = json.loads(content[0] if tag == "network" else content)
    check_architecture(description)
    if tag == "keras":
        return keras.saving.deserialize_keras_object(description)
    try:
        model = keras.models.model_from_json(json.dumps(description))
        model.set_weights([decoder.to_value(weight) for weight in content[1]])
    except Exception as error:  # a forged description can fail in any layer
        raise ValueError(f"no network: {type(error).__name__}") from error
    return model
