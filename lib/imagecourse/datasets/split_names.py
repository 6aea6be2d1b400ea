"""Folders and words that name a split, in English, French and Spanish."""

import re
import unicodedata

SPLIT_WORDS = {
    "train": ("train", "training", "entrainement", "apprentissage", "entrenamiento"),
    "validation": ("validation", "valid", "val", "dev", "validacion"),
    "test": ("test", "testing", "essai", "essais", "prueba", "pruebas"),
    "predict": ("predict", "prediction", "predictions", "unlabeled", "unlabelled"),
}
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
_BESIDES = {"", "data", "image", "images", "pictures", "split", "donnees", "datos", "imagenes"}


def split_of(name: str) -> str | None:
    """The split that a name means, as in "Training", "test_set" or "entraînement"; None for any other."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    words = {word.removesuffix("set") for word in re.findall(r"[^\W\d_]+", plain)} - _BESIDES
    return _SPLIT_OF.get(words.pop()) if len(words) == 1 else None
