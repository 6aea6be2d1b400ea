"""Exercises that differ from student to student: values drawn from the student's id, the same wherever it is known."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Choice = TypeVar("Choice")
PARAMETER = "student"  # the notebook's parameter that holds the id; grading fills in whose submission it is


@dataclass(frozen=True)
class Variant:
    """Values of one exercise for one student. student: an id, empty for the values that the course itself shows."""

    student: str
    exercise: str

    def choice(self, name: str, values: Sequence[Choice]) -> Choice:
        """One of the values, the same for the same id, exercise and name. Raises: ValueError for none."""
        if not values:
            raise ValueError(f"{self.exercise}, {name}: no values to choose from")
        return values[self._number(name) % len(values)] if self.student else values[0]

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self.choice(name, range(low, high + 1))

    def seed(self, name: str = "seed") -> int:
        """A seed for numpy.random.default_rng, where a whole array is to differ."""
        return self._number(name) if self.student else 0

    def _number(self, name: str) -> int:
        text = "\n".join((self.student.strip().casefold(), self.exercise, name))
        return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4], "big")
