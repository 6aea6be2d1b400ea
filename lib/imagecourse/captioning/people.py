"""Whom do captions call a man, a woman or a child? Words for people, counted."""

from collections.abc import Sequence

import pandas as pd

from imagecourse.captioning.scores import normalised

PEOPLE = {
    "man": {"man", "men", "mans", "guy", "guys", "gentleman", "gentlemen", "male", "males"},
    "woman": {"woman", "women", "womans", "lady", "ladies", "female", "females"},
    "child": {"child", "children", "boy", "boys", "girl", "girls", "kid", "kids", "toddler", "toddlers", "baby",
              "babies"},
    "person": {"person", "people", "persons"},
}  # fmt: skip
"""English words by whom they name; "person" leaves it open."""


def names_people(captions: Sequence[str]) -> pd.DataFrame:
    """Whether each caption has a word for each of `PEOPLE`: a bool column for each, a row per caption."""
    words = [set(normalised(caption).split()) for caption in captions]
    return pd.DataFrame({who: [bool(names & each) for each in words] for who, names in PEOPLE.items()})
