"""The step that writes captions, where the course has one: the room `imagecourse.captioning` and a trained model."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np

from imagecourse.networks.model_files import find_model, is_there

Captioner = Callable[[Sequence[np.ndarray]], list[str]]
"""images: each (h, w, 3) uint8 RGB -> a caption for each."""
DEFAULT = "captioner"


def available_captioner(name: str = DEFAULT) -> str | None:
    """The name of a captioner that can be used, or None."""
    return find_model(name).name if find_spec("imagecourse.captioning") and is_there(name) else None


def find_captioner(name: str) -> Captioner:
    """The function that captions pictures with a model. Raises: as the captioning room does for a damaged model."""
    from imagecourse import captioning

    return captioning.load_captioner(name)
