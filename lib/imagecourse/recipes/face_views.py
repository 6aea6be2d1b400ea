"""Changes of a training picture that leave age and gender the same."""

import cv2
import numpy as np


def face_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A face mirrored or not, a little turned, nearer or further, shifted, brighter or darker, and sometimes grey,
    soft or with a patch covered; (h, w, 3) uint8 both."""
    if generator.random() < 0.5:
        image = image[:, ::-1]
    return _covered(_colours(_moved(image, generator), generator), generator)


def _moved(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    change = cv2.getRotationMatrix2D((width / 2, height / 2), generator.normal(0, 6), generator.uniform(0.88, 1.2))
    change[:, 2] += generator.uniform(-0.06, 0.06, 2) * (width, height)
    return cv2.warpAffine(np.ascontiguousarray(image), change, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def _colours(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if generator.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), generator.uniform(0.4, 1.2))
    values = image.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    strength = 0.0 if generator.random() < 0.08 else generator.uniform(0.6, 1.4)
    values = grey + strength * (values - grey)
    middle = values.mean()
    values = (middle + generator.uniform(0.75, 1.3) * (values - middle)) * generator.uniform(0.94, 1.06, 3)
    return np.clip(values + generator.normal(0, 12), 0, 255).astype(np.uint8)


def _covered(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One in four has a grey rectangle over a tenth of it, as a hand or a microphone might. Source: Zhong et al.,
    Random Erasing, 2017, arXiv:1708.04896."""
    if generator.random() < 0.25:
        sides = np.array(image.shape[:2])
        height, width = (sides * generator.uniform(0.15, 0.4, 2)).astype(int)
        top, left = generator.integers(sides - (height, width))
        image[top : top + height, left : left + width] = generator.integers(256, size=3)
    return image
