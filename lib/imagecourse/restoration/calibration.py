"""How much noise and blur is too much, and how strongly to act: what `calibrate` learnt from reference photographs.

`calibration.json` beside this module is made again by `imagecourse restore --calibrate sample -o calibration.json`.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imagecourse.files import read_json, write_json
from imagecourse.restoration.measures import SpectrumFit, edge_width, fit_spectrum

STORED = Path(__file__).with_name("calibration.json")
EDGE_NOISE = (10.0, 25.0)
"""Noise, removed again, in which edges are measured, in grey levels: removing more of it widens them more."""


@dataclass(frozen=True)
class Calibration:
    """What measured reference photographs say; grey levels for noise, pixels for blur.

    noise_levels, noise_readings: noise added to the references, and the median reading of `noise_by_plane` for it.
    noise_threshold: halfway between the noisiest reading without noise and the lowest with `FAINT_NOISE`.
    slope, slope_deviation: mean and standard deviation of the power-law fall of the references' spectra.
    blur_levels: blur added to the references; edge_widths, edge_widths_in_noise: the median `edge_width` for it, once
    noise of the one and the other strength of `EDGE_NOISE` is removed.
    blur_threshold: halfway between what 95 % of sharp and 95 % of blurred (`CLEAR_BLUR`) references read.
    shrinkage: for each noise level above zero, the DCT threshold in noise deviations with the best mean PSNR.
    regularisation: weight of the spectrum's prior in the inverse filter with the best mean PSNR, where there is hardly
    any noise and the filter comes first; regularisation_after: where noise has been removed before.
    """

    noise_levels: tuple[float, ...] = (0, 2, 5, 10, 15, 25, 50, 75)
    noise_readings: tuple[float, ...] = (0, 2, 5, 10, 15, 25, 50, 75)
    noise_threshold: float = 4.0
    slope: float = 2.5
    slope_deviation: float = 0.5
    blur_levels: tuple[float, ...] = (0, 0.8, 1.2, 1.6, 2.0, 3.0, 4.0)
    edge_widths: tuple[float, ...] = (0.6, 1.0, 1.3, 1.6, 1.9, 2.7, 3.6)
    edge_widths_in_noise: tuple[float, ...] = (0.7, 1.1, 1.4, 1.7, 2.0, 2.8, 3.7)
    blur_threshold: float = 0.9
    shrinkage: tuple[float, ...] = (2.7,) * 7
    regularisation: float = 0.3
    regularisation_after: float = 0.3

    @classmethod
    def load(cls, path: str | os.PathLike = STORED) -> "Calibration":
        """Read JSON written by `save`: the calibration stored in the package unless another is named."""
        try:
            values = read_json(path)
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: no calibration ({error}); make one with restore --calibrate") from error

    def save(self, path: str | os.PathLike) -> None:
        """Write JSON with four decimals."""
        write_json(path, {name: np.round(value, 4).tolist() for name, value in asdict(self).items()})

    def true_noise(self, reading: float) -> float:
        """The added noise that gives such a reading of `noise_by_plane` on the references, in grey levels."""
        return float(np.interp(reading, self.noise_readings, self.noise_levels))

    def measure_blur(self, image: np.ndarray, noise: float, denoised: np.ndarray | None = None) -> SpectrumFit:
        """Blur and power law of a picture; a picture without strong edges counts as sharp.

        Without noise the spectrum alone says how much blur. Noise hides most of the spectrum: then the sharpest edges
        of the denoised picture are a second witness with as many votes. Other pictures fool the one than the other.
        image, denoised: (h, w, 3) or (h, w) uint8, None where there was no noise to remove. noise: deviation of the
        luminance, in grey levels.
        """
        width = edge_width(image if denoised is None else denoised, noise)
        if width == 0:
            return fit_spectrum(image, noise, self.slope, self.slope_deviation, blur=0.0)
        spectrum = fit_spectrum(image, noise, self.slope, self.slope_deviation)
        if denoised is None:
            return spectrum
        blur = (spectrum.blur + self._edge_blur(width, noise)) / 2
        return fit_spectrum(image, noise, self.slope, self.slope_deviation, blur)

    def _edge_blur(self, width: float, noise: float) -> float:
        widths = self.edge_widths, self.edge_widths_in_noise
        return float(np.interp(noise, EDGE_NOISE, [np.interp(width, each, self.blur_levels) for each in widths]))

    def shrinkage_for(self, noise: float) -> float:
        """The DCT threshold for noise of this deviation, in noise deviations."""
        return float(np.interp(noise, self.noise_levels[1:], self.shrinkage))
