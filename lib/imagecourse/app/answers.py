"""What happens behind the buttons: files in, plain values out; whatever is wrong with a file becomes one sentence."""

from collections.abc import Callable
from functools import cache, wraps

import gradio as gr
import numpy as np

from imagecourse.captioning.captioner import Captioner, load_captioner
from imagecourse.explain import examine, explain, predictions
from imagecourse.explain.figures import display_map
from imagecourse.images import read_image, squeeze
from imagecourse.networks.bundles import Bundle, is_multi_label, load_bundle
from imagecourse.networks.predict import input_size, predict_files
from imagecourse.restoration.choice import restore_by

SEED = 42
LARGEST_SIDE = 2000
RESTORATION_LIMITS = "Made for photographs with noise and blur. It knows nothing of scratches, stains or faded colours."
EXPLANATION_LIMITS = (
    "A map tells what the answer depends on, not whether it is right. Chapter 05 tests which methods tell the truth."
)


def in_words(function: Callable) -> Callable:
    """Errors of a handler as sentences on the page."""

    @wraps(function)
    def handler(path: str | None, *options):
        if path is None:
            raise _shown("Choose a picture first.")
        try:
            return function(path, *options)
        except (ValueError, OSError) as error:
            raise _shown(str(error).removeprefix(f"{path}: ")) from error

    return handler


def _shown(sentence: str) -> gr.Error:
    return gr.Error(sentence[:1].upper() + sentence[1:], duration=None, print_exception=False)


@cache
def bundle(name: str) -> Bundle:
    """A model, loaded once."""
    return load_bundle(name)


@in_words
def classify(path: str, model: str) -> tuple[dict[str, float], str]:
    """Probability of each class, and the model's limits."""
    [table] = predict_files(bundle(model), [path])
    [row] = table.to_dict("records")
    if row["error"]:
        raise ValueError(row["error"])
    return {label: float(row[label]) for label in bundle(model).labels}, limits(model)


def limits(model: str) -> str:
    """What the card says of a model's worth, in words."""
    found, card = bundle(model), bundle(model).card
    each = "each of" if is_multi_label(found.model) else "one of"
    classes = ", ".join(found.labels) if len(found.labels) <= 12 else f"{len(found.labels)} classes"
    sentences = [f"It knows nothing but {classes}, and answers {each} these whatever you show it."]
    metrics = card.get("metrics", {})
    if "accuracy" in metrics:
        seen = f"{metrics['images']} pictures that it had not seen"
        sentences.append(f"On {seen} it was right in {metrics['accuracy']:.0%}.")
    sentences.append(card.get("note", ""))
    origin = f"Trained on {card.get('data', 'pictures not named')}; {card.get('data_licence', 'terms not known')}."
    return f"{' '.join(sentences)}\n\n{origin}"


@cache
def captioner(name: str) -> Captioner:
    """A network that writes captions, loaded once."""
    return load_captioner(name)


@in_words
def captioned(path: str, model: str, beam: float = 3) -> tuple[str, str]:
    """A caption of the picture, and the model's limits."""
    [caption], _ = captioner(model).describe([read_image(path)], int(beam))
    return caption, caption_limits(model)


def caption_limits(model: str) -> str:
    """What the card of a captioner says of its worth, in words."""
    card = captioner(model).card
    metrics = card["metrics"]
    return (
        f"It knows {card['words']} words and writes a sentence whatever you show it, with numbers, colours and people "
        f"that may be wrong. On {metrics['images']} pictures that it had not seen: BLEU-4 {metrics['bleu_4']:.2f}, "
        f"CIDEr {metrics['cider']:.2f}. Chapter 07 tells what these scores do not see.\n\n"
        f"Trained on {card['data']}; {card['data_licence']}."
    )


@in_words
def restored(path: str, method: str) -> tuple[np.ndarray, str]:
    """The picture after `restoration.choice.restore_by`, and what was done to it."""
    image = read_image(path)
    if max(image.shape[:2]) > LARGEST_SIDE:
        raise ValueError(f"the page takes pictures of up to {LARGEST_SIDE} pixels a side; use imagecourse restore")
    result = restore_by(image, method)
    return result.image, f"{result.explanation}\n\n{RESTORATION_LIMITS}"


@in_words
def explained(path: str, model: str, method: str, label: str = "") -> np.ndarray:
    """The picture under a map of what speaks for a label: (h, w, 3) uint8."""
    found = bundle(model)
    if label and label not in found.labels:
        raise ValueError(f"{label}: no such label; choose from {', '.join(found.labels)}")
    image = read_image(path)
    images = squeeze(image, *input_size(found))[None]
    network = examine(found.model, found.labels)
    target = label or found.labels[int(predictions(network, images)[0].argmax())]
    [heat_map] = explain(method, network, images, target, SEED).maps
    return overlaid(image, heat_map)


def overlaid(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """A map in colour over its picture in grey, in the picture's shape; heat_map: (h, w) in [0, 1]."""
    import matplotlib

    height, width = (round(side * min(1, 640 / max(image.shape[:2]))) for side in image.shape[:2])
    grey = squeeze(image, height, width).mean(axis=2, keepdims=True) / 255
    small = squeeze(np.repeat((255 * display_map(heat_map)).astype(np.uint8)[..., None], 3, axis=2), height, width)
    values = small[..., :1] / 255
    colours = matplotlib.colormaps["inferno"](values[..., 0])[..., :3]
    opacity = 0.35 + 0.5 * values
    return np.round(255 * (opacity * colours + (1 - opacity) * grey)).astype(np.uint8)
