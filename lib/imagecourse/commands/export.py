"""`imagecourse export`: a model for other programs, with a certificate."""

from pathlib import Path

from imagecourse.commands import add_command

KINDS = ("onnx", "litert", "saved_model", "html")


def add(commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "export",
        "Write a model for other programs, and measure whether it still gives the same answers.",
        "imagecourse export photo-filter --to html -o photo-filter.html --data data/photos",
        _export,
    )
    command.epilog += (
        "\n\nonnx and litert are files for ONNX Runtime and LiteRT, saved_model is a folder for TensorFlow, and html is"
        "\na page with the network inside, which classifies pictures in a browser without a network. Beside it lies"
        "\nNAME.certificate.json: size, speed, largest difference of an answer, and with --data the accuracy before"
        "\nand after."
    )
    command.add_argument("model", metavar="MODEL", help="folder below models/, or a path")
    command.add_argument("--to", required=True, choices=KINDS, help="the format")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="PATH", help="a new file or folder")
    command.add_argument("--int8", action="store_true", help="numbers of 8 bits, a quarter of the size; needs --data")
    command.add_argument("--data", type=Path, metavar="DIR", help="labelled pictures to measure on, in any layout")


def _export(options) -> int:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from imagecourse.networks.bundles import load_bundle
    from imagecourse.recipes.exporting import export_model

    bundle = load_bundle(options.model)
    print(export_model(bundle, options.to, options.output, options.int8, options.data))
    print(options.output)
    return 0
