"""All methods under one signature, by name: for the command line, for sheets, and for trials."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from imagecourse.explain import activations, baselines, gradients, perturbation
from imagecourse.explain.network import Network
from imagecourse.explain.results import Explanation
from imagecourse.explain.targets import Target


class Method(NamedTuple):
    """title: for figures. run: (model, images, target, seed) -> `Explanation`. random: whether the seed matters."""

    title: str
    run: Callable[[keras.Model | Network, np.ndarray, Target, int], Explanation]
    random: bool = False


def method(title: str, function: Callable[..., Explanation], random: bool = False, **options) -> Method:
    """A method of this package with options of your own, such as `method("RISE", rise, random=True, masks=100)`."""

    def run(model: keras.Model | Network, images: np.ndarray, target: Target, seed: int) -> Explanation:
        seeded = {"seed": seed} if random else {}
        return function(model, images, target, **seeded, **options)

    return Method(title, run, random)


METHODS = {
    "gradient": method("gradient", gradients.vanilla_gradient),
    "gradient_times_input": method("gradient × input", gradients.gradient_times_input),
    "smoothgrad": method("SmoothGrad", gradients.smoothgrad, random=True),
    "integrated_gradients": method("integrated gradients", gradients.integrated_gradients),
    "guided_backpropagation": method("guided backpropagation", gradients.guided_backpropagation),
    "gradcam": method("Grad-CAM", activations.grad_cam),
    "gradcam_plus_plus": method("Grad-CAM++", activations.grad_cam_plus_plus),
    "scorecam": method("Score-CAM", activations.score_cam),
    "occlusion": method("occlusion", perturbation.occlusion),
    "rise": method("RISE", perturbation.rise, random=True),
}
BASELINES = {
    "centre_blob": Method("centre blob", lambda model, images, target, seed: baselines.centre_blob(images)),
    "edge_detector": Method("edge detector", lambda model, images, target, seed: baselines.edge_detector(images)),
    "random_map": Method("random map", lambda model, images, target, seed: baselines.random_map(images, seed), True),
}


def explain(
    name: str, model: keras.Model | Network, images: np.ndarray, target: Target = None, seed: int = 0
) -> Explanation:
    """Explain pictures with a method of `METHODS` or `BASELINES` by its name, with the method's own settings.

    seed: of the methods that draw random numbers. Raises: ValueError for an unknown name, with those there are.
    """
    known = METHODS | BASELINES
    if name not in known:
        raise ValueError(f"{name!r}: no such method; choose one of {', '.join(known)}")
    return known[name].run(model, images, target, seed)
