"""A change of a training picture that leaves a character the same."""

import math

import numpy as np


def varied_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A picture mirrored or not, cut to 40 to 100 % of its area, a little paler or stronger, darker or brighter.

    Milder than `augmentation.random_view`: colours tell many characters apart. (h, w, 3) uint8 both.
    """
    if generator.random() < 0.5:
        image = image[:, ::-1]
    share, stretch = math.sqrt(generator.uniform(0.4, 1)), math.exp(generator.uniform(-0.2, 0.2))
    height = max(1, round(image.shape[0] * min(1, share * stretch)))
    width = max(1, round(image.shape[1] * min(1, share / stretch)))
    top, left = (generator.integers(room + 1) for room in (image.shape[0] - height, image.shape[1] - width))
    values = image[top : top + height, left : left + width].astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + generator.uniform(0.7, 1.3) * (values - grey)
    values = values.mean() + generator.uniform(0.75, 1.25) * (values - values.mean()) + generator.normal(0, 12)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
