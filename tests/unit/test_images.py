import io
import os
import struct
import zlib
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image

from imagecourse.files import atomic_path
from imagecourse.images import ImageReadError, list_images, read_image, write_image

RED, BLUE = (200, 30, 40), (20, 40, 210)


def two_colours(mode: str = "RGB") -> Image.Image:
    """A picture 40 wide and 20 high: left half red, right half blue."""
    picture = Image.new("RGB", (40, 20), RED)
    picture.paste(BLUE, (20, 0, 40, 20))
    return picture.convert(mode)


def assert_two_colours(image: np.ndarray, tolerance: int = 0) -> None:
    assert image.shape == (20, 40, 3)
    assert image.dtype == np.uint8
    assert np.abs(image[10, 5].astype(int) - RED).max() <= tolerance
    assert np.abs(image[10, 35].astype(int) - BLUE).max() <= tolerance


@pytest.mark.parametrize("extension", [".png", ".bmp", ".tif", ".tiff", ".gif", ".PNG"])
def test_lossless_formats_give_the_same_pixels(tmp_path, extension):
    path = tmp_path / f"picture{extension}"
    two_colours().save(path)
    assert_two_colours(read_image(path))


@pytest.mark.parametrize("extension", [".jpg", ".JPEG", ".jfif", ".webp"])
def test_lossy_formats_give_nearly_the_same_pixels(tmp_path, extension):
    path = tmp_path / f"picture{extension}"
    two_colours().save(path, format="WEBP" if extension == ".webp" else "JPEG", quality=95)
    assert_two_colours(read_image(path), tolerance=6)


def test_palette(tmp_path):
    two_colours().quantize(16).save(tmp_path / "palette.png")
    assert_two_colours(read_image(tmp_path / "palette.png"), tolerance=2)


def test_cmyk(tmp_path):
    two_colours("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert_two_colours(read_image(tmp_path / "cmyk.jpg"), tolerance=6)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_bilevel_become_three_equal_channels(tmp_path, mode):
    picture = Image.new(mode, (4, 3), 255)
    picture.save(tmp_path / "grey.png")
    image = read_image(tmp_path / "grey.png")
    assert image.shape == (3, 4, 3)
    assert (image == 255).all()


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path):
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    tifffile.imwrite(tmp_path / "deep.tif", values)
    for name in ("deep.png", "deep.tif"):
        assert read_image(tmp_path / name)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bit_colour(tmp_path, name):
    import cv2

    deep = np.asarray(two_colours()).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / name), deep[:, :, ::-1])
    assert_two_colours(read_image(tmp_path / name))


def test_sixteen_bit_colour_with_alpha_in_tiff_lies_on_white(tmp_path):
    deep = np.zeros((2, 2, 4), dtype=np.uint16)
    deep[0, 0] = (65535, 0, 0, 65535)
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb", extrasamples=["unassalpha"])
    image = read_image(tmp_path / "deep.tif")
    assert image[0, 0].tolist() == [255, 0, 0]
    assert image[1, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).convert(mode).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()


def test_transparent_palette_is_laid_on_white(tmp_path):
    picture = Image.new("P", (2, 2), 0)
    picture.putpalette([0, 0, 0] * 256)
    picture.save(tmp_path / "clear.gif", transparency=0)
    assert (read_image(tmp_path / "clear.gif") == 255).all()


@pytest.mark.parametrize("extension", [".gif", ".png", ".webp", ".tif"])
def test_animations_give_their_first_frame(tmp_path, extension):
    first, second = two_colours(), Image.new("RGB", (40, 20), "green")
    path = tmp_path / f"moving{extension}"
    options = {"lossless": True} if extension == ".webp" else {}
    first.save(path, save_all=True, append_images=[second], **options)
    assert_two_colours(read_image(path))


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    two_colours().save(tmp_path / "turned.png", exif=exif)
    image = read_image(tmp_path / "turned.png")
    assert image.shape == (40, 20, 3)
    assert image[5, 10].tolist() == list(RED)
    assert image[35, 10].tolist() == list(BLUE)


