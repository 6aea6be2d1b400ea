"""Pictures as they should not be, made by code: name of the file -> its bytes."""

import io
import struct
import zlib
from itertools import accumulate

import numpy as np
from PIL import Image

SIDE = 24
HUGE = 60_000
FORMATS = {
    "png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "webp": "WEBP", "ppm": "PPM",
    "jp2": "JPEG2000", "avif": "AVIF",
}  # fmt: skip


def picture(seed: int = 0, side: int = SIDE) -> Image.Image:
    """Smooth noise, different for each seed, so that no two are taken for copies."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def encoded(extension: str, seed: int = 0, **options) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, FORMATS[extension], **options)
    return buffer.getvalue()


def boundaries(extension: str, content: bytes) -> list[int]:
    """Where one part of a file ends and the next begins; where the format has no list of parts, in its header."""
    if extension == "png":
        lengths, place = [], 8
        while place < len(content):
            lengths.append(12 + struct.unpack(">I", content[place : place + 4])[0])
            place += lengths[-1]
        return list(accumulate(lengths, initial=8))[:-1]
    if extension == "jpg":
        places = [place for place in range(2, len(content) - 1) if content[place] == 255 and content[place + 1] >= 192]
        return [2, *places[:8], len(content) - 2]
    if extension in ("webp", "avif", "jp2"):
        return [4, 12, 20, 32, 48, len(content) // 2]
    return [2, 6, 10, 13, 26, 54, len(content) // 2]


def truncated() -> dict[str, bytes]:
    """Every format cut at its boundaries; a good picture of each stands beside."""
    files = {}
    for extension in FORMATS:
        content = encoded(extension)
        for place in sorted({cut for cut in boundaries(extension, content) if 0 < cut < len(content)}):
            files[f"cut_{place}.{extension}"] = content[:place]
    return files


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bombs() -> dict[str, bytes]:
    """A few bytes that declare billions of pixels, in each format that says its size in a header."""
    size = struct.pack(">II", HUGE, HUGE)
    png = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", size + b"\x08\x02\0\0\0") + _png_chunk(b"IDAT", b"x")
    jpg = bytearray(encoded("jpg"))
    frame = jpg.index(b"\xff\xc0")
    jpg[frame + 5 : frame + 9] = struct.pack(">HH", HUGE, HUGE)
    bmp = bytearray(encoded("bmp"))
    bmp[18:26] = struct.pack("<ii", HUGE, HUGE)
    gif = bytearray(encoded("gif"))
    gif[6:10] = struct.pack("<HH", HUGE, HUGE)
    tif = bytearray(encoded("tif"))
    [directory] = struct.unpack("<I", tif[4:8])
    for entry in range(directory + 2, directory + 2 + 12 * tif[directory], 12):
        if tif[entry : entry + 2] in (b"\x00\x01", b"\x01\x01"):  # width and height
            tif[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, HUGE)
    return {
        "bomb.png": png,
        "bomb.jpg": bytes(jpg),
        "bomb.bmp": bytes(bmp),
        "bomb.gif": bytes(gif),
        "bomb.tif": bytes(tif),
        "bomb.ppm": b"P6 %d %d 255\n" % (HUGE, HUGE),
    }


def no_pictures() -> dict[str, bytes]:
    """Other things under the name of a picture."""
    return {
        "empty.jpg": b"",
        "zeros.png": bytes(2000),
        "text.jpg": b"see attachment",
        "page.png": b"<!DOCTYPE html><html><body>404</body></html>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "scan.jpg": b"%PDF-1.4\n%%EOF",
        "archive.jpg": b"PK\x03\x04" + bytes(60),
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "misnamed.png": encoded("jpg", 41),
        "misnamed.tif": encoded("png", 42),
        "noise.jpg": np.random.default_rng(0).integers(0, 256, 3000, np.uint8).tobytes(),
        "signature.webp": b"RIFF\x10\x00\x00\x00WEBP",
    }


def odd_names() -> dict[str, bytes]:
    """Good pictures whose names are HTML, formulas, or hold line ends and signs of a terminal."""
    names = [
        "<img src=x onerror=alert(1)>.png",
        "<script>alert(2)<︎script>.png",
        'quote".png',
        "it's & so.png",
        "&lt;b&gt;.png",
        "new\nline.png",
        "red\x1b[31m.png",
        "=1+1.png",
        "a,b;c.png",
        "100%.png",
        "{x} $HOME.png",
        " space .png",
        "\u202egnp.png",
        "-i.png",
    ]
    return {name: encoded("png", 100 + number) for number, name in enumerate(names)}


def odd_contents() -> dict[str, bytes]:
    """Pictures that are fine, and unusual."""
    one = io.BytesIO()
    Image.new("RGB", (1, 1), (9, 99, 199)).save(one, "PNG")
    wide = io.BytesIO()
    picture(51).resize((2000, 1)).save(wide, "PNG")
    palette = io.BytesIO()
    picture(52).quantize(4).save(palette, "PNG", transparency=0)
    grey = io.BytesIO()
    Image.fromarray(np.asarray(picture(53).convert("L")).astype(np.uint16) * 257).save(grey, "PNG")
    cmyk = io.BytesIO()
    picture(54).convert("CMYK").save(cmyk, "JPEG")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = io.BytesIO()
    picture(55).save(turned, "JPEG", exif=exif.tobytes().replace(b"\x12\x01\x03\x00", b"\x12\x01\x02\x00"))
    return {
        "one_pixel.png": one.getvalue(),
        "one_row.png": wide.getvalue(),
        "palette.png": palette.getvalue(),
        "deep.png": grey.getvalue(),
        "cmyk.jpg": cmyk.getvalue(),
        "exif_as_text.jpg": turned.getvalue(),
        "trailing.jpg": encoded("jpg", 56) + b"<html>",
        "UPPER.JPEG": encoded("jpg", 57),
        "noextension": encoded("png", 58),
    }


def all_pictures() -> dict[str, bytes]:
    """Everything above, and a good picture of each format."""
    good = {f"good.{extension}": encoded(extension, 70 + number) for number, extension in enumerate(FORMATS)}
    return truncated() | bombs() | no_pictures() | odd_names() | odd_contents() | good
