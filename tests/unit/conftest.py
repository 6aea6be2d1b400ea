from pathlib import Path

import numpy as np
import pytest

from imagecourse.images import write_image


def write_shades(folder: Path, per_class: int = 20, size: int = 40) -> Path:
    """Class folders `dark` and `light` of noisy grey pictures, which any network tells apart."""
    rng = np.random.default_rng(0)
    for label, level in (("dark", 50), ("light", 190)):
        for number in range(per_class):
            noise = rng.integers(-40, 40, (size, size, 3))
            write_image(folder / label / f"{label}{number}.png", (level + noise).astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def shades(tmp_path_factory) -> Path:
    """A folder of two easy classes, 20 pictures each."""
    return write_shades(tmp_path_factory.mktemp("shades") / "shades")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory, shades) -> Path:
    """The folder of a small network trained on `shades` by the command line; read only."""
    from imagecourse.cli import main

    folder = tmp_path_factory.mktemp("models") / "tiny"
    options = ["--network", "photo_cnn", "--image-size", "32", "--epochs", "60", "--output", str(folder)]
    assert main(["train", "photo", "--data", str(shades), *options]) == 0
    return folder
