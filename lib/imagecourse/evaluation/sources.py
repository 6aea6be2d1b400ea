"""Figures of pictures that share sources: cuts of one photograph, frames of one film, slices of one patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imagecourse.evaluation.metrics import Estimate, bootstrap_interval

Metric = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class BySource:
    """Estimates whose intervals draw whole sources again, with all their pictures (`metrics.bootstrap_interval`).

    sources: (n,) where each picture comes from. seed, resamples: of the bootstrap.
    """

    sources: Sequence
    seed: int
    resamples: int = 300

    def estimate(self, metric: Metric, truth: np.ndarray, answers: np.ndarray) -> Estimate:
        """A figure and its interval; truth: (n, …). answers: (n, …), predictions or probabilities."""
        return bootstrap_interval(metric, truth, answers, self.seed, self.resamples, self.sources)

    def change(self, metric: Metric, truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> Estimate:
        """How much a figure changes from one set of answers to another one, on the same sources each time."""

        def difference(truth: np.ndarray, both: np.ndarray) -> float:
            return metric(truth, both[:, 1]) - metric(truth, both[:, 0])

        return self.estimate(difference, truth, np.stack([before, after], axis=1))

    def among(self, rows: np.ndarray) -> "BySource":
        """The same for some of the pictures; rows: (n,) bool or positions."""
        return BySource(np.asarray(self.sources)[rows], self.seed, self.resamples)
