"""What a class may be called, since its name becomes a folder, a column of a table, a line of a file; and several names
as one text."""

import unicodedata
from collections.abc import Sequence

import numpy as np

LABEL_SEPARATOR = " + "
RESERVED_LABELS = ("file", "label", "confidence", "error", "truth", "prediction", "unsure")
"""Names that tables and folders of answers use themselves."""
FORMULA_SIGNS = ("=", "+", "-", "@")
LONGEST = 200  # bytes; a file system takes 255, and something is added to the name


def normal_label(label: str) -> str:
    """The composed form (NFC) of a name: what looks the same is the same class, whichever system wrote the folder."""
    return unicodedata.normalize("NFC", label)


def label_fault(label: str) -> str | None:
    """Why a name cannot be that of a class, in words that follow it; None where it can."""
    if label.strip() != label or label in ("", ".", "..") or "/" in label or "\\" in label:
        return "cannot name a folder; leave out slashes and outer spaces"
    if not label.isprintable():
        return "holds signs that cannot be shown; write it with plain letters"
    if label.startswith(FORMULA_SIGNS):
        return f"would be a formula in a spreadsheet; let it begin with something else than {label[0]}"
    if len(label.encode()) > LONGEST:
        return f"is longer than {LONGEST} bytes; shorten it"
    if label in RESERVED_LABELS:
        return "is the name of another column; rename the class"
    return None


def join_labels(scores: np.ndarray, classes: Sequence[str], thresholds: np.ndarray) -> list[str]:
    """The classes of each picture whose score reaches its threshold, as text such as "goku + vegeta", or "".

    scores: (n, classes). thresholds: (classes,).
    """
    named = scores >= thresholds
    return [LABEL_SEPARATOR.join(name for name, yes in zip(classes, row, strict=True) if yes) for row in named]


def split_labels(label: str, classes: Sequence[str]) -> list[str]:
    """The classes that a text of `join_labels` names; a class whose own name holds the separator is one."""
    if label == "" or label in classes:
        return [label] if label else []
    return label.split(LABEL_SEPARATOR)
