"""Short multiple-choice checks of what a chapter says; `widgets.show_quiz` shows them in a notebook.

The questions of a chapter are one file beside this one, `CHAPTER.toml`: a `[[question]]` each with `text`, `options`,
the right `answer` counted from 1, and `why`.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = Path(__file__).parent
LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Question:
    """text, options and why are Markdown; `answer` is the index of the right option, from 0."""

    text: str
    options: tuple[str, ...]
    answer: int
    why: str


def load_quiz(chapter: str, folder: Path = QUESTIONS) -> list[Question]:
    """The questions of a chapter such as `01_preprocessing`.

    Raises: FileNotFoundError that lists the chapters there are; ValueError for a file with a mistake.
    """
    path = folder / f"{chapter}.toml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.toml")))
        raise FileNotFoundError(f"{chapter}: no quiz; there are {known}")
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
        return [_question(entry) for entry in entries]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a quiz ({error}); see the other files beside it") from error


def _question(entry: dict) -> Question:
    options, answer = tuple(entry["options"]), entry["answer"]
    if not 2 <= len(options) <= len(LETTERS) or not 1 <= answer <= len(options) or len(set(options)) < len(options):
        raise ValueError(f"{entry['text']}: 2 to {len(LETTERS)} different options, answer is the number of one")
    return Question(entry["text"].strip(), options, answer - 1, entry["why"].strip())


def as_text(questions: list[Question]) -> str:
    """Questions in Markdown, and below them the answers in a block that the reader opens."""
    parts = [question_text(number, question) for number, question in enumerate(questions, 1)]
    answers = [f"**{number}.** ({LETTERS[question.answer]}) {question.why}"
               for number, question in enumerate(questions, 1)]  # fmt: skip
    return "\n\n".join([*parts, "<details><summary>Answers</summary>", *answers, "</details>"])


def question_text(number: int, question: Question) -> str:
    """A question and its options in Markdown."""
    options = [f"- ({letter}) {option}" for letter, option in zip(LETTERS, question.options, strict=False)]
    return "\n".join([f"**{number}.** {question.text}\n", *options])


def judge(question: Question, chosen: int | None) -> str:
    """The reply to a choice, in Markdown."""
    if chosen is None:
        return "Choose one first."
    return f"**Right.** {question.why}" if chosen == question.answer else "**No.** Try again."
