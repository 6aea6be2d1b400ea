import csv
import io
import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from imagecourse.cli import main
from imagecourse.images import read_image
from imagecourse.restoration import add_gaussian_noise, folders, psnr, restore_folder
from imagecourse.restoration.calibration import Calibration
from imagecourse.samples import reference_photographs, sample_photographs


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return np.ascontiguousarray(reference_photographs()["coffee"][100:220, 200:340])


@pytest.fixture(scope="module")
def noisy(clean) -> np.ndarray:
    return add_gaussian_noise(clean, 20, seed=0)


@pytest.fixture
def run_in_this_process(monkeypatch):
    """Workers that need no start: what is tested here is the folder run, not joblib."""
    monkeypatch.setattr("imagecourse.files.os.cpu_count", lambda: 1)


def encoded(image: np.ndarray, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def bomb_header() -> bytes:
    """A PNG that claims a billion pixels in a few bytes."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def write_bad_files(folder: Path, image: np.ndarray) -> set[str]:
    jpeg, png, webp = encoded(image, "JPEG"), encoded(image, "PNG"), encoded(image, "WEBP")
    contents = {
        "empty.jpg": b"",
        "zero.gif": b"",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": png[: len(png) // 2],
        "text.jpg": b"not an image at all",
        "png_inside.jpg": png,
        "bomb.png": bomb_header(),
        "random.tif": np.random.default_rng(0).bytes(4000),
        "corrupt.webp": webp[:12] + bytes(len(webp) - 12),
        "broken.bmp": encoded(image, "BMP")[:500],
        "header_only.tiff": b"II*\0" + bytes(8),
        "script.png": b"<html></html>",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    tifffile.imwrite(folder / "float.tif", image.astype(np.float32), photometric="rgb")
    (folder / "folder.png").mkdir()
    return {*contents, "float.tif"}


def write_good_files(folder: Path, image: np.ndarray) -> set[str]:
    picture = Image.fromarray(image)
    (folder / "sub").mkdir()
    picture.save(folder / "sub" / "plain.png")
    picture.save(folder / "UPPER.JPG", "JPEG", quality=95)
    picture.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.fromarray(np.uint16(image[..., 0]) * 257).save(folder / "deep.png")
    tifffile.imwrite(folder / "deep_colour.tif", np.uint16(image) * 257, photometric="rgb")
    picture.quantize(256).save(folder / "palette.png")
    rotation = Image.Exif()
    rotation[0x0112] = 6
    picture.save(folder / "rotated.jpg", exif=rotation, quality=95)
    frames = [picture.convert("L"), picture.convert("L").transpose(Image.Transpose.ROTATE_180)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    picture.save(folder / "picture.webp", lossless=True)
    picture.save(folder / "picture.bmp")
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_with_bad_files_does_the_good_and_names_the_bad(tmp_path, noisy, clean, capsys):
    source, destination = tmp_path / "scans", tmp_path / "restored"
    source.mkdir()
    good = write_good_files(source, noisy)
    bad = write_bad_files(source, noisy)
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}

    assert main(["restore", "-i", str(source), "-o", str(destination)]) == 1

    output, notes = capsys.readouterr()
    lines = [line for line in notes.splitlines() if line.startswith("imagecourse: ")]
    assert len(lines) == len(bad) >= 12
    for name in bad:
        assert sum(str(source / name) in line and ";" in line for line in lines) == 1, name
    assert output.strip().splitlines() == [
        f"{len(good | bad)} files: {len(good)} restored, 0 untouched, 0 kept, {len(bad)} failed; "
        f"details in {destination / 'restoration.csv'}"
    ]
    with open(destination / "restoration.csv", newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows.keys() == good | bad
    assert {name for name, row in rows.items() if row["status"] == "failed"} == bad
    written = {path.relative_to(destination).as_posix() for path in destination.rglob("*") if path.is_file()}
    assert written == {rows[name]["output"] for name in good} | {"restoration.csv", ".restoration.jsonl"}
    assert rows["moving.gif"]["output"] == "moving.gif.png"
    assert psnr(clean, read_image(destination / "sub" / "plain.png")) > psnr(clean, noisy) + 4
    assert read_image(destination / "rotated.jpg").shape == (noisy.shape[1], noisy.shape[0], 3)
    assert before == {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}


def test_untouched_files_are_copied_byte_for_byte(tmp_path, clean, run_in_this_process):
    picture = tmp_path / "holiday.png"
    Image.fromarray(clean).save(picture, pnginfo=None, optimize=True)
    table = restore_folder(picture, tmp_path / "out")
    assert list(table["status"]) == ["untouched"] and list(table["steps"]) == [""]
    assert (tmp_path / "out" / "holiday.png").read_bytes() == picture.read_bytes()
    assert "untouched" in table["explanation"][0]


def test_finished_files_are_kept_until_input_or_method_changes(tmp_path, noisy, run_in_this_process):
    source, destination = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("page2.png", "page10.png"):
        Image.fromarray(noisy).save(source / name)
    first = restore_folder(source, destination)
    assert list(first["file"]) == ["page2.png", "page10.png"] and set(first["status"]) == {"restored"}
    again = restore_folder(source, destination)
    assert set(again["status"]) == {"kept"}
    columns = ["file", "output", "noise", "blur", "steps", "explanation"]
    assert again[columns].equals(first[columns])

    Image.fromarray(noisy[:100]).save(source / "page2.png")
    assert list(restore_folder(source, destination)["status"]) == ["restored", "kept"]
    (destination / "page10.png").unlink()
    assert list(restore_folder(source, destination)["status"]) == ["kept", "restored"]
    other = restore_folder(source, destination, "median")
    assert set(other["status"]) == {"restored"} and set(other["steps"]) == {"median"}
    assert np.array_equal(read_image(destination / "page10.png"), cv2.medianBlur(noisy, 3))


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, noisy, run_in_this_process, monkeypatch):
    source, destination = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(3):
        Image.fromarray(noisy).save(source / f"{number}.png")
    work = folders._restore_file

    def interrupt(path, **options):
        if path.name == "2.png":
            raise KeyboardInterrupt
        return work(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(folders, "_restore_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            restore_folder(source, destination)
    assert not (destination / "restoration.csv").exists()
    journal = destination / ".restoration.jsonl"
    journal.write_text(journal.read_text() + '{"size": 12, "ti')  # cut off in the middle of a line
    table = restore_folder(source, destination)
    assert list(table["status"])[-1] == "restored" and list(table["status"]).count("kept") >= 1
    assert set(restore_folder(source, destination)["status"]) == {"kept"}


def test_a_failed_file_is_tried_again(tmp_path, noisy, run_in_this_process):
    source, destination = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.png").write_bytes(b"broken")
    assert list(restore_folder(source, destination)["status"]) == ["failed"]
    Image.fromarray(noisy).save(source / "a.png")
    assert list(restore_folder(source, destination)["status"]) == ["restored"]


def test_a_second_batch_with_the_same_names_sizes_and_times_is_another_one(tmp_path, noisy, run_in_this_process):
    pictures = {"monday": noisy, "tuesday": np.ascontiguousarray(noisy[::-1])}
    for day, picture in pictures.items():
        (tmp_path / day).mkdir()
        Image.fromarray(picture).save(tmp_path / day / "page1.bmp")
        os.utime(tmp_path / day / "page1.bmp", (1.7e9, 1.7e9))
    for day in pictures:
        table = restore_folder(tmp_path / day, tmp_path / "out")
    assert list(table["status"]) == ["restored"]
    once = restore_folder(tmp_path / "tuesday", tmp_path / "once")
    assert list(once["status"]) == ["restored"]
    assert (tmp_path / "out/page1.bmp").read_bytes() == (tmp_path / "once/page1.bmp").read_bytes()


def test_a_second_run_leaves_what_a_first_one_would(tmp_path, noisy, clean, run_in_this_process):
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(noisy).convert("L").save(source / "a.gif")
    restore_folder(source, tmp_path / "out", "median")
    assert (tmp_path / "out/a.gif.png").exists()
    Image.fromarray(np.full((40, 40), 200, np.uint8)).save(source / "a.gif")
    restore_folder(source, tmp_path / "out")
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"a.gif", "restoration.csv", ".restoration.jsonl"}


def test_all_pages_are_restored_and_keep_what_they_know(tmp_path, noisy, clean, run_in_this_process):
    grey = cv2.cvtColor(noisy, cv2.COLOR_RGB2GRAY)
    with tifffile.TiffWriter(tmp_path / "fax.tif") as writer:
        for page in (noisy, grey, clean):
            kind = "rgb" if page.ndim == 3 else "minisblack"
            writer.write(page, photometric=kind, resolution=(300, 300), resolutionunit="INCH", metadata=None)
    row = restore_folder(tmp_path / "fax.tif", tmp_path / "out").iloc[0]
    assert row["status"] == "restored" and "page 1:" in row["steps"] and "page 3:" not in row["steps"]
    assert "Page 3:" in row["explanation"]
    with tifffile.TiffFile(tmp_path / "out/fax.tif") as file:
        pages = [page.asarray() for page in file.pages]
        assert [page.get_resolution("INCH") for page in file.pages] == [(300, 300)] * 3
    assert [page.shape for page in pages] == [noisy.shape, grey.shape, clean.shape]
    assert psnr(clean, pages[0]) > psnr(clean, noisy) + 4
    assert np.array_equal(pages[2], clean)


def test_a_restored_copy_keeps_resolution_date_and_greyness(tmp_path, noisy, run_in_this_process):
    exif = Image.Exif()
    exif[306], exif[274] = "1931:05:01 12:00:00", 6
    Image.fromarray(noisy).convert("L").save(tmp_path / "page.jpg", quality=95, dpi=(600, 600), exif=exif)
    assert list(restore_folder(tmp_path / "page.jpg", tmp_path / "out")["status"]) == ["restored"]
    with Image.open(tmp_path / "out/page.jpg") as copy:
        assert (copy.mode, copy.info["dpi"]) == ("L", (600, 600))
        assert (copy.getexif().get(306), copy.getexif().get(274)) == ("1931:05:01 12:00:00", None)
        assert copy.size == (noisy.shape[0], noisy.shape[1])


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_an_input_is_never_written(tmp_path, noisy, name):
    Image.fromarray(noisy).convert("L").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(ValueError, match="choose a folder outside it"):
        restore_folder(tmp_path / name, tmp_path)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("place", ["in", "in/sub", "."])
def test_a_destination_among_the_inputs_is_refused(tmp_path, noisy, place):
    source = tmp_path / "in"
    (source / "in").mkdir(parents=True)
    Image.fromarray(noisy).save(source / "in" / "a.png")
    with pytest.raises(ValueError, match="choose a folder outside it"):
        restore_folder(source, tmp_path / place)
    with pytest.raises(ValueError, match="choose a folder outside it"):
        restore_folder(source / "in" / "a.png", source / "in")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.png"]


def test_two_inputs_for_one_output_are_refused(tmp_path, noisy):
    Image.fromarray(noisy).convert("L").save(tmp_path / "a.gif")
    Image.fromarray(noisy).save(tmp_path / "a.gif.png")
    with pytest.raises(ValueError, match="two input files would be written here"):
        restore_folder(tmp_path, tmp_path.parent / f"{tmp_path.name}_out")


def test_wrong_usage_is_one_clear_line_and_status_2(tmp_path, noisy, capsys):
    empty, picture, blocker = tmp_path / "empty", tmp_path / "a.png", tmp_path / "blocker"
    empty.mkdir()
    blocker.write_text("a file")
    Image.fromarray(noisy).save(picture)
    wrong = {
        "holds no image file": ["-i", empty, "-o", tmp_path / "out"],
        "no such folder": ["-i", tmp_path / "missing", "-o", tmp_path / "out"],
        "magic: no such method": ["-i", picture, "-o", tmp_path / "out", "--method", "magic"],
        "cannot write here": ["-i", picture, "-o", blocker / "out"],
    }
    for reason, options in wrong.items():
        assert main(["restore", *map(str, options)]) == 2
        notes = capsys.readouterr().err
        assert reason in notes and notes.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_own_photographs_give_own_thresholds_and_these_are_used(tmp_path, noisy, capsys):
    (tmp_path / "best").mkdir()
    for name in ("coffee", "cat"):
        picture = read_image(sample_photographs()[name])[:96, :96]
        Image.fromarray(picture).save(tmp_path / "best" / f"{name}.png")
    (tmp_path / "best" / "broken.png").write_bytes(b"no picture")
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    own = str(tmp_path / "own.json")
    assert main(["restore", "--calibrate", str(tmp_path / "best"), "-o", own]) == 1
    assert "left out: " in (notes := capsys.readouterr().err) and "broken.png" in notes and notes.count("\n") == 1
    assert Calibration.load(own) != Calibration.load()
    lenient = replace(Calibration.load(own), noise_threshold=200.0, blur_threshold=200.0)
    lenient.save(own)
    restore = ["restore", "-i", str(tmp_path / "noisy.png"), "-o", str(tmp_path / "out")]
    assert main([*restore, "--calibration", own]) == 0
    assert main(restore) == 0
    printed = capsys.readouterr().out
    assert "1 untouched" in printed and "1 restored" in printed
    (tmp_path / "best" / "cat.png").unlink()
    assert main(["restore", "--calibrate", str(tmp_path / "best"), "-o", str(tmp_path / "none.json")]) == 2
    assert "1 photographs; give at least two" in capsys.readouterr().err and not (tmp_path / "none.json").exists()
    (tmp_path / "own.json").write_text("[]")
    assert main([*restore, "--calibration", own]) == 2
    assert "own.json: no calibration" in capsys.readouterr().err
