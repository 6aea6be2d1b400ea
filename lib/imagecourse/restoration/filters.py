"""Classic filters at fixed settings, the measures that judge them, and the damage they are judged on.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout.
"""

import warnings
from collections.abc import Callable

import cv2
import numpy as np
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.restoration import denoise_tv_chambolle, denoise_wavelet, estimate_sigma, richardson_lucy, wiener

Filter = Callable[[np.ndarray], np.ndarray]


def _keeping_pictures(filters: dict[str, Filter]) -> dict[str, Filter]:
    """The filters, each of which gives a picture back as it came where it would leave one tone of it."""

    def keeping(work: Filter) -> Filter:
        def filtered(image: np.ndarray) -> np.ndarray:
            result = work(image)
            return image.copy() if _one_tone(result) and not _one_tone(image) else result

        return filtered

    return {name: keeping(work) for name, work in filters.items()}


def _one_tone(image: np.ndarray) -> bool:
    return bool((image == image[:1, :1]).all())


SHARPEN_4 = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
"""The picture minus its Laplacian, from the four neighbours: sharpens, keeps the mean."""

SHARPEN_8 = np.array([[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]], np.float32)
"""The picture minus three times its Laplacian, from all eight neighbours: sharpens, keeps the mean."""


# --- damage -----------------------------------------------------------------------------------------------------


