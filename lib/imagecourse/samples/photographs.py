"""Real photographs that are already on the disk, inside scikit-image, scikit-learn, Matplotlib and PyWavelets."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from imagecourse.images import read_image

_PHOTOGRAPHS = {
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "palace": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "camera": ("skimage", "data/camera.png"),
    "galaxies": ("skimage", "data/hubble_deep_field.jpg"),
}
_MORE_PHOTOGRAPHS = {
    "admiral": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "retina": ("skimage", "data/retina.jpg"),
    "tissue": ("skimage", "data/ihc.png"),
    "coins": ("skimage", "data/coins.png"),
    "brick": ("skimage", "data/brick.png"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "moon": ("skimage", "data/moon.png"),
    "stairs": ("pywt", "data/ascent.npz"),
    "fields": ("pywt", "data/aero.npz"),
}


def sample_photographs() -> dict[str, Path]:
    """Photographs by name, each 0.2 to 0.9 megapixels; all in colour but `camera`, which is grey.

    The packages are found, not imported, so this is quick.
    Raises: FileNotFoundError when a package no longer carries one of them.
    """
    return {name: _packaged_file(package, file) for name, (package, file) in _PHOTOGRAPHS.items()}


def reference_photographs() -> dict[str, np.ndarray]:
    """Sharp, clean photographs and textures inside the scikit-image and scikit-learn packages: uint8 by name."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    names = ("astronaut", "coffee", "chelsea", "rocket", "camera", "coins", "brick", "grass", "gravel")
    china, flower = load_sample_images().images
    return {name: getattr(data, name)() for name in names} | {"china": china, "flower": flower}


def packaged_photographs() -> dict[str, np.ndarray]:
    """Every real photograph in the packages of the course, by name: (h, w, 3) uint8 RGB, some of them grey.

    Left out are second pictures of the same scene (the other motorcycle, PyWavelets' camera man, a detail of the
    retina), a page of text, and what shows hardly anything (a moving ball, a cell, faces of 25 pixels).
    Raises: FileNotFoundError as `sample_photographs`.
    """
    files = {name: _packaged_file(*place) for name, place in (_PHOTOGRAPHS | _MORE_PHOTOGRAPHS).items()}
    return {name: _read_array(file) if file.suffix == ".npz" else read_image(file) for name, file in files.items()}


def _read_array(file: Path) -> np.ndarray:
    with np.load(file) as content:
        return np.repeat(content["data"].astype(np.uint8)[:, :, None], 3, axis=2)


def unseen_photographs() -> dict[str, np.ndarray]:
    """Photographs inside installed packages that are none of `reference_photographs`: (h, w, 3) uint8 by name.

    Restoration was calibrated on those, and can be judged on these. The last two are grey, with three equal channels.
    """
    import pywt.data
    from skimage import data

    admiral = _packaged_file("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")
    files = {name: sample_photographs()[name] for name in ("motorcycle", "galaxies")} | {"admiral": admiral}
    colour = {name: read_image(path) for name, path in files.items()} | {"tissue": data.immunohistochemistry()}
    grey = {"stairs": pywt.data.ascent(), "airfield": pywt.data.aero()}
    return colour | {name: np.repeat(plane.astype(np.uint8)[..., None], 3, axis=2) for name, plane in grey.items()}


def _packaged_file(package: str, file: str) -> Path:
    spec = find_spec(package)
    path = Path(spec.origin).parent / file if spec else Path(package, file)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; install the versions that requirements.txt names")
    return path
