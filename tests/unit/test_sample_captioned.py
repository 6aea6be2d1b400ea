"""Drawn scenes and what is said about them, in three languages."""

from dataclasses import replace

import numpy as np
import pytest

from imagecourse.captioning.text import join_words, tokenise
from imagecourse.datasets import read_dataset
from imagecourse.samples.captioned import (
    LANGUAGES,
    READ,
    Facts,
    any_facts,
    describe,
    draw_captioned,
    read_facts,
    write_captioned,
)

FACTS = Facts("mouse", 2, "blue", "striped", "sleep", "left", "star", "night")


def captions(facts: Facts, language: str, count: int) -> list[str]:
    rng = np.random.default_rng(3)
    return [describe(facts, language, rng) for _ in range(count)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_tell_the_facts_and_can_be_read_back(language):
    for number in range(400):
        rng = np.random.default_rng([1, number])
        facts = any_facts(rng)
        told = read_facts(describe(facts, language, rng), language)
        assert told == {fact: getattr(facts, fact) for fact in READ}


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_vary_in_words_and_in_form(language):
    different = set(captions(FACTS, language, 300))
    assert len(different) > 200
    assert len({len(caption.split()) for caption in different}) >= 8
    assert len({caption.split()[0] for caption in different}) >= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_survive_the_way_through_the_vocabulary(language):
    for caption in captions(FACTS, language, 50):
        words = tokenise(caption, language)
        assert join_words(words) == caption.replace(",", "")
        assert "{" not in caption and "[" not in caption and "|" not in caption


def test_words_agree():
    french = captions(FACTS, "fr", 300)
    assert any("bleues" in caption for caption in french)
    assert not any(word in caption.split() for caption in french for word in ("bleu", "bleus", "bleue", "dort"))
    assert not any("de le" in caption or "de un" in caption or "la étoile" in caption for caption in french)
    single = captions(replace(FACTS, count=1), "fr", 300)
    assert any("une souris bleue" in caption for caption in single)
    assert not any(word in caption.split() for caption in single for word in ("bleu", "bleues", "dorment"))
    spanish = captions(replace(FACTS, colour="yellow", thing="balloon"), "es", 300)
    assert any("ratones amarillos" in caption for caption in spanish)
    assert any("del globo" in caption for caption in spanish) and not any("de el" in caption for caption in spanish)


def test_nothing_is_said_about_a_plain_coat_or_a_plain_ground():
    plain = captions(replace(FACTS, pattern="plain", place="plain"), "en", 200)
    assert not any(word in caption for caption in plain for word in ("stripe", "spot", "dots", "night", "room"))


def test_a_caption_that_contradicts_itself_is_read_as_nothing():
    told = read_facts("two blue and pink mice left and right of a star", "en")
    assert (told["colour"], told["relation"], told["count"], told["thing"]) == (None, None, 2, "star")
    assert read_facts("", "en") == {"animal": None, "count": 1, "colour": None, "relation": None, "thing": None}


def test_masks_show_who_is_where():
    for number in range(12):
        rng = np.random.default_rng([2, number])
        facts = any_facts(rng)
        scene = draw_captioned(facts, rng, 96)
        assert scene.image.shape == (96, 96, 3) and scene.image.dtype == np.uint8
        rows, columns = (
            {name: np.argwhere(mask)[:, axis].mean() for name, mask in scene.masks.items()} for axis in (0, 1)
        )
        distance = {"left": columns["thing"] - columns["animal"], "right": columns["animal"] - columns["thing"],
                    "above": rows["thing"] - rows["animal"], "below": rows["animal"] - rows["thing"]}  # fmt: skip
        assert distance[facts.relation] > 20
        assert not (scene.masks["animal"] & scene.masks["thing"]).any()


def test_the_same_seed_draws_the_same_pictures_in_every_language(tmp_path):
    folders = {
        language: write_captioned(tmp_path / language, language, count=20, image_size=48) for language in LANGUAGES
    }
    tables = {language: read_dataset(folder).table for language, folder in folders.items()}
    for language, table in tables.items():
        assert table["split"].value_counts().to_dict() == {"train": 14, "validation": 3, "test": 3}
        assert table["captions"].map(len).eq(5).all()
        pictures = [(folders[language] / "Images" / f"{number:05d}.png").read_bytes() for number in (1, 20)]
        assert pictures == [(folders["en"] / "Images" / f"{number:05d}.png").read_bytes() for number in (1, 20)]
    assert tables["en"]["captions"][0] != tables["fr"]["captions"][0]


def test_what_cannot_be_drawn_or_said_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'de' is unknown"):
        describe(FACTS, "de", np.random.default_rng(0))
    with pytest.raises(ValueError, match="9 pictures are too few"):
        write_captioned(tmp_path / "few", count=9)
    with pytest.raises(ValueError, match="48 or more"):
        draw_captioned(FACTS, np.random.default_rng(0), 40)
