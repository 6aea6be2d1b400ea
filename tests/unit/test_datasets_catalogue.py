import io
import tarfile
import threading
import zipfile
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imagecourse.datasets import read_dataset
from imagecourse.datasets.catalogue import (
    Archive,
    CatalogueEntry,
    catalogue_markdown,
    describe,
    find_entry,
    load_catalogue,
)
from imagecourse.datasets.download import download_dataset
from imagecourse.datasets.stored import available_features, load_features
from imagecourse.images import read_image, write_image
from imagecourse.samples import packaged_photographs, sample_photographs

NAMES = ["sample", "characters", "photos", "documents", "restoration", "dogs", "faces", "flickr8k"]


def test_every_set_is_described_and_can_be_got():
    catalogue = load_catalogue()
    assert list(catalogue) == NAMES
    for entry in catalogue.values():
        assert all((entry.description, entry.homepage, entry.licence, entry.citation, entry.size, entry.layout))
        assert bool(entry.downloads) != bool(entry.steps)
        assert all(archive.url.startswith("http") for archive in entry.downloads)
        assert all(len(archive.sha256) in (0, 64) for archive in entry.downloads)
        for field in (entry.title, entry.licence, entry.citation):
            assert field in describe(entry)


def test_the_page_in_data_is_the_catalogue():
    page = Path(__file__).parents[2] / "data/README.md"
    text = catalogue_markdown({name: load_features(name) for name in available_features()})
    assert page.read_text(encoding="utf-8") == text
    assert all(f"## {name}\n" in text for name in NAMES)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="cats: no such data set; choose one of sample, characters"):
        find_entry("cats")


def test_sample_photographs_are_real_files_in_colour_but_one():
    photographs = sample_photographs()
    assert len(photographs) == 9
    for name, path in photographs.items():
        image = read_image(path)
        assert image.shape[0] * image.shape[1] > 100_000
        assert (image[..., 0] == image[..., 1]).all() == (name == "camera")


def test_all_photographs_in_the_packages_are_there_once():
    photographs = packaged_photographs()
    assert len(photographs) == 19 and set(sample_photographs()) < set(photographs)
    assert all(pixels.dtype == "uint8" and pixels.shape[2] == 3 for pixels in photographs.values())
    grey = {name for name, pixels in photographs.items() if (pixels[..., 0] == pixels[..., 1]).all()}
    assert grey == {"camera", "coins", "brick", "grass", "gravel", "moon", "stairs", "fields"}


class CountingHandler(SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    """A web server on this machine over tmp_path/www; `requests` lists what was asked for."""
    (tmp_path / "www").mkdir()
    handler = partial(CountingHandler, directory=tmp_path / "www")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.requests = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def an_image(tmp_path: Path) -> bytes:
    write_image(tmp_path / "pixel.png", read_image(sample_photographs()["cat"])[:8, :8])
    return (tmp_path / "pixel.png").read_bytes()


def a_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def a_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def an_entry(server, *archives: tuple) -> CatalogueEntry:
    address = f"http://127.0.0.1:{server.server_address[1]}"
    downloads = tuple(Archive(f"{address}/{name}", *rest) for name, *rest in archives)
    return CatalogueEntry("toy", *["text"] * 7, downloads=downloads)


def test_archives_are_fetched_checked_unpacked_and_put_together(server, tmp_path):
    image = an_image(tmp_path)
    first, second = a_zip({"x/cats/1.png": image, "other/2.png": image}), a_tar({"dogs/2.png": image})
    (tmp_path / "www/first.zip").write_bytes(first)
    (tmp_path / "www/second.tgz").write_bytes(second)
    entry = an_entry(server, ("first.zip", sha256(first).hexdigest(), "x"), ("second.tgz",))
    folder = download_dataset(entry, tmp_path / "data/toy")
    assert folder == tmp_path / "data/toy"
    assert read_dataset(folder).classes == ["cats", "dogs"]
    assert not (folder / "other").exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["toy"]
    with pytest.raises(FileExistsError, match="exists already"):
        download_dataset(entry, folder)


def test_an_interrupted_download_goes_on_with_what_is_missing(server, tmp_path):
    image = an_image(tmp_path)
    (tmp_path / "www/first.zip").write_bytes(a_zip({"cats/1.png": image}))
    entry = an_entry(server, ("first.zip",), ("second.zip",))
    with pytest.raises(OSError, match="404"):
        download_dataset(entry, tmp_path / "toy")
    assert not (tmp_path / "toy").exists()
    (tmp_path / "www/second.zip").write_bytes(a_zip({"dogs/2.png": image}))
    download_dataset(entry, tmp_path / "toy")
    assert read_dataset(tmp_path / "toy").classes == ["cats", "dogs"]
    assert server.requests.count("/first.zip") == 1


def test_a_wrong_hash_and_a_damaged_archive_leave_no_folder(server, tmp_path):
    (tmp_path / "www/first.zip").write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match="hash"):
        download_dataset(an_entry(server, ("first.zip", "0" * 64)), tmp_path / "toy")
    with pytest.raises(ValueError, match=r"first\.zip: cannot be unpacked"):
        download_dataset(an_entry(server, ("first.zip",)), tmp_path / "toy")
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize("pack", [a_zip, a_tar])
def test_no_member_is_written_outside_of_the_folder(server, tmp_path, pack):
    (tmp_path / "www/evil").write_bytes(pack({"../../evil.txt": b"x", "cats/1.png": an_image(tmp_path)}))
    try:
        download_dataset(an_entry(server, ("evil",)), tmp_path / "data/toy")
    except ValueError as error:
        assert "outside" in str(error)
    inside = [path for path in tmp_path.rglob("evil.txt") if not path.is_relative_to(tmp_path / "data/toy")]
    assert inside == []


def test_a_set_by_hand_is_not_downloaded(tmp_path):
    with pytest.raises(ValueError, match="faces: has no public address; follow `imagecourse data show faces`"):
        download_dataset(find_entry("faces"), tmp_path / "faces")
