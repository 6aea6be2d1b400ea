"""Fetching a data set of the catalogue: archives checked, unpacked safely, the folder complete or absent."""

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch

from imagecourse.datasets.catalogue import Archive, CatalogueEntry


def download_dataset(entry: CatalogueEntry, folder: Path) -> Path:
    """Download and unpack a data set into `folder`, which appears only when everything is there.

    Archives wait in a hidden folder beside it until the set is complete, so that an interrupted download goes on with
    the archives that are missing. Known hashes are checked.
    Raises: ValueError for a set without a public address or a damaged archive, FileExistsError when `folder` holds
    files, OSError when the address does not answer.
    """
    if not entry.downloads:
        raise ValueError(f"{entry.name}: has no public address; follow `imagecourse data show {entry.name}`")
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: exists already; name another folder with --to, or move it away")
    work = folder.parent / f".{folder.name}.download"
    archives = [_fetch(archive, work / "archives") for archive in entry.downloads]
    unpacked = work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    for archive, file in zip(entry.downloads, archives, strict=True):
        _unpack(file, unpacked, archive.subfolder)
    if folder.exists():
        folder.rmdir()
    unpacked.rename(folder)
    shutil.rmtree(work)
    return folder


def _fetch(archive: Archive, folder: Path) -> Path:
    name = PurePosixPath(urlsplit(archive.url).path).name
    fetcher = pooch.create(
        path=folder,
        base_url="",
        registry={name: f"sha256:{archive.sha256}" if archive.sha256 else None},
        urls={name: archive.url},
        retry_if_failed=1,
    )
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=60)
    return Path(fetcher.fetch(name, downloader=downloader))


def _unpack(file: Path, folder: Path, subfolder: str) -> None:
    """Unpack what lies under `subfolder` of a zip or tar file; links, devices and names that lead out are refused."""
    target = folder.parent / "opened" if subfolder else folder
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                archive.extractall(target)
        else:
            with tarfile.open(file) as archive:
                archive.extractall(target, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        file.unlink()
        raise ValueError(f"{file.name}: cannot be unpacked ({error}); run the command again") from error
    if subfolder:
        _move_up(target, subfolder, folder)


def _move_up(opened: Path, subfolder: str, folder: Path) -> None:
    for path in (opened / subfolder).iterdir():
        path.rename(folder / path.name)
    shutil.rmtree(opened)
