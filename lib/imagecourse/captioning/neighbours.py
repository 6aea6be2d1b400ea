"""The baseline that writes nothing: the caption of a training picture that looks alike."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from imagecourse.captioning.scores import normalised


def nearest_captions(
    features: np.ndarray, known_features: np.ndarray, known_captions: Sequence[Sequence[str]], neighbours: int = 1
) -> list[str]:
    """For each picture one of the captions of its nearest training pictures: the one that agrees most with the others.

    features: (n, d), known_features: (m, d), compared by the angle between them. known_captions: (m,) lists of str.
    neighbours: how many training pictures vote. Captions agree as far as their tf-idf weighted n-grams do.
    Source: Devlin et al., Exploring Nearest Neighbor Approaches for Image Captioning, 2015, arXiv:1505.04467.
    """
    flat = [normalised(caption) for captions in known_captions for caption in captions]
    first = np.cumsum([0, *(len(captions) for captions in known_captions)])
    vectors = TfidfVectorizer(ngram_range=(1, 4), token_pattern=r"\S+", sublinear_tf=True).fit_transform(flat)
    nearest = np.argsort(-_unit(features) @ _unit(known_features).T, axis=1, kind="stable")[:, :neighbours]
    chosen = []
    for pictures in nearest:
        rows = np.concatenate([np.arange(first[picture], first[picture + 1]) for picture in pictures])
        agreement = (vectors[rows] @ vectors[rows].T).sum(axis=1)
        chosen.append(flat[rows[int(np.argmax(np.asarray(agreement)))]])
    return chosen


def _unit(features: np.ndarray) -> np.ndarray:
    centred = np.asarray(features, np.float32)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
