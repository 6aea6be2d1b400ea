"""What the tests of bad input share."""

import os
from pathlib import Path

import keras


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, byte for byte; of a link where it leads."""
    files = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    return {
        str(path.relative_to(folder)): os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        for path in files
        if path.is_symlink() or path.is_file()
    }


def write_model(folder: Path, labels: list[str], side: int = 16) -> Path:
    """A small network that was never trained, as a model folder without card."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    parts = [
        layers.Input((side, side, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
    ]
    model = keras.Sequential([*parts, layers.Dense(len(labels), activation="softmax")])
    folder.mkdir(parents=True)
    (folder / "architecture.json").write_text(model.to_json())
    (folder / "labels.txt").write_text("\n".join(labels) + "\n")
    model.save_weights(folder / "model.weights.h5")
    return folder
