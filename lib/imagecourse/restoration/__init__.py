"""Noise and blur: damage, classic filters, measures, and the automatic compromise for one image and for folders."""

from imagecourse.restoration.automatic import Restoration, restore
from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.filters import (
    DENOISERS,
    SHARPEN_4,
    SHARPEN_8,
    SHARPENERS,
    add_gaussian_blur,
    add_gaussian_noise,
    laplacian_variance,
    noise_sigma,
    psnr,
    ssim,
    wiener_deconvolution,
)
from imagecourse.restoration.folders import restore_folder
