"""Which submissions look alike: shared fragments of normalised code. A hint to look, never a verdict.

Fragments are sequences of tokens, as in Schleimer, Wilkerson & Aiken, *Winnowing: local algorithms for document
fingerprinting* (SIGMOD 2003); exercises are short, so all fragments are kept instead of a sample.
"""

import builtins
import io
import itertools
import keyword
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from imagecourse.exercises.cells import read_notebook
from imagecourse.files import atomic_path
from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.grade import find_submission, student_names
from imagecourse.teaching.layout import write_page
from imagecourse.teaching.release import student_version

FRAGMENT = 8  # tokens
COMMON = 0.25  # fragments in a larger share of the class say nothing
FEWEST_FOR_COMMON = 8  # submissions
IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Pair:
    """Two submissions of a chapter. similarity: shared fragments over all fragments of the two, in [0, 1]."""

    chapter: str
    first: str
    second: str
    similarity: float
    shared: int
    first_code: str
    second_code: str


def write_similarity(
    submitted: Path, output: Path, threshold: float = 0.5, notebooks: Path | None = None
) -> tuple[list[Pair], list[Path]]:
    """Compare all submissions of each chapter and write similarity.csv and similarity.html; most alike first.

    submitted: folder with STUDENT/CHAPTER/CHAPTER.ipynb. threshold: smallest similarity to report.
    notebooks: the teacher's; None is the course's own.
    """
    submitted, output = Path(submitted).resolve(), Path(output)
    if not submitted.is_dir():
        raise FileNotFoundError(f"{submitted}: no such folder of submissions")
    pairs = []
    for chapter in find_notebooks((), notebooks):
        release = student_version(nbformat.read(chapter, as_version=4))
        given = [cell.source for cell in release.cells if cell.cell_type == "code"]
        codes = {name: own_code(path, given) for name in student_names(submitted)
                 if (path := find_submission(submitted / name, chapter.stem))}  # fmt: skip
        pairs += compare(chapter.stem, codes, "\n".join(given), threshold)
    columns = ["chapter", "first", "second", "similarity", "shared"]
    with atomic_path(output / "similarity.csv") as temporary:
        pd.DataFrame([vars(pair) for pair in pairs], columns=columns).to_csv(temporary, index=False)
    return pairs, [output / "similarity.csv", write_page(output / "similarity.html", "similarity.html", pairs=pairs)]


def own_code(path: Path, given: list[str]) -> str:
    """The code that a student wrote: all code cells but those of the release; empty for a file that is no notebook."""
    try:
        cells = read_notebook(path).cells
    except (ValueError, OSError):
        return ""
    known = {source.strip() for source in given}
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code" and cell.source.strip() not in known)


def compare(chapter: str, codes: dict[str, str], given: str, threshold: float) -> list[Pair]:
    """Pairs of students whose code is at least as similar as the threshold, most alike first.

    codes: student to own code. given: code of the release, whose fragments do not count.
    """
    everywhere = fragments(given)
    found = {name: fragments(code) - everywhere for name, code in codes.items()}
    counts = Counter(itertools.chain.from_iterable(found.values()))
    most = COMMON * len(codes) if len(codes) >= FEWEST_FOR_COMMON else len(codes)
    telling = {name: {fragment for fragment in own if counts[fragment] <= max(2, most)} for name, own in found.items()}
    pairs = []
    for first, second in itertools.combinations(sorted(telling), 2):
        shared = len(telling[first] & telling[second])
        similarity = shared / max(1, len(telling[first] | telling[second]))
        if shared and similarity >= threshold:
            pairs.append(Pair(chapter, first, second, round(similarity, 3), shared, codes[first], codes[second]))
    return sorted(pairs, key=lambda pair: (-pair.similarity, -pair.shared, pair.first, pair.second))


def fragments(code: str) -> set[tuple[str, ...]]:
    """All runs of FRAGMENT tokens; names, strings, comments and layout make no difference."""
    tokens = normalised(code)
    return {tuple(tokens[start : start + FRAGMENT]) for start in range(len(tokens) - FRAGMENT + 1)}


def normalised(code: str) -> list[str]:
    """Tokens of Python code, with own names as `name` and strings as `text`; up to a syntax error."""
    tokens = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in IGNORED:
                continue
            is_own = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            own_name = "name" if is_own and not hasattr(builtins, token.string) else token.string
            tokens.append("text" if token.type == tokenize.STRING else own_name)
    except (tokenize.TokenError, SyntaxError):
        pass
    return tokens
