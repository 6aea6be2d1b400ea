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


@pytest.fixture
def small_backbones(monkeypatch, tmp_path) -> None:
    """Every pretrained network gives the mean colour of a picture and no more, at every cut that a recipe knows."""
    import keras

    from imagecourse.networks import backbones

    def build(name, image_size, weights, pooling, include_top) -> keras.Model:
        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.AveragePooling2D(image_size // 2, name="block3b_add")(inputs)
        x = keras.layers.Activation("linear", name="block6b_add")(x)
        x = keras.layers.Conv2D(3, 1, name="top_conv")(x)
        model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="avg_pool")(x), name=name)
        model.set_weights([np.eye(3)[None, None], np.zeros(3)])
        return model

    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(backbones, "_build_lite", build)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory, shades) -> Path:
    """The folder of a small network trained on `shades`, by a recipe without checks of its own; read only."""
    from imagecourse.networks.architectures import photo_cnn
    from imagecourse.recipes import TrainingRequest
    from imagecourse.recipes.common import Recipe
    from imagecourse.recipes.learning import Scratch, learn_scratch

    class Small(Recipe):
        def learn(self, dataset, training):
            return learn_scratch(Scratch(photo_cnn, learning_rate=0.01, batch_size=8), dataset, training)

    folder = tmp_path_factory.mktemp("models") / "tiny"
    command = "imagecourse train photo --data shades --output models/tiny"
    return Small(TrainingRequest("photo", str(shades), folder, epochs=8, image_size=32, command=command)).train()
