"""`imagecourse data`: data sets listed, got, checked and built."""

import contextlib
import io
import sys
from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.values import positive

BACKBONES = "backbones"


def add(commands) -> None:
    """Declare the command."""
    about = "Data sets: list them, get them, look into a folder, build one of your own."
    data = add_command(commands, "data", about, "imagecourse data check data/photos", None)
    actions = data.add_subparsers(required=True, metavar="ACTION")
    sets = add_command(actions, "list", "Name the data sets of the course.", "imagecourse data list", _list_data)
    sets.add_argument("--markdown", action="store_true", help="print the page data/README.md")
    about = "What a data set is, whose it is, and how to get it."
    add_command(actions, "show", about, "imagecourse data show dogs", _show_data).add_argument("name", metavar="NAME")

    about = "Download and unpack a data set, or say how to get it by hand (and exit with 1)."
    download = add_command(actions, "download", about, "imagecourse data download dogs --to data/dogs", _download_data)
    download.add_argument(
        "name", metavar="NAME", help="a data set, or backbones: the pretrained networks of keras.applications"
    )
    download.add_argument("--to", type=Path, metavar="DIR", help="where it goes (default: data/NAME)")

    _add_looks(actions)
    _add_writers(actions)


def _add_looks(actions) -> None:
    about = "What a folder of images holds: layout, classes, splits, sizes, unreadable files, duplicates."
    check = add_command(actions, "check", about, "imagecourse data check data/photos", _check_data)
    check.add_argument("path", type=Path, metavar="PATH", help="a folder in any layout of `imagecourse data list`")

    about = "Which labels are probably wrong, which pictures are odd, which are copies: a page to decide on."
    audit = add_command(actions, "audit", about, "imagecourse data audit my_pictures -o my_audit", _audit_data)
    audit.add_argument("path", type=Path, metavar="PATH", help="a folder with classes, in any layout; only read")
    audit.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="a new folder for audit.html and audit.csv"
    )
    audit.add_argument("--backbone", default="efficientnet_lite0", metavar="NAME", help="default: efficientnet_lite0")


def _add_writers(actions) -> None:
    about = "Make a clean data set with train and validation folders from a folder of class folders."
    build = add_command(actions, "build", about, "imagecourse data build my_pictures data/mine", _build_data)
    build.add_argument("source", type=Path, metavar="SOURCE", help="one sub-folder of images per class; only read")
    build.add_argument("destination", type=Path, metavar="DEST", help="a new folder; its report.csv lists every file")
    build.add_argument(
        "--decisions", type=Path, metavar="FILE", help="decisions.csv of an audit: what is wrong or moves"
    )

    about = "Keep what a frozen network sees in a data set in one file, without its pictures."
    example = "imagecourse data features data/dogs --backbone efficientnet_lite2 -o data/features/dogs.npz"
    features = add_command(actions, "features", about, example, _keep_features)
    features.add_argument("path", type=Path, metavar="PATH", help="a folder with classes, in any layout")
    features.add_argument(
        "--backbone", default="efficientnet_lite0", metavar="NAME", help="default: efficientnet_lite0"
    )
    features.add_argument(
        "--min-images", type=positive, default=1, metavar="N", help="only classes with N training pictures"
    )
    features.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.npz", help="where it goes")


def _list_data(options) -> int:
    from imagecourse.datasets.catalogue import catalogue_markdown, load_catalogue

    if options.markdown:
        from imagecourse.datasets.stored import available_features, load_features

        print(catalogue_markdown({name: load_features(name) for name in available_features()}), end="")
        return 0
    for entry in load_catalogue().values():
        print(f"{entry.name:12} {entry.access:9} {entry.title} ({entry.size})")
        print(f"{'':22} {entry.layout}")
    print(f"{BACKBONES:12} {'download':9} Weights of the pretrained networks of keras.applications (no data set)")
    return 0


