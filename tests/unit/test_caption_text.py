"""Captions to words, words to numbers, and back."""

import pytest

from imagecourse.captioning.text import (
    END,
    PAD,
    START,
    UNKNOWN,
    Vocabulary,
    build_vocabulary,
    join_words,
    read_vocabulary,
    tokenise,
    unknown_share,
)


@pytest.mark.parametrize(
    ("language", "caption", "words"),
    [
        ("en", 'A man\'s T-shirt: "2 dogs", not WET .', ["a", "man's", "t-shirt", "2", "dogs", "not", "wet"]),
        ("fr", "D’un arbre, l'étoile qu'on voit.", ["d'", "un", "arbre", "l'", "étoile", "qu'", "on", "voit"]),
        ("fr", "À gauche aujourd'hui !", ["à", "gauche", "aujourd'hui"]),
        ("es", "¿Dónde está el niño? ¡Aquí!", ["dónde", "está", "el", "niño", "aquí"]),
        ("en", " - ' -- .", []),
    ],
)  # fmt: skip
def test_words_of_a_caption(language, caption, words):
    assert tokenise(caption, language) == words


def test_decomposed_accents_are_the_same_letters():
    assert tokenise("e\u0301toile", "fr") == ["étoile"]


def test_words_become_a_caption_again():
    assert join_words(tokenise("L'étoile d'un chat", "fr")) == "l'étoile d'un chat"
    assert join_words([]) == ""


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="'de' is unknown; use one of en, fr, es"):
        tokenise("ein Hund", "de")


CAPTIONS = [["a", "dog", "runs"], ["a", "dog"], ["a", "cat"]]


def test_vocabulary_is_by_frequency_then_alphabet_from_a_minimum_count():
    assert build_vocabulary(CAPTIONS).words[4:] == ("a", "dog", "cat", "runs")
    assert build_vocabulary(CAPTIONS, min_count=2).words[4:] == ("a", "dog")
    with pytest.raises(ValueError, match="no word stands 4 times"):
        build_vocabulary(CAPTIONS, min_count=4)


def test_numbers_have_start_end_and_padding_and_lead_back():
    vocabulary = build_vocabulary(CAPTIONS, min_count=2)
    rows = vocabulary.encode([["a", "dog"], ["a", "cat", "a", "dog"], []], length=4)
    assert rows.tolist() == [[START, 4, 5, END, PAD], [START, 4, UNKNOWN, 4, 5], [START, END, PAD, PAD, PAD]]
    assert vocabulary.decode(rows[0]) == ["a", "dog"]
    assert vocabulary.decode(rows[1]) == ["a", "<unknown>", "a", "dog"]
    assert vocabulary.decode([4, END, 5]) == ["a"]


def test_share_of_unknown_words():
    assert unknown_share([["a", "cow"], ["a", "dog"]], build_vocabulary(CAPTIONS)) == 0.25
    assert unknown_share([], build_vocabulary(CAPTIONS)) == 0


def test_a_vocabulary_is_plain_text(tmp_path):
    vocabulary = Vocabulary(("<pad>", "<start>", "<end>", "<unknown>", "l'", "étoile"), "fr")
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join(vocabulary.lines()) + "\n", encoding="utf-8")
    assert read_vocabulary(path) == vocabulary


@pytest.mark.parametrize(
    "text", ["", "dog\ncat\n", "# en\ndog\n", "# xx\n<pad>\n<start>\n<end>\n<unknown>\na\n",
             "# en\n<pad>\n<start>\n<end>\n<unknown>\na\na\n"]
)  # fmt: skip
def test_what_is_no_vocabulary_is_named(tmp_path, text):
    path = tmp_path / "vocabulary.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"vocabulary.txt: not a vocabulary"):
        read_vocabulary(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_vocabulary(tmp_path / "other.txt")
