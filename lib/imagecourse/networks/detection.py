"""Where are the faces in a photograph? A ready-made detector, and cuts as the face networks know them."""

import functools
import threading
from typing import NamedTuple

import cv2
import numpy as np

LONGEST_SIDE = 1000
SUREST = 0.9
_ONE_AT_A_TIME = threading.Lock()


class FaceBox(NamedTuple):
    """A face in a picture, in pixels; score: how sure the detector is, up to 1."""

    left: int
    top: int
    width: int
    height: int
    score: float


def find_faces(image: np.ndarray) -> list[FaceBox]:
    """The faces of a picture (h, w, 3) uint8, from left to right; none below a score of 0.9.

    Pictures with a longer side over 1000 pixels are shrunk for the search; in those, faces under 20 pixels are missed.
    Source: Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, 2016,
    arXiv:1604.02878, by the package mtcnn, which brings its weights.
    """
    shrink = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    with _ONE_AT_A_TIME:
        found = _detector().detect_faces(small)
    sure = [face for face in found if face["confidence"] >= SUREST]
    return sorted(FaceBox(*(round(side / shrink) for side in face["box"]), float(face["confidence"])) for face in sure)


@functools.cache
def _detector():
    from mtcnn import MTCNN

    return MTCNN()


def cut_face(image: np.ndarray, box: FaceBox) -> np.ndarray:
    """A square around a face, as tight as the pictures of UTKFace: as high as the box; (side, side, 3) uint8.

    Where it reaches over the edge of the picture, the edge is repeated.
    """
    side = max(box.height, box.width)
    left, top = box.left + (box.width - side) // 2, box.top + (box.height - side) // 2
    margin = max(0, -left, -top, left + side - image.shape[1], top + side - image.shape[0])
    wider = cv2.copyMakeBorder(image, *(margin,) * 4, cv2.BORDER_REPLICATE) if margin else image
    return wider[top + margin : top + margin + side, left + margin : left + margin + side]
