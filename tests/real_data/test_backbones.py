"""Converted weights against the labels of Stanford Dogs: its 120 breeds are ImageNet classes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from imagecourse.images import list_images, read_image
from imagecourse.networks.backbones import image_size_of, imagenet_classifier

pytestmark = pytest.mark.real_data

DALMATIAN = 251  # the one dog of ImageNet that Stanford Dogs leaves out
BREED_CLASSES = [number for number in (*range(151, 269), 273, 274, 275) if number != DALMATIAN]


def breed_images(real_data: Path, side: int, per_breed: int) -> tuple[np.ndarray, np.ndarray]:
    """The first images of each breed, squeezed to a square, and their ImageNet classes."""
    folders = sorted((real_data / "dogs" / "Images").iterdir())
    assert len(folders) == len(BREED_CLASSES)
    images, classes = [], []
    for folder, number in zip(folders, BREED_CLASSES, strict=True):
        for path in list_images(folder)[:per_breed]:
            images.append(cv2.resize(read_image(path), (side, side), interpolation=cv2.INTER_AREA))
            classes.append(number)
    return np.stack(images).astype("float32"), np.array(classes)


@pytest.mark.parametrize(
    ("name", "per_breed"), [("efficientnet_lite0", 2), ("efficientnet_lite1", 1), ("efficientnet_lite2", 1)]
)
def test_classifier_names_the_breed_among_1000_classes(real_data, name, per_breed):
    images, classes = breed_images(real_data, image_size_of(name), per_breed)
    found = imagenet_classifier(name).predict(images, batch_size=32, verbose=0).argmax(axis=1)
    accuracy = (found == classes).mean()
    assert accuracy >= 0.82, f"{name}: {accuracy:.1%} of {len(classes)} right"
