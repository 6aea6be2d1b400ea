import itertools

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imagecourse.images import list_images, read_image
from imagecourse.samples.archive import KINDS, SOURCES, draw, write_archive, writer
from imagecourse.samples.archive.cartoon import cartoonise
from imagecourse.samples.archive.painting import brushwork, oil
from imagecourse.samples.archive.sketch import contours
from imagecourse.samples.archive.sources import crop, source_photographs


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return write_archive(tmp_path_factory.mktemp("sample") / "archive", count=92, image_size=64, seed=7)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in list_images(folder)}


def test_folders_hold_every_class_in_every_split(archive):
    counts = {split: [len(list((archive / split / kind).iterdir())) for kind in KINDS] for split in SOURCES}
    assert sorted(path.name for path in archive.iterdir()) == ["test", "train", "validation"]
    assert counts == {"train": [10, 10, 9, 9, 9, 9], "validation": [3] * 6, "test": [3] * 6}
    assert {(read_image(path).shape, path.suffix) for path in list_images(archive)} == {((64, 64, 3), ".jpg")}


def test_same_seed_same_bytes_on_any_number_of_threads(archive, tmp_path):
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    again = write_archive(tmp_path / "again", count=92, image_size=64, seed=7)
    cv2.setNumThreads(threads)
    assert contents(again) == contents(archive)


def test_fewer_pictures_are_the_first_ones_and_another_seed_gives_others(archive, tmp_path):
    few = contents(write_archive(tmp_path / "few", count=18, image_size=64, seed=7))
    other = contents(write_archive(tmp_path / "other", count=18, image_size=64, seed=8))
    assert few.items() <= contents(archive).items()
    assert not set(few.values()) & set(other.values())


def test_no_photograph_is_in_two_splits(archive):
    for split, other in itertools.permutations(SOURCES, 2):
        subjects = {path.name.rsplit("_", 1)[0] for path in list_images(archive / split)}
        assert subjects & set(SOURCES[split])
        assert not subjects & set(SOURCES[other])


def test_photographs_of_different_splits_are_different_pictures():
    thumbnails = {
        name: cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA).ravel()
        for split in SOURCES
        for name, pixels in source_photographs(split).items()
    }
    correlations = np.corrcoef(list(thumbnails.values())) - np.eye(len(thumbnails))
    assert len(thumbnails) == sum(map(len, SOURCES.values()))
    assert correlations.max() < 0.8


def test_a_photo_is_a_cut_of_a_source_photograph():
    photographs = {"cat": source_photographs("train")["cat"]}
    name, cut = crop(photographs, np.random.default_rng(3), 100)
    grey, whole = (cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (cut, photographs["cat"]))
    scores = [
        cv2.matchTemplate(whole, cv2.resize(candidate, (side, side)), cv2.TM_CCOEFF_NORMED).max()
        for side in range(110, 290, 6)
        for candidate in (grey, grey[:, ::-1])
    ]
    assert name == "cat"
    assert max(scores) > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_draw_depends_on_the_generator_alone(kind):
    np.random.seed(0)
    first = draw(kind, np.random.default_rng(5), size=80)
    np.random.seed(1)
    assert first.shape == (80, 80, 3)
    assert first.dtype == np.uint8
    assert first.std() > 5
    np.testing.assert_array_equal(first, draw(kind, np.random.default_rng(5), size=80))
    assert (first != draw(kind, np.random.default_rng(6), size=80)).any()


def colours(image):
    return np.concatenate([image.mean(axis=(0, 1)), image.std(axis=(0, 1))])


def textures(image):
    grey, features = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), []
    for sigma in (0.3, 1, 2, 4):
        blurred = cv2.GaussianBlur(grey, (0, 0), sigma)
        steepness = np.hypot(cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1))
        features.extend(np.log1p(np.quantile(steepness, [0.1, 0.3, 0.5, 0.7, 0.9, 0.98])))
    return np.concatenate([features, np.histogram(grey, 8, (0, 256))[0] / grey.size])


def test_mean_colours_do_not_tell_the_classes_apart_but_textures_help():
    def drawn(split, count, seed):
        rng = np.random.default_rng(seed)
        pairs = [(draw(kind, rng, 96, split), kind) for kind in KINDS for _ in range(count)]
        return zip(*pairs, strict=True)

    (images, labels), (test_images, test_labels) = drawn("train", 40, 1), drawn("validation", 20, 2)
    accuracy = {}
    for features in (colours, textures):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit([features(image) for image in images], labels)
        accuracy[features] = model.score([features(image) for image in test_images], test_labels)
    assert accuracy[colours] < 0.65
    assert accuracy[textures] > accuracy[colours] + 0.1


def test_oil_paint_keeps_a_step_sharp_and_plain_areas_plain():
    step = np.full((80, 80, 3), 40, np.uint8)
    step[:, 40:] = 200
    painted = oil(step, np.random.default_rng(0)).astype(int)
    assert np.abs(painted - step).max() < 60  # the relief of the brush; a blur would miss by 80
    assert abs(painted[:, :40].mean() - 40) < 5


def test_brush_strokes_follow_the_motif():
    motif = cv2.resize(source_photographs("train")["coffee"][:400, :400], (120, 120), interpolation=cv2.INTER_AREA)
    painted = brushwork(motif, np.random.default_rng(0))
    assert np.corrcoef(painted.ravel(), motif.ravel())[0, 1] > 0.85
    assert (painted != motif).mean() > 0.9


def test_contours_of_a_square_lie_on_its_border():
    square = np.full((100, 100), 230, np.uint8)
    square[30:70, 30:70] = 30
    cover = contours(square, np.random.default_rng(0))
    distance = np.abs(np.maximum(*np.abs(np.mgrid[:100, :100] - 49.5)) - 20)
    assert cover[distance < 4].mean() > 5 * cover[distance > 8].mean()
    assert contours(np.full((100, 100), 230, np.uint8), np.random.default_rng(0)).max() == 0


def test_cartoonise_leaves_few_colours():
    photograph = cv2.resize(source_photographs("train")["coffee"][:400, :400], (120, 120))
    drawn = cartoonise(photograph, np.random.default_rng(0))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) < len(np.unique(photograph.reshape(-1, 3), axis=0)) / 20


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="not empty"):
        write_archive(tmp_path, count=18, image_size=64)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_archive_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(rng, size, photographs):
        raise OSError("disk full")

    monkeypatch.setitem(writer.KINDS, "Text", fail)
    with pytest.raises(OSError, match="disk full"):
        write_archive(tmp_path / "archive", count=18, image_size=64)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path):
    write_archive(tmp_path, count=18, image_size=64)
    assert len(list_images(tmp_path)) == 18


def test_wrong_wishes_are_told_in_one_line(tmp_path):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="17 pictures are too few; ask for 18"):
        write_archive(tmp_path / "archive", count=17)
    with pytest.raises(ValueError, match="20 pixels are too few"):
        write_archive(tmp_path / "archive", image_size=20)
    with pytest.raises(ValueError, match="Fresco: no such kind of picture; choose one of Cartoon"):
        draw("Fresco", rng)
    with pytest.raises(ValueError, match="holidays: no such split; choose one of train"):
        draw("Photo", rng, split="holidays")
    assert list(tmp_path.iterdir()) == []