def png_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb_bytes() -> bytes:
    """A PNG header that promises 60000 × 60000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png_bytes()[33:]
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "empty"),
        ("cut.png", png_bytes()[:3000], "damaged or cut short"),
        ("header only.png", png_bytes()[:20], "damaged|not an image"),
        ("letter.jpg", b"Dear all, this is no picture.", "not an image"),
        ("noise.tif", bytes(range(256)) * 4, "not an image"),
        ("half.tif", b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01" * 40, "damaged|not an image"),
        ("really a png.jpg", png_bytes(), r"holds a PNG image but is named \.jpg; rename it to really a png\.png"),
        ("bomb.png", bomb_bytes(), "60000 × 60000 pixels is over the limit"),
    ],
)
def test_bad_files_raise_one_error_with_name_reason_and_advice(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=reason) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert caught.value.advice


def test_truncated_jpeg(tmp_path):
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(ImageReadError, match="cut short"):
        read_image(tmp_path / "cut.jpg")


def test_pixels_without_a_fixed_range_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", np.ones((4, 4), np.float32))
    with pytest.raises(ImageReadError, match=r"without a fixed range .*32 bits"):
        read_image(tmp_path / "float.tif")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.png: no such file"):
        read_image(tmp_path / "absent.png")


def test_errors_survive_the_way_between_processes():
    import pickle

    error = ImageReadError("a.png", "empty", "copy it again")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "a.png: empty; copy it again"


def test_listing_is_recursive_natural_and_ignores_case_of_extensions(tmp_path):
    for name in ("page10.PNG", "page2.png", "b/x.Jpg", "notes.txt", ".hidden.png", ".thumbs/x.png", "é à.tiff"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)]
    assert names.index("page2.png") < names.index("page10.PNG")
    assert sorted(names) == sorted(["b/x.Jpg", "page2.png", "page10.PNG", "é à.tiff"])


def test_links_are_followed_once_and_a_ring_of_them_ends(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "far.png").write_bytes(b"x")
    (folder / "own.png").write_bytes(b"x")
    (folder / "file link.png").symlink_to(outside / "far.png")
    (folder / "folder link").symlink_to(outside)
    (folder / "again").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "first.png").symlink_to(folder / "second.png")
    (folder / "second.png").symlink_to(folder / "first.png")
    names = [path.relative_to(folder).as_posix() for path in list_images(folder)]
    assert names == ["again/far.png", "file link.png", "first.png", "own.png", "second.png"]
    with pytest.raises(ImageReadError, match=r"first\.png: a link that leads nowhere"):
        read_image(folder / "first.png")


def test_listing_says_what_is_wrong_with_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        list_images(tmp_path / "absent")
    (tmp_path / "file.png").write_bytes(b"x")
    with pytest.raises(NotADirectoryError, match="is a file"):
        list_images(tmp_path / "file.png")


@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp", ".webp"])
def test_writing_and_reading_back(tmp_path, extension):
    image = np.random.default_rng(1).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    path = tmp_path / "new" / f"picture{extension}"
    write_image(path, image)
    np.testing.assert_array_equal(read_image(path), image)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_written_files_have_the_usual_permissions(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_jpeg_is_written_in_high_quality(tmp_path):
    image = np.asarray(two_colours())
    write_image(tmp_path / "picture.jpg", image)
    assert np.abs(iio.imread(tmp_path / "picture.jpg").astype(int) - image).mean() < 2


@pytest.mark.parametrize(
    ("name", "image", "reason"),
    [
        ("a.png", np.zeros((2, 2, 3), np.float32), "uint8"),
        ("a.png", np.zeros((2, 2, 4), np.uint8), r"\(h, w, 3\)"),
        ("a.xyz", np.zeros((2, 2, 3), np.uint8), "no image format"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, image, reason):
    with pytest.raises(ValueError, match=reason):
        write_image(tmp_path / name, image)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.txt"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = Path(tmp_path / "locked.png")
    path.write_bytes(png_bytes())
    path.chmod(0)
    with pytest.raises(ImageReadError, match="you may not read it"):
        read_image(path)
