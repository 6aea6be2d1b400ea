"""Every layout that scanners and cameras write, against a plain computation of what it should look like."""

import os
import warnings
from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from imagecourse.images import ImageReadError, ImageWarning, list_images, page_numbers, read_image, write_image

RNG = np.random.default_rng(0)


def ramp(height: int = 24, width: int = 40, channels: int = 3) -> np.ndarray:
    """Smooth values in [0, 1], another slope in each channel."""
    y, x = np.mgrid[:height, :width]
    planes = [(x / (width - 1) * (1 + k) + y / (height - 1)) / (2 + k) for k in range(channels)]
    return np.stack(planes, axis=2)


@pytest.mark.parametrize(("bits", "planar"), list(product((8, 16), ("contig", "separate"))))
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_colour_tiffs_are_right_to_one_level(tmp_path, bits, planar, compression):
    values = np.round(ramp() * (2**bits - 1)).astype(f"uint{bits}")
    stored = values if planar == "contig" else np.moveaxis(values, 2, 0)
    options = {"photometric": "rgb", "planarconfig": planar, "compression": compression}
    tifffile.imwrite(tmp_path / "x.tif", stored, **options)
    assert np.abs(read_image(tmp_path / "x.tif").astype(int) - 255 * ramp()).max() <= 1


@pytest.mark.parametrize(("bits", "photometric"), list(product((8, 16), ("minisblack", "miniswhite"))))
def test_grey_tiffs_are_right_whatever_stands_for_white(tmp_path, bits, photometric):
    wanted = ramp(channels=1)[:, :, 0]
    share = wanted if photometric == "minisblack" else 1 - wanted
    tifffile.imwrite(tmp_path / "x.tif", np.round(share * (2**bits - 1)).astype(f"uint{bits}"), photometric=photometric)
    image = read_image(tmp_path / "x.tif")
    assert image.shape == (24, 40, 3) and np.abs(image.astype(int) - 255 * wanted[:, :, None]).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("colours", "kind"), list(product((1, 3), ("unassalpha", "assocalpha"))))
def test_transparency_lies_on_white(tmp_path, bits, colours, kind):
    colour, alpha = ramp(channels=colours), np.linspace(0, 1, 40)[None, :, None].repeat(24, axis=0)
    own = colour * alpha if kind == "assocalpha" else colour
    stored = np.round(np.concatenate([own, alpha], axis=2) * (2**bits - 1)).astype(f"uint{bits}")
    photometric = "rgb" if colours == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric=photometric, extrasamples=[kind], planarconfig="contig")
    wanted = 255 * (colour * alpha + 1 - alpha)
    seen = alpha[..., 0] > 0.1  # colours of what is nearly clear are rounded away
    assert np.abs(read_image(tmp_path / "x.tif").astype(int) - wanted)[seen].max() <= 3


def test_palettes_tiles_and_big_endian(tmp_path):
    places = RNG.integers(0, 256, (32, 48), dtype=np.uint8)
    colours = RNG.integers(0, 65536, (3, 256), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "palette.tif", places, photometric="palette", colormap=colours)
    assert np.abs(read_image(tmp_path / "palette.tif").astype(int) - (colours >> 8).T[places]).max() <= 1
    values = np.round(ramp(48, 64) * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "tiles.tif", values, photometric="rgb", tile=(16, 16), byteorder=">")
    assert np.abs(read_image(tmp_path / "tiles.tif").astype(int) - (values >> 8)).max() <= 1


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_files_with_16_bits(tmp_path, channels):
    import cv2

    values = np.round(ramp(channels=channels) * 65535).astype(np.uint16)
    values[..., -1] = 65535 if channels in (2, 4) else values[..., -1]
    if channels == 2:
        values = np.concatenate([values[..., :1]] * 3 + [values[..., 1:]], axis=2)
    order = [2, 1, 0, 3][: values.shape[2]] if values.shape[2] > 1 else [0]
    cv2.imwrite(str(tmp_path / "x.png"), values[:, :, order])
    wanted = np.repeat(values[..., :1], 3, axis=2) if channels < 3 else values[..., :3]
    assert np.abs(read_image(tmp_path / "x.png").astype(int) - (wanted >> 8)).max() <= 1


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_few_bits_in_16_are_stretched_with_a_word(tmp_path, bits, extension):
    values = np.round(ramp(channels=1)[:, :, 0] * (2**bits - 1)).astype(np.uint16)
    path = tmp_path / f"x.{extension}"
    Image.fromarray(values).save(path) if extension == "png" else tifffile.imwrite(path, values)
    with pytest.warns(ImageWarning, match=f"x.{extension}: no value above those of {bits} bits"):
        image = read_image(path)
    assert np.abs(image[..., 0].astype(int) - 255 * ramp(channels=1)[:, :, 0]).max() <= 1


def test_what_the_file_says_of_its_bits_comes_first(tmp_path):
    values = np.round(ramp(channels=1)[:, :, 0] * 600).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[(281, "H", 1, 4095, True)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(tmp_path / "x.tif")
    assert np.abs(image[..., 0].astype(int) - values / 4095 * 255).max() <= 1


def test_layouts_without_a_fixed_range_are_refused_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "signed.tif", np.zeros((8, 8), np.int16))
    tifffile.imwrite(tmp_path / "volume.tif", np.zeros((3, 8, 8, 8), np.uint16), volumetric=True, tile=(16, 16, 16))
    for name, words in (("signed", "without a fixed range .*16 bits, INT"), ("volume", "damaged|dimensions")):
        with pytest.raises(ImageReadError, match=words):
            read_image(tmp_path / f"{name}.tif")