def _show_data(options) -> int:
    from imagecourse.datasets.catalogue import describe, find_entry

    print(describe(find_entry(options.name)))
    return 0


def _download_data(options) -> int:
    if options.name == BACKBONES:
        return _download_backbones(options)
    from imagecourse.datasets.catalogue import describe, find_entry
    from imagecourse.datasets.download import download_dataset

    entry = find_entry(options.name)
    if entry.access == "included":
        print(f"{entry.name}: nothing needs downloading, it comes with the installed packages")
        return 0
    if entry.access == "by hand":
        print(describe(entry))
        print(f"imagecourse: {entry.name} has no public address; get it by the steps above", file=sys.stderr)
        return 1
    print(f"licence: {entry.licence}", file=sys.stderr)
    try:
        print(download_dataset(entry, options.to or Path("data", entry.name)))
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        print(f"imagecourse: {entry.name} was not downloaded: {error}", file=sys.stderr)
        print(f"imagecourse: try again later, or look at {entry.homepage}", file=sys.stderr)
        return 1
    return 0


def _download_backbones(options) -> int:
    """Those that fail are named, the others are kept."""
    if options.to is not None:
        raise ValueError("--to: pretrained weights go to Keras' cache; set KERAS_HOME for another folder")
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from imagecourse.networks.backbones import APPLICATIONS, BackboneUnavailableError, backbone

    failed = False
    progress = sys.stderr if sys.stderr.isatty() else io.StringIO()  # Keras draws its bars on stdout
    for name in APPLICATIONS:
        try:
            with contextlib.redirect_stdout(progress):
                parameters = backbone(name).count_params()
            print(f"{name}: ready, {parameters:,} parameters")
        except (BackboneUnavailableError, ValueError) as error:
            print(f"imagecourse: {error}", file=sys.stderr)
            failed = True
    return int(failed)


def _check_data(options) -> int:
    from imagecourse.datasets.check import check_dataset, check_report
    from imagecourse.datasets.table import name_faults

    check = check_dataset(options.path)
    print(check_report(check))
    return 1 if check.unreadable or name_faults(check.dataset) else 0


def _build_data(options) -> int:
    from imagecourse.datasets.build import build_dataset
    from imagecourse.images.errors import on_one_line

    build = build_dataset(options.source, options.destination, decisions=options.decisions)
    print(f"{len(build.table) - len(build.left_out)} images written to {build.destination}")
    for row in build.left_out.itertuples():
        print(f"left out: {on_one_line(row.file)}: {on_one_line(row.reason)}")
    for warning in build.warnings:
        print(f"imagecourse: {warning}", file=sys.stderr)
    return 1 if (build.table["outcome"] == "unreadable").any() else 0


def _keep_features(options) -> int:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    if options.output.suffix != ".npz":
        raise ValueError(f"{options.output}: no such format; let the name end in .npz")
    import_tensorflow_quietly()
    from imagecourse.recipes.features import keep_features

    stored = keep_features(options.path, options.backbone, options.min_images)
    from imagecourse.datasets.stored import save_features

    save_features(options.output, stored)
    print(f"{options.output}: {len(stored.table)} pictures, {len(stored.classes)} classes")
    return 0


def _audit_data(options) -> int:
    from imagecourse.commands.quiet import import_tensorflow_quietly

    if options.output.exists() and any(options.output.iterdir()):
        raise FileExistsError(f"{options.output}: is already there and not empty; name another folder")
    import_tensorflow_quietly()
    from imagecourse.recipes.audit import audit_dataset, save_audit

    audit = audit_dataset(options.path, options.backbone)
    found = f"{len(audit.doubted)} labels in doubt, {len(audit.odd)} odd, {len(audit.copied)} with copies across"
    print(f"{len(audit.table)} pictures: {found}; {audit.unreadable} unreadable")
    print(save_audit(audit, options.output))
    return 1 if audit.unreadable else 0
