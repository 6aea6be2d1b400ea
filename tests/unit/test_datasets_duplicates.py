import cv2
import numpy as np
import pytest

from imagecourse.datasets.duplicates import near_duplicate_groups, perceptual_hash, perceptual_hashes
from imagecourse.images import read_image, write_image
from imagecourse.samples import sample_photographs


def distance(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.bitwise_count(first ^ second).sum())


def with_mirrored(hashes: np.ndarray) -> np.ndarray:
    """Hashes (n, 4) of pictures whose mirror images look like none of them: (n, 2, 4)."""
    return np.stack([hashes, ~hashes], axis=1)


@pytest.fixture(scope="module")
def photographs() -> dict[str, np.ndarray]:
    return {name: read_image(path) for name, path in sample_photographs().items()}


def test_a_hash_survives_what_copies_go_through(photographs):
    for image in photographs.values():
        original = perceptual_hash(image)
        smaller = cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
        brighter = cv2.convertScaleAbs(image, alpha=0.8, beta=20)
        assert max(distance(original, perceptual_hash(copy)) for copy in (smaller, jpeg, brighter)) <= 20


def test_different_photographs_are_far_apart(photographs):
    hashes = [perceptual_hash(image) for image in photographs.values()]
    distances = [distance(a, b) for index, a in enumerate(hashes) for b in hashes[:index]]
    assert min(distances) > 80


def test_flat_pictures_resemble_nothing():
    pages = [np.full((60, 40, 3), value, np.uint8) for value in (0, 128, 255, 255)]
    hashes = np.array([perceptual_hash(page) for page in pages])
    assert not hashes.any()
    assert near_duplicate_groups(np.stack([hashes, hashes], axis=1)) == []


def test_pages_of_different_text_are_no_duplicates():
    pages = []
    for text in ("A page of one text", "Quite another text", "Neither of the two"):
        page = np.full((400, 300, 3), 255, np.uint8)
        for line in range(30, 380, 24):
            cv2.putText(page, text, (10, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1)
        pages.append([perceptual_hash(page), perceptual_hash(page[:, ::-1])])
    assert near_duplicate_groups(np.array(pages)) == []


def test_groups_are_those_of_a_plain_double_loop():
    rng = np.random.default_rng(0)
    hashes = rng.integers(1, 2**63, (300, 4), dtype=np.uint64)
    hashes[200] = hashes[10] ^ np.uint64(0b111)
    hashes[150] = hashes[200] ^ np.array([0, 0xFFFF, 0, 0], np.uint64)
    hashes[40] = hashes[299]
    linked = [(i, j) for i in range(300) for j in range(i + 1, 300) if distance(hashes[i], hashes[j]) <= 20]
    assert linked == [(10, 200), (40, 299), (150, 200)]
    assert near_duplicate_groups(with_mirrored(hashes)) == [[10, 150, 200], [40, 299]]
    assert near_duplicate_groups(with_mirrored(hashes), distance=2) == [[40, 299]]
    assert near_duplicate_groups(with_mirrored(hashes[:0])) == []


def test_groups_are_chained():
    base = np.array([[1, 2, 3, 4]], np.uint64)
    near = base ^ np.array([[0, 0, 0, 0xFFFF]], np.uint64)
    further = near ^ np.array([[0, 0, 0xFFFF0000, 0]], np.uint64)
    assert distance(base, further) == 32
    assert near_duplicate_groups(with_mirrored(np.concatenate([base, near, further]))) == [[0, 1, 2]]


def test_hashes_of_files_name_the_bad_one(tmp_path, photographs):
    write_image(tmp_path / "cat.png", photographs["cat"])
    hashes = perceptual_hashes([tmp_path / "cat.png", tmp_path / "cat.png"])
    assert hashes.shape == (2, 2, 4)
    assert hashes.dtype == np.uint64
    assert distance(*hashes[:, 0]) == 0 < distance(*hashes[0])
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"bad\.png: the file is empty"):
        perceptual_hashes([tmp_path / "cat.png", tmp_path / "bad.png"])


def test_a_copy_in_the_mirror_is_found(tmp_path, photographs):
    smaller = cv2.resize(photographs["cat"][:, ::-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for name, image in (("a", photographs["cat"]), ("b", photographs["coffee"]), ("c", smaller)):
        write_image(tmp_path / f"{name}.png", image)
    assert near_duplicate_groups(perceptual_hashes(sorted(tmp_path.glob("*.png")))) == [[0, 2]]
