"""`imagecourse explain`: what a model looks at in a picture, as a figure."""

import argparse
import os
import sys
from pathlib import Path

from imagecourse.commands import add_command

SEED = 42
SHOWN_SIDE = 480


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "explain",
        "Draw what a model looks at in a picture, for the label it gives or for others.",
        "imagecourse explain -i picture.jpg -m photo-filter --method gradcam --label Photo,Painting -o figure.png",
        _explain,
    )
    command.epilog += (
        "\n\nThe figure has a row for each label, with the picture first. Methods: gradcam (the default),"
        "\ngradcam_plus_plus, scorecam, gradient, gradient_times_input, smoothgrad, integrated_gradients,"
        "\nguided_backpropagation, occlusion, rise. Chapter 05 tells which of them to trust."
    )
    command.add_argument("-i", dest="input", required=True, metavar="IMAGE", help="an image file")
    command.add_argument("-m", dest="model", metavar="MODEL", help="as for `imagecourse predict`")
    command.add_argument("--method", default="gradcam", metavar="NAME", help="see below (default: gradcam)")
    command.add_argument(
        "--all",
        action="store_true",
        help="all methods side by side instead of one; takes a minute or two for each label",
    )
    command.add_argument(
        "--label",
        dest="labels",
        action="append",
        metavar="NAME",
        help="what to explain, several with commas or repeated (default: the most probable, or each answer of several)",
    )
    command.add_argument("-o", dest="output", type=Path, required=True, metavar="FIGURE.png", help="where it goes")


def _explain(options: argparse.Namespace) -> int:
    from imagecourse.images import ImageReadError, read_image

    if options.output.suffix.lower() != ".png":
        raise ValueError(f"{options.output}: no such format for a figure; let the name end in .png")
    if Path(options.input).is_dir():
        raise ValueError(f"{options.input}: is a folder; name one image in it")
    if os.path.realpath(options.output) == os.path.realpath(options.input):
        raise ValueError(f"{options.output}: is the input; name another file for the figure")
    try:
        image = read_image(options.input)
    except ImageReadError as error:
        print(error, file=sys.stderr)
        return 1
    _draw(options, image)
    print(options.output)
    return 0


def _draw(options: argparse.Namespace, image) -> None:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    import matplotlib

    matplotlib.use("Agg")
    from imagecourse.explain import METHODS, examine
    from imagecourse.explain.figures import label_sheet
    from imagecourse.files import atomic_path
    from imagecourse.images import squeeze
    from imagecourse.networks import bundles, model_files, predict

    if options.method not in METHODS:
        raise ValueError(f"--method {options.method}: no such method; choose one of {', '.join(METHODS)}")
    bundle = bundles.load_bundle(options.model or model_files.default_model())
    images = squeeze(image, *predict.input_size(bundle))[None]
    classes = bundle.card.get("answers", {}) if bundles.answers_by_name(bundle.model) else bundle.labels
    network = examine(bundle.model, classes)
    texts, predicted = _answers(network, images)
    labels = _wanted(options.labels, list(texts)) or predicted
    maps = _maps(network, images, labels, list(METHODS) if options.all else [options.method])
    height, width = (round(side * min(1, SHOWN_SIDE / max(image.shape[:2]))) for side in image.shape[:2])
    figure = label_sheet(squeeze(image, height, width), maps, {label: texts[label] for label in labels})
    with atomic_path(options.output) as temporary:
        figure.savefig(temporary, format="png", dpi=120, bbox_inches="tight", metadata={"Software": None})


def _answers(network, images) -> tuple[dict[str, str], list[str]]:
    """What a network says of a picture, as text for each label and each output that is a number; what is predicted."""
    from imagecourse.explain import predictions

    texts, predicted = {}, []
    for name, head in network.heads.items():
        [answers] = predictions(network, images, name)
        if not head.labels:
            texts[name] = f"{name} {answers[0]:.0f}"
            predicted += [] if name.endswith(("_low", "_high")) else [name]
            continue
        texts |= {label: f"{label} {answer:.0%}" for label, answer in zip(head.labels, answers, strict=True)}
        predicted.append(head.labels[answers.argmax()])
    return texts, predicted


def _wanted(options: list[str] | None, known: list[str]) -> list[str]:
    """The labels of texts such as "cat,dog"; a label that has commas itself is one."""
    labels = []
    for text in options or []:
        parts = text.split(",")
        while parts:
            heads = [",".join(parts[:count]).strip() for count in range(len(parts), 0, -1)]
            label = next((head for head in heads if head in known), None)
            if label is None:
                raise ValueError(f"--label {heads[-1]!r}: no such label; choose from {', '.join(known)}")
            labels.append(label)
            parts = parts[len(parts) - heads.index(label) :]
    return list(dict.fromkeys(labels))


def _maps(network, images, labels: list[str], methods: list[str]) -> dict:
    """Label -> title of the method -> (h, w) map."""
    from tqdm import tqdm

    from imagecourse.explain import METHODS, explain

    maps = {label: {} for label in labels}
    pairs = [(label, name) for label in labels for name in methods]
    for label, name in tqdm(pairs, desc="explaining", unit="map", disable=None):
        maps[label][METHODS[name].title] = explain(name, network, images, label, SEED).maps[0]
    return maps
