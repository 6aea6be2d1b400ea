"""Sentences from facts: a small grammar for each language, in a TOML file beside this module, and the way back.

A caption starts as one of several sentence forms; each {part} in it becomes one of the phrases that fit the facts, with
its own parts and the gender and number that it needs; what stands in [brackets] is there or not.
"""

import re
import tomllib
from functools import cache
from importlib import resources

import numpy as np

from imagecourse.samples.captioned.drawing import Facts

LANGUAGES = ("en", "fr", "es")
READ = ("animal", "count", "colour", "relation", "thing")
_FACT_OF = {"all": "count", "marks": "pattern", "does": "action", "doing": "action", "where": "relation",
            "it": "relation", "at": "place"}  # fmt: skip
_OF_THING = ("thing", "a", "the")
_PART = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def describe(facts: Facts, language: str, rng: np.random.Generator) -> str:
    """One of the many captions for a picture, in lower case. Raises: ValueError for a language not in `LANGUAGES`."""
    grammar = _grammar(language)
    genders = {part: _pick(grammar[part][getattr(facts, part)], rng) for part in ("animal", "thing")}
    text = _expand("{forms}", grammar, facts, genders, rng)
    for pattern, written in grammar["written"].items():
        text = re.sub(pattern, written, text)
    return text


def read_facts(caption: str, language: str) -> dict[str, str | int | None]:
    """What a caption says about each of `READ`; None where it says nothing, or several things.

    A caption without a word for two or three is about one. Raises: as `describe`.
    """
    words = set(re.findall(r"[\w-]+", caption.lower()))
    found = {}
    for fact, values in _signs(language).items():
        named = [value for value, signs in values.items() if signs & words]
        found[fact] = named[0] if len(named) == 1 else None
        if fact == "count":
            found[fact] = int(named[0]) if len(named) == 1 else None if named else 1
    return found


@cache
def _grammar(language: str) -> dict:
    if language not in LANGUAGES:
        raise ValueError(f"language: {language!r} is unknown; use one of {', '.join(LANGUAGES)}")
    text = resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    grammar = tomllib.loads(text)
    return grammar | grammar.pop("captions")


@cache
def _signs(language: str) -> dict[str, dict[str, set[str]]]:
    """For each fact and value the words that tell it, in any of their forms."""
    grammar = _grammar(language)
    nouns = {fact: {value: _all_forms(entries) for value, entries in grammar[fact].items()}
             for fact in ("animal", "colour", "thing")}  # fmt: skip
    read = {fact: {value: set(words) for value, words in values.items()} for fact, values in grammar["read"].items()}
    return {fact: (nouns | read)[fact] for fact in READ}


def _all_forms(entries: list[str]) -> set[str]:
    return {form for entry in entries for form in _gender_and_forms(entry)[1]}


def _gender_and_forms(entry: str) -> tuple[str, list[str]]:
    gender, _, forms = entry.rpartition(" ") if entry[:2] in ("m ", "f ") else ("m", "", entry)
    return gender, forms.split("|")


def _pick(options: list, rng: np.random.Generator):
    return options[rng.integers(len(options))]


def _phrases(part: str, grammar: dict, facts: Facts, nouns: dict[str, str]) -> list[str]:
    """What a part can become; nothing where the facts leave nothing to say, as of the pattern of a plain animal."""
    if part in nouns:
        return [nouns[part]]
    if part in Facts.__annotations__ or part in _FACT_OF:
        return grammar[part].get(str(getattr(facts, _FACT_OF.get(part, part))), [])
    return grammar[part]


def _can_be_said(text: str, grammar: dict, facts: Facts, nouns: dict[str, str]) -> bool:
    return all(_phrases(part, grammar, facts, nouns) for part in _PART.findall(_OPTIONAL.sub("", text)))


def _expand(text: str, grammar: dict, facts: Facts, nouns: dict[str, str], rng: np.random.Generator) -> str:
    def keep_or_not(match: re.Match) -> str:
        kept = _can_be_said(match[1], grammar, facts, nouns) and rng.random() < 0.5
        return match[1] if kept else ""

    def fill(match: re.Match) -> str:
        part = match[1]
        phrases = _phrases(part, grammar, facts, nouns)
        phrase = _pick([each for each in phrases if _can_be_said(each, grammar, facts, nouns)], rng)
        owner, number = ("thing", 1) if part in _OF_THING else ("animal", facts.count)
        gender, _ = _gender_and_forms(nouns[owner])
        return _expand(_agreeing(phrase, gender, number), grammar, facts, nouns, rng)

    return _PART.sub(fill, _OPTIONAL.sub(keep_or_not, text))


def _agreeing(phrase: str, gender: str, number: int) -> str:
    """The form of a phrase for a gender and a number: one for all, singular|plural, or those of both genders."""
    _, forms = _gender_and_forms(phrase)
    plural, feminine = number > 1, gender == "f"
    if len(forms) == 4:
        return forms[2 * plural + feminine]
    return forms[plural] if len(forms) == 2 else forms[0]
