"""Captions as words, and words as numbers: cleaning, the vocabulary, padding, and the way back."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish"}
_WORD = r"[^\W_]+(?:['-][^\W_]+)*"
_ELIDED = r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'(?=\w)"  # French: l'arbre is two words


def tokenise(caption: str, language: str = "en") -> list[str]:
    """The words of a caption in lower case; punctuation goes, except inside a word (t-shirt, man's).

    In French an elided article or pronoun is a word of its own that keeps its apostrophe: l', d', qu'.
    Raises: ValueError for a language that is not in `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language: {language!r} is unknown; use one of {', '.join(LANGUAGES)}")
    text = unicodedata.normalize("NFC", caption).lower().replace("’", "'")
    return re.findall(f"{_ELIDED}|{_WORD}" if language == "fr" else _WORD, text)


def join_words(words: Iterable[str]) -> str:
    """A caption from its words: a space after each but those that end in an apostrophe."""
    return "".join(word if word.endswith("'") else f"{word} " for word in words).rstrip()


@dataclass(frozen=True)
class Vocabulary:
    """The words that a decoder knows, each with its number; 0 to 3 are padding, start, end and unknown.

    words: all of them in the order of their numbers, `SPECIAL` first. language: that of the captions.
    """

    words: tuple[str, ...]
    language: str = "en"

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, captions: Sequence[Sequence[str]], length: int) -> np.ndarray:
        """Numbers of tokenised captions: (n, length + 1) int32, each start, words, end, and then padding.

        A caption of more than `length` - 1 words is cut there, and has no end: it did not end.
        """
        numbers = {word: number for number, word in enumerate(self.words)}
        rows = np.full((len(captions), length + 1), PAD, np.int32)
        for row, caption in zip(rows, captions, strict=True):
            found = [START, *(numbers.get(word, UNKNOWN) for word in caption), END][: length + 1]
            row[: len(found)] = found
        return rows

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The words up to the end, without what is special but the unknown one."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                words.append(self.words[number])
        return words

    def lines(self) -> list[str]:
        """For a text file: the language behind a #, then a word a line in the order of their numbers."""
        return [f"# {self.language}", *self.words]


def build_vocabulary(captions: Iterable[Sequence[str]], min_count: int = 1, language: str = "en") -> Vocabulary:
    """The words that tokenised captions use at least min_count times, the most frequent first, then by alphabet.

    Build it from training captions only. Raises: ValueError when no word is left.
    """
    counts = Counter(word for caption in captions for word in caption)
    kept = sorted(
        (word for word, count in counts.items() if count >= min_count), key=lambda word: (-counts[word], word)
    )
    if not kept:
        raise ValueError(f"no word stands {min_count} times or more in the captions; give more, or a lower min_count")
    return Vocabulary((*SPECIAL, *kept), language)


def read_vocabulary(path: str | os.PathLike) -> Vocabulary:
    """A vocabulary from a file of its `lines`. Raises: FileNotFoundError; ValueError for another kind of file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a captioner needs it, copy the whole model folder again")
    try:
        language, *words = path.read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path}: not a vocabulary ({error}); copy it again from its source") from error
    language = language.removeprefix("# ")
    if language not in LANGUAGES or tuple(words[: len(SPECIAL)]) != SPECIAL or len(set(words)) < len(words):
        raise ValueError(f"{path}: not a vocabulary of different words after {' '.join(SPECIAL)}; copy it again")
    return Vocabulary(tuple(words), language)


def unknown_share(captions: Iterable[Sequence[str]], vocabulary: Vocabulary) -> float:
    """The share of words in tokenised captions that a vocabulary does not know."""
    known = set(vocabulary.words)
    found = [word in known for caption in captions for word in caption]
    return found.count(False) / max(1, len(found))


SIDED = {
    "en": {"left", "right"},
    "fr": {"gauche", "droite", "droit"},
    "es": {"izquierda", "izquierdo", "derecha", "derecho"},
}
"""Words that are wrong for a picture's mirror image, by language."""