def wide_profile() -> bytes:
    """A profile in which the same numbers mean other colours: sRGB with red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    swapped = bytearray(profile)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(swapped).replace(b"s\0R\0G\0B", b"o\0t\0h\0e").replace(b"sRGB", b"othe")


def test_colours_of_another_profile_become_those_of_srgb(tmp_path):
    red = np.full((8, 8, 3), (200, 30, 30), np.uint8)
    Image.fromarray(red).save(tmp_path / "plain.png")
    Image.fromarray(red).save(tmp_path / "other.png", icc_profile=wide_profile())
    Image.fromarray(red).save(tmp_path / "broken.png", icc_profile=b"no profile")
    assert (read_image(tmp_path / "plain.png") == red).all() and (read_image(tmp_path / "broken.png") == red).all()
    other = read_image(tmp_path / "other.png")[0, 0].astype(int)
    assert other[2] > 180 > 60 > other[0]


def sloppy_exif(path, orientation: int) -> None:
    """A JPEG whose EXIF keeps a number as text, beside its orientation."""
    entries = [(0x112, 3, orientation.to_bytes(4, "little")), (0x128, 2, b"2\0\0\0")]
    counts = {0x112: 1, 0x128: 2}
    block = b"Exif\0\0II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little")
    for tag, kind, value in entries:
        block += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + counts[tag].to_bytes(4, "little") + value
    picture = Image.fromarray(np.round(255 * ramp(60, 80)).astype(np.uint8))
    picture.save(path, exif=block + b"\0\0\0\0", quality=95)


def test_sloppy_exif_costs_no_picture_and_no_orientation(tmp_path):
    sloppy_exif(tmp_path / "x.jpg", 6)
    assert read_image(tmp_path / "x.jpg").shape == (80, 60, 3)
    write_image(tmp_path / "copy.jpg", read_image(tmp_path / "x.jpg"), original=tmp_path / "x.jpg")
    assert read_image(tmp_path / "copy.jpg").shape == (80, 60, 3)


def test_what_a_phone_and_a_browser_leave_in_a_folder(tmp_path):
    picture = Image.fromarray(np.round(255 * ramp()).astype(np.uint8))
    kinds = {"a.jpg": "JPEG", "b.avif": "AVIF", "c.jp2": "JPEG2000", "d.ppm": "PPM", "plain": "JPEG"}
    kinds |= {"e.jpg_large": "JPEG", "f.png.1": "PNG", "g.webp~": "WEBP"}
    for name, kind in kinds.items():
        picture.save(tmp_path / name, format=kind)
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "notes").write_text("no picture")
    assert sorted(path.name for path in list_images(tmp_path)) == sorted(kinds)
    for path in list_images(tmp_path):
        assert np.abs(read_image(path).astype(int) - np.asarray(picture)).mean() < 4, path.name
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageReadError, match="no plain file"):
        read_image(tmp_path / "pipe.png")


def test_pages_of_a_fax(tmp_path):
    pages = [Image.fromarray(np.full((20, 30), level, np.uint8)) for level in (10, 120, 240)]
    pages[0].save(tmp_path / "fax.tif", save_all=True, append_images=pages[1:])
    assert page_numbers(tmp_path / "fax.tif") == [0, 1, 2]
    assert [int(read_image(tmp_path / "fax.tif", page).mean()) for page in range(3)] == [10, 120, 240]
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "fax.tif", 3)


def test_copies_keep_resolution_date_and_greyness(tmp_path):
    exif = Image.Exif()
    exif[306], exif[274] = "2019:07:04 10:00:00", 6
    grey = Image.fromarray(np.round(255 * ramp(channels=1)[:, :, 0]).astype(np.uint8))
    for name in ("x.jpg", "x.png", "x.tif"):
        grey.save(tmp_path / name, exif=exif, dpi=(300, 300))
        write_image(tmp_path / f"copy of {name}", read_image(tmp_path / name), original=tmp_path / name)
        with Image.open(tmp_path / f"copy of {name}") as copy:
            assert copy.mode == "L" and round(copy.info["dpi"][0]) == 300, name
            if name != "x.tif":
                assert copy.getexif().get(306) == "2019:07:04 10:00:00" and 274 not in copy.getexif()


KINDS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM")


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_of_every_format_give_a_picture_or_one_line(tmp_path, kind):
    """Flipped, cut and repeated bytes: no third kind of outcome."""
    extension = {"JPEG2000": "jp2", "TIFF": "tif"}.get(kind, kind.lower())
    rng = np.random.default_rng(KINDS.index(kind))
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / f"good.{extension}")
    good = (tmp_path / f"good.{extension}").read_bytes()
    path = tmp_path / f"bad.{extension}"
    for trial in range(60):
        content = bytearray(good)
        if trial % 3 == 0:
            content = content[: rng.integers(1, len(content))]
        elif trial % 3 == 1:
            for place in rng.integers(0, len(content), 1 + trial // 6):
                content[place] = rng.integers(256)
        else:
            start = int(rng.integers(len(content)))
            content[start:start] = content[start // 2 : start]
        path.write_bytes(bytes(content))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                image = read_image(path)
                assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            except ImageReadError as error:
                assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
