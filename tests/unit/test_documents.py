"""Dirty pages and clean ones: drawn, read, and split so that nothing is on both sides."""

import numpy as np
import pytest

from imagecourse.datasets.documents import (
    Page,
    background_groups,
    read_documents,
    split_by_text_and_background,
    text_groups,
)
from imagecourse.images import write_image
from imagecourse.restoration.pages import CLASSIC, best_settings, mean_error, page_error, subtract_background
from imagecourse.samples.documents import (
    clean_page,
    draw_cover,
    draw_dirty_paper,
    draw_document,
    print_on,
    write_documents,
)

SMALL = (120, 160)


def page(text: int, background: int) -> Page:
    """Text number so on background number so."""
    cover = draw_cover(np.random.default_rng([1, text]), SMALL)
    paper = draw_dirty_paper(np.random.default_rng([2, background]), SMALL)
    dirty = print_on(paper, cover, np.random.default_rng([3, text, background]))
    return Page(f"{text}-{background}.png", dirty, clean_page(cover))


@pytest.fixture(scope="module")
def linked() -> list[Page]:
    """Texts 0 and 1 on backgrounds 0 and 1, texts 2 to 4 on 2 and 3, and texts 0 and 2 on background 4 as well."""
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (0, 4), (2, 4), (3, 4)]
    return [page(*pair) for pair in pairs]


def test_pages_are_grouped_by_what_they_share(linked):
    texts = [name.name.split("-")[0] for name in linked]
    backgrounds = [name.name.split("-")[1].split(".")[0] for name in linked]
    for groups, truth in ((text_groups(linked), texts), (background_groups(linked), backgrounds)):
        assert len(set(zip(groups.tolist(), truth, strict=True))) == len(set(truth)) == len(set(groups.tolist()))


def test_no_text_and_no_background_is_on_both_sides(linked):
    split = split_by_text_and_background(linked)
    names = {
        part: [page.name for page, where in zip(linked, split, strict=True) if where == part] for part in set(split)
    }
    assert names["test"] == ["0-0.png", "0-1.png", "1-0.png", "1-1.png"]
    assert "2-4.png" in names["train"] and names["left out"] == ["0-4.png"]
    shared = [{name.split("-")[place] for name in names[part]} for place in (0, 1) for part in ("train", "test")]
    assert not shared[0] & shared[1] and not shared[2] & shared[3]


def test_pages_that_all_hang_together_cannot_be_split():
    with pytest.raises(ValueError, match="all pages share texts or backgrounds"):
        split_by_text_and_background([page(0, 0), page(0, 1), page(1, 1)])


def test_a_drawn_page_is_dirty_only_where_it_should_be(tmp_path):
    dirty, clean = draw_document(np.random.default_rng(5), SMALL)
    assert dirty.shape == clean.shape == SMALL and dirty.dtype == clean.dtype == np.uint8
    assert np.median(clean) == 255 > np.median(dirty) and clean.min() < 60
    np.testing.assert_array_equal(draw_document(np.random.default_rng(5), SMALL)[0], dirty)
    assert dirty[clean < 60].mean() + 80 < dirty[clean == 255].mean()
    pages = read_documents(write_documents(tmp_path / "documents", texts=4, backgrounds=4, seed=1))
    assert len(pages) == 8 and len(set(text_groups(pages))) == 4
    with pytest.raises(ValueError, match="too few"):
        write_documents(tmp_path / "few", texts=1)


def test_bad_folders_are_told_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="noisy: no such folder; pairs are"):
        read_documents(tmp_path)
    for part, size in (("noisy", 20), ("clean", 24)):
        write_image(tmp_path / part / "1.png", np.zeros((20, size), np.uint8))
    with pytest.raises(ValueError, match=r"1\.png: is not as large as in noisy"):
        read_documents(tmp_path)
    (tmp_path / "clean" / "1.png").rename(tmp_path / "clean" / "2.png")
    with pytest.raises(ValueError, match="no file of noisy has its page in clean"):
        read_documents(tmp_path)


def test_classic_cleaners_take_the_paper_and_leave_the_ink():
    dirty = np.full((80, 80), 190, np.uint8)
    dirty[:, 40:] = 150
    dirty[20:60, 30:32] = 30
    cleaned = subtract_background(dirty, 17, 40)
    assert (cleaned[20:60, 30:32] == 30).all() and (np.delete(cleaned, (30, 31), axis=1) == 255).all()
    pairs = [draw_document(np.random.default_rng([7, number]), SMALL) for number in range(3)]
    assert mean_error(subtract_background, pairs) < mean_error(lambda page: page, pairs)
    for method in CLASSIC.values():
        assert mean_error(best_settings(method, pairs), pairs) <= mean_error(method, pairs)


def test_page_error_counts_white_against_black_as_one():
    white, black = np.full((3, 4), 255, np.uint8), np.zeros((3, 4), np.uint8)
    assert (page_error(white, black), page_error(white, white)) == (1, 0)
    assert page_error(white, np.full((3, 4), 204, np.uint8)) == pytest.approx(0.2)
