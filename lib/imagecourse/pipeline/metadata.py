"""Captions inside image files, where picture archives look for them: XMP (dc:description) and IPTC (2:120).

The pixels stay as they are. Sources: XMP Specification Part 3 (Adobe, 2020), storage in files; IPTC-IIM 4.2.
"""

import struct
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from imagecourse.files import atomic_path

XMP_NAME, PHOTOSHOP_NAME = b"http://ns.adobe.com/xap/1.0/\x00", b"Photoshop 3.0\x00"
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
XMP_TAG, IPTC_TAG = 700, 33723
LONGEST_IPTC_CAPTION = 2000
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def embed_caption(path: Path, caption: str) -> Path:
    """Write a caption into an image file: JPEG, PNG and TIFF; beside it, as `NAME.xmp`, for any other.

    Also beside it where the file has an XMP packet already, which stays as it is. The file is replaced wholly or not
    at all. Returns: the file that holds the caption.
    """
    content = path.read_bytes()
    packet = _PACKET.format(caption=escape(caption)).encode()
    if b"<x:xmpmeta" in content:
        return _write_beside(path, packet)
    if content.startswith(JPEG):
        return _replace(path, _into_jpeg(content, packet, caption))
    if content.startswith(PNG):
        return _replace(path, _into_png(content, packet))
    if content[:2] in (b"II", b"MM"):
        return _into_tiff(path, packet, caption)
    return _write_beside(path, packet)


def _write_beside(path: Path, packet: bytes) -> Path:
    return _replace(path.with_name(f"{path.name}.xmp"), packet)


def _replace(path: Path, content: bytes) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def _into_jpeg(content: bytes, packet: bytes, caption: str) -> bytes:
    """Two segments behind the start of the image and a JFIF header, which has to stay the first."""
    place = 2
    if content[2:4] == b"\xff\xe0":
        place += 2 + struct.unpack(">H", content[4:6])[0]
    segments = _segment(0xE1, XMP_NAME + packet) + _segment(0xED, PHOTOSHOP_NAME + _photoshop_block(caption))
    return content[:place] + segments + content[place:]


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _photoshop_block(caption: str) -> bytes:
    records = _iptc_records(caption)
    return b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(records)) + records + b"\x00" * (len(records) % 2)


def _iptc_records(caption: str) -> bytes:
    """Records 1:90, which says that what follows is UTF-8, and 2:120, the caption."""
    text = caption.encode()[:LONGEST_IPTC_CAPTION].decode(errors="ignore").encode()
    records = ((1, 90, b"\x1b%G"), (2, 120, text))
    return b"".join(struct.pack(">BBBH", 0x1C, record, name, len(value)) + value for record, name, value in records)


def _into_png(content: bytes, packet: bytes) -> bytes:
    """An iTXt chunk behind the header."""
    chunk = b"iTXt" + b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + packet
    place = len(PNG) + 25  # the header is the first chunk and has 13 bytes of content
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:place] + whole + content[place:]


def _into_tiff(path: Path, packet: bytes, caption: str) -> Path:
    with Image.open(path) as picture:
        compression = picture.info.get("compression", "raw")
        tags = {XMP_TAG: packet, IPTC_TAG: _iptc_records(caption)}
        with atomic_path(path) as temporary:
            picture.save(temporary, "TIFF", compression=compression, tiffinfo=tags)
    return path
