"""Numbers on the command line: what is out of range is told before any work begins. Types for argparse."""

import math
from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """A whole number above 0."""
    return _within(_whole(text), 1, None)


def seed(text: str) -> int:
    """What starts a generator of random numbers in NumPy and TensorFlow."""
    return _within(_whole(text), 0, 2**32 - 1)


def port(text: str) -> int:
    """A port of this computer, 0 for any free one."""
    return _within(_whole(text), 0, 65535)


def probability(text: str) -> float:
    """A number from 0 to 1."""
    return _within(_number(text), 0, 1)


def seconds(text: str) -> float:
    """A time above 0."""
    number = _number(text)
    if number <= 0 or math.isinf(number):
        raise ArgumentTypeError(f"{text} is no time; give seconds above 0")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no whole number") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ArgumentTypeError(f"{text!r} is no number")
    return number


def _within(number, lowest, highest):
    if highest is None and number < lowest:
        raise ArgumentTypeError(f"{number} is too small; give at least {lowest}")
    if highest is not None and not lowest <= number <= highest:
        raise ArgumentTypeError(f"{number} is out of range; give {lowest} to {highest}")
    return number
