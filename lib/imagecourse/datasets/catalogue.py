"""The catalogue of data sets: what each is, whose it is, and where to get it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from imagecourse.datasets.stored import StoredFeatures

FIELDS = ("description", "homepage", "licence", "citation", "size", "layout")


@dataclass(frozen=True)
class Archive:
    """One file to download: `sha256` is empty when not known, `subfolder` the part of the archive to keep."""

    url: str
    sha256: str = ""
    subfolder: str = ""


@dataclass(frozen=True)
class CatalogueEntry:
    """One data set; `downloads` is empty when it must be fetched by hand, as `steps` says."""

    name: str
    title: str
    description: str
    homepage: str
    licence: str
    citation: str
    size: str
    layout: str
    downloads: tuple[Archive, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def access(self) -> str:
        """How a user gets it: `included`, `download` or `by hand`."""
        if self.name == "sample":
            return "included"
        return "download" if self.downloads else "by hand"


def load_catalogue() -> dict[str, CatalogueEntry]:
    """All data sets of catalogue.toml by name, in its order."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _entry(name, fields) for name, fields in tomllib.loads(text).items()}


def find_entry(name: str) -> CatalogueEntry:
    """The data set of that name. Raises: ValueError that lists the names there are."""
    catalogue = load_catalogue()
    if name not in catalogue:
        raise ValueError(f"{name}: no such data set; choose one of {', '.join(catalogue)}")
    return catalogue[name]


def describe(entry: CatalogueEntry) -> str:
    """The entry as lines of text for a terminal."""
    lines = [f"{entry.name}: {entry.title}", ""]
    lines += [f"{field:12} {getattr(entry, field)}" for field in FIELDS]
    lines += ["", f"How to get it: {entry.access}"]
    lines += [f"  {archive.url}" + _hash_note(archive) for archive in entry.downloads]
    return "\n".join(lines + numbered_steps(entry))


def numbered_steps(entry: CatalogueEntry) -> list[str]:
    """The steps by hand, one line each."""
    return [f"  {number}. {step}" for number, step in enumerate(entry.steps, 1)]


def catalogue_markdown(stored: Mapping[str, StoredFeatures]) -> str:
    """The whole catalogue as the text of data/README.md; stored: the files of features there are, by name."""
    sections = [_markdown_section(entry) for entry in load_catalogue().values()]
    return (
        _HEADING
        + "\n\n".join([*sections, _FEATURES + "\n".join(_features_row(*item) for item in stored.items())])
        + "\n"
    )


_HEADING = """# Data

The sets that the chapters use. The repository holds none of their files; downloads land in this folder and git ignores
them. `imagecourse data list` prints this list, `data download NAME` fetches a set that has a public address,
`data check PATH` says what a folder holds. Every command that trains or tests takes such a folder as `--data PATH`.

This page is made by `imagecourse data list --markdown` from `lib/imagecourse/datasets/catalogue.toml`; change that
file, not this one.

"""

_FEATURES = """## features

**What a frozen network saw in the real pictures** – One file for each set and network below `features/`: 1,280 numbers
a picture, its label, its split and its file name. No picture can be made from them again; chapters train on them what
they could not train without the pictures. Unreadable files and copies across splits are left out, as in every training.
They are under the terms of the set that they come from.

| file | set | network | pictures | classes | made by |
|---|---|---|---|---|---|
"""


def _markdown_section(entry: CatalogueEntry) -> str:
    lines = [f"## {entry.name}", "", f"**{entry.title}** – {entry.description}", ""]
    lines += [f"- {field.capitalize()}: {getattr(entry, field)}" for field in FIELDS[1:]]
    if entry.downloads:
        lines += [f"- Get it: `imagecourse data download {entry.name}`, which fetches"]
        lines += [f"  - <{archive.url}>{_hash_note(archive)}" for archive in entry.downloads]
    else:
        lines += ["- Get it:", *numbered_steps(entry)]
    return "\n".join(lines)


def _features_row(name: str, stored: StoredFeatures) -> str:
    fewest = f" --min-images {stored.min_images}" if stored.min_images > 1 else ""
    command = f"`imagecourse data features PATH --backbone {stored.backbone}{fewest} -o data/features/{name}.npz`"
    counts = f"{len(stored.table)} | {len(stored.classes)}"
    return f"| {name} | {stored.data} | {stored.backbone} | {counts} | {command} |"


def _hash_note(archive: Archive) -> str:
    return f" (sha256 {archive.sha256})" if archive.sha256 else ""


def _entry(name: str, fields: dict) -> CatalogueEntry:
    downloads = tuple(Archive(**archive) for archive in fields.pop("downloads", ()))
    steps = tuple(fields.pop("steps", ()))
    return CatalogueEntry(name=name, downloads=downloads, steps=steps, **fields)
