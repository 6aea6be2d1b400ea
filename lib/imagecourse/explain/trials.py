"""Do the maps tell the truth? Tests against known places, against the network itself, and against chance."""

from typing import NamedTuple

import cv2
import keras
import numpy as np

from imagecourse.explain.network import Network
from imagecourse.explain.references import BLURRED, hide
from imagecourse.explain.targets import Target, prepare, score


class Curve(NamedTuple):
    """The answer while pixels are taken away or put back, the most salient first.

    shares: (steps + 1,) of pixels changed so far, from 0 to 1. answers: (n, steps + 1), probabilities where the network
    gives them. area: (n,), below each curve.
    """

    shares: np.ndarray
    answers: np.ndarray
    area: np.ndarray


def pointing_game(maps: np.ndarray, masks: np.ndarray, tolerance: int = 0) -> np.ndarray:
    """Whether the peak of each map lies on the thing: (n,) float32, 1 or 0, or the share of several equal peaks.

    maps: (n, h, w). masks: (n, h, w) bool, True on the thing. tolerance: pixels by which a peak may miss it.
    Raises: ValueError for shapes that differ.
    Source: Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016, arXiv:1608.00507.
    """
    maps, masks = _matched(maps, masks)
    if tolerance:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance + 1, 2 * tolerance + 1))
        masks = np.stack([cv2.dilate(mask.astype(np.uint8), disc) for mask in masks]).astype(bool)
    peaks = maps == maps.max(axis=(1, 2), keepdims=True)
    return ((peaks & masks).sum(axis=(1, 2)) / peaks.sum(axis=(1, 2))).astype(np.float32)


def mask_energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's saliency that lies on the thing: (n,) float32 in [0, 1]; 0 for an empty map.

    maps: (n, h, w), not negative. masks: (n, h, w) bool. Chance gives the thing's share of the area.
    Source: Wang et al., Score-CAM, 2020, arXiv:1910.01279, section 4.3.
    """
    maps, masks = _matched(maps, masks)
    total = maps.sum(axis=(1, 2))
    inside = (maps * masks).sum(axis=(1, 2))
    return np.divide(inside, total, out=np.zeros(len(maps), np.float32), where=total > 0)


def deletion_curve(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target,
    maps: np.ndarray,
    steps: int = 32,
    reference: str = BLURRED,
) -> Curve:
    """The answer while the most salient pixels are hidden first: a true map makes it fall fast. A small area is good.

    maps: (n, h, w); only the order of the pixels counts. steps: how often the network looks; with few of them the first
    one hides more than most things cover, and maps are hard to tell apart. reference: what hides, see
    `references.hide`; where the network still says yes to it, the curve cannot fall.
    Source: Petsiuk et al., RISE, 2018, arXiv:1806.07421, section 3.2; so is `insertion_curve`.
    """
    return _curve(model, images, target, maps, steps, reference, insert=False)


def insertion_curve(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target,
    maps: np.ndarray,
    steps: int = 32,
    reference: str = BLURRED,
) -> Curve:
    """The answer while a hidden picture gets its most salient pixels back: a true map makes it rise fast.

    Arguments as `deletion_curve`. A large area is good.
    """
    return _curve(model, images, target, maps, steps, reference, insert=True)


def _curve(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target,
    maps: np.ndarray,
    steps: int,
    reference: str,
    insert: bool,
) -> Curve:
    network, images, goal = prepare(model, images, target)
    if maps.shape != images.shape[:3]:
        raise ValueError(f"maps: {maps.shape} for images {images.shape}; give one map as large as the picture for each")
    order = np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1).reshape(maps.shape) / order.shape[1]
    shares = np.arange(steps + 1) / steps
    versions = (hide(images, (ranks < share) != insert, reference) for share in shares)
    answers = np.stack([score(network, version, goal, probability=True) for version in versions], axis=1)
    return Curve(shares, answers, np.trapezoid(answers, shares, axis=1))


def _matched(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    maps, masks = np.asarray(maps), np.asarray(masks)
    if maps.shape != masks.shape or maps.ndim != 3:
        raise ValueError(f"maps {maps.shape}, masks {masks.shape}: give both as (n, h, w)")
    return maps, masks.astype(bool)