def add_gaussian_noise(image: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Add white Gaussian noise of deviation `sigma` grey levels; uint8 in, rounded and clipped uint8 out."""
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def add_gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian of deviation `sigma` pixels; uint8 in, uint8 out."""
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0 else image.copy()


# --- denoising --------------------------------------------------------------------------------------------------


def _non_local_means(luminance: float, colour: float) -> Filter:
    def denoise(image: np.ndarray) -> np.ndarray:
        if image.ndim == 2:
            return cv2.fastNlMeansDenoising(image, None, luminance, 7, 15)
        return cv2.fastNlMeansDenoisingColored(image, None, luminance, colour, 7, 15)

    return denoise


def _wavelet(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return _to_uint8(_wavelet_plane(image / 255))
    planes = np.moveaxis(rgb2ycbcr(image), 2, 0)
    return _to_uint8(ycbcr2rgb(np.stack([_wavelet_plane(plane) for plane in planes], axis=2)))


def _wavelet_plane(plane: np.ndarray) -> np.ndarray:
    sigma = _wavelet_sigma(plane)
    return denoise_wavelet(plane, sigma=sigma, method="BayesShrink") if sigma else plane


def _total_variation(image: np.ndarray) -> np.ndarray:
    return _to_uint8(denoise_tv_chambolle(image / 255, weight=0.1, channel_axis=2 if image.ndim == 3 else None))


def _to_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] to rounded and clipped uint8."""
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


DENOISERS: dict[str, Filter] = _keeping_pictures(
    {
        "nlm_weak": _non_local_means(3, 3),
        "nlm_medium": _non_local_means(5, 10),
        "nlm_strong": _non_local_means(10, 10),
        "bilateral": lambda image: cv2.bilateralFilter(image, 9, 75, 75),
        "wavelet": _wavelet,
        "total_variation": _total_variation,
        "median": lambda image: cv2.medianBlur(image, 3),
        "gaussian": lambda image: cv2.GaussianBlur(image, (0, 0), 1.0),
    }
)
"""Classic denoisers at fixed settings, uint8 image to uint8 image; what one would flatten to one tone stays as it is.

Non-local means (Buades, Coll and Morel 2005; luminance/colour strength 3/3, 5/10, 10/10, template 7, search 15),
bilateral (Tomasi and Manduchi 1998; 9 pixels, 75, 75), wavelet (BayesShrink: Chang, Yu and Vetterli 2000), total
variation (Chambolle 2004; weight 0.1), median (3 × 3), Gaussian (1 pixel).
"""


# --- sharpening -------------------------------------------------------------------------------------------------


def _unsharp_mask(image: np.ndarray) -> np.ndarray:
    return cv2.addWeighted(image, 2, cv2.GaussianBlur(image, (0, 0), 1.5), -1, 0)


def wiener_deconvolution(image: np.ndarray, width: float) -> np.ndarray:
    """Wiener-Hunt deconvolution (Orieux 2010, balance 0.05) of a Gaussian of deviation `width` pixels; uint8 both."""
    point_spread = _point_spread(width)
    return _deconvolved(image, lambda channel: wiener(channel, point_spread, balance=0.05))


def _richardson_lucy(image: np.ndarray) -> np.ndarray:
    point_spread = _point_spread(1.5)
    return _deconvolved(image, lambda channel: richardson_lucy(channel, point_spread, num_iter=15))


def _point_spread(width: float) -> np.ndarray:
    profile = cv2.getGaussianKernel(2 * round(2.6 * width) + 1, width)
    return profile @ profile.T


def _deconvolved(image: np.ndarray, deconvolve: Filter) -> np.ndarray:
    """Deconvolve each channel of [0, 1] on a mirrored border, so that no edge wraps round."""
    border, (height, width) = 16, image.shape[:2]
    framed = cv2.copyMakeBorder(image, *[border] * 4, cv2.BORDER_REFLECT).astype(np.float64) / 255
    channels = np.atleast_3d(framed)
    restored = np.stack([deconvolve(channels[..., number]) for number in range(channels.shape[2])], axis=2)
    return _to_uint8(restored[border : border + height, border : border + width].reshape(image.shape))


SHARPENERS: dict[str, Filter] = _keeping_pictures(
    {
        "laplacian_4": lambda image: cv2.filter2D(image, -1, SHARPEN_4),
        "laplacian_8": lambda image: cv2.filter2D(image, -1, SHARPEN_8),
        "unsharp_mask": _unsharp_mask,
        "richardson_lucy": _richardson_lucy,
        "wiener": lambda image: wiener_deconvolution(image, 1.5),
    }
)
"""Classic sharpeners at fixed settings, uint8 image to uint8 image; what one would flatten to one tone stays as it is.

Minus the Laplacian of 4 or 8 neighbours, unsharp mask (1.5 pixels, amount 1), and two deconvolutions of a Gaussian
point-spread function of 1.5 pixels: Richardson (1972) and Lucy (1974) in 15 steps, Wiener-Hunt with balance 0.05.
"""


# --- measures ---------------------------------------------------------------------------------------------------


def laplacian_variance(image: np.ndarray) -> float:
    """Variance of the Laplacian of the luminance, a measure of sharpness (Pech-Pacheco 2000) that noise also raises."""
    luminance = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(luminance, cv2.CV_64F).var())


def noise_sigma(image: np.ndarray) -> float:
    """Wavelet estimate of the noise deviation (Donoho and Johnstone 1994), mean of the channels; texture raises it.

    Zero without any fine diagonal detail, as in a chart whose edges run along the rows and columns, and for pictures
    under 4 pixels.
    """
    return float(np.mean([_wavelet_sigma(plane) for plane in np.moveaxis(np.atleast_3d(image), 2, 0)]))


def _wavelet_sigma(plane: np.ndarray) -> float:
    if min(plane.shape) < 4:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the median of no detail at all
        return float(np.nan_to_num(estimate_sigma(plane.astype(np.float64))))


def psnr(reference: np.ndarray, image: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB against a reference of the same shape; infinite when both are equal."""
    if np.array_equal(reference, image):
        return float("inf")
    return float(peak_signal_noise_ratio(reference, image, data_range=255))


def ssim(reference: np.ndarray, image: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) in [-1, 1], mean of the channels; at least 7 × 7 pixels."""
    axis = 2 if image.ndim == 3 else None
    return float(structural_similarity(reference, image, data_range=255, channel_axis=axis))
