"""What a file that gives no image is told in."""

import os
from pathlib import Path


class ImageReadError(ValueError):
    """A file that does not give an image: `path`, `reason` (what is wrong) and `advice` (what to do)."""

    def __init__(self, path: str | os.PathLike, reason: str, advice: str):
        super().__init__(path, reason, advice)
        self.path, self.reason, self.advice = Path(path), reason, advice

    def __str__(self) -> str:
        return f"{on_one_line(self.path)}: {self.reason}; {self.advice}"


class ImageWarning(UserWarning):
    """An image was read, and something about it had to be guessed."""


def on_one_line(text: object) -> str:
    """A path or message with escapes for what is no sign of its own, such as a line break."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text))
