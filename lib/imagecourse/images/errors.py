"""What a file that gives no image is told in."""

import os
from pathlib import Path


class ImageReadError(ValueError):
    """A file that does not give an image: `path`, `reason` (what is wrong) and `advice` (what to do)."""

    def __init__(self, path: str | os.PathLike, reason: str, advice: str):
        super().__init__(path, reason, advice)
        self.path, self.reason, self.advice = Path(path), reason, advice

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {self.advice}"


class ImageWarning(UserWarning):
    """An image was read, and something about it had to be guessed."""
