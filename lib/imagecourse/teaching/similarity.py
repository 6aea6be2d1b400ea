"""Which submissions look alike: shared fragments of normalised code. A hint to look, never a verdict.

Fragments are sequences of tokens, as in Schleimer, Wilkerson & Aiken, *Winnowing: local algorithms for document
fingerprinting* (SIGMOD 2003); exercises are short, so all fragments are kept instead of a sample. What the release
gave, and what the teacher's own solutions have, does not count; what many share does.
"""

import builtins
import io
import itertools
import keyword
import tempfile
import tokenize
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from imagecourse.exercises.cells import is_solution, read_notebook
from imagecourse.files import atomic_path
from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.course import Course
from imagecourse.teaching.export import harmless
from imagecourse.teaching.inbox import read_inbox
from imagecourse.teaching.layout import write_page
from imagecourse.teaching.release import student_version

FRAGMENT = 8  # tokens
IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Pair:
    """Two submissions of a chapter. similarity: shared fragments over all fragments of the two, in [0, 1]."""

    first: str
    second: str
    similarity: float
    shared: int


@dataclass(frozen=True)
class Group:
    """Submissions of a chapter that hang together by pairs, the most alike first; codes: of each student in it."""

    chapter: str
    pairs: list[Pair]
    codes: dict[str, str]


def write_similarity(
    submitted: Path, output: Path, threshold: float = 0.5, notebooks: Path | None = None, course: Course | None = None
) -> tuple[list[Group], list[Path]]:
    """Compare all submissions of each chapter and write similarity.csv and similarity.html; most alike first.

    submitted: as for grading. threshold: smallest similarity to report. notebooks: the teacher's; None is the course's.
    """
    submitted, output = Path(submitted).resolve(), Path(output)
    sources = {path.stem: nbformat.read(path, as_version=4) for path in find_notebooks((), notebooks)}
    releases = {name: student_version(source) for name, source in sources.items()}
    groups = []
    with tempfile.TemporaryDirectory(prefix="inbox-", ignore_cleanup_errors=True) as workspace:
        inbox = read_inbox(submitted, Path(workspace), releases, course or Course())
        for chapter, release in releases.items():
            given = [cell.source for cell in release.cells if cell.cell_type == "code"]
            model = [cell.source for cell in sources[chapter].cells if is_solution(cell) and cell.cell_type == "code"]
            codes = {student: own_code(candidates[-1].path, given)
                     for (student, name), candidates in inbox.found.items() if name == chapter}  # fmt: skip
            groups += grouped(chapter, compare(codes, "\n".join([*given, *model]), threshold), codes)
    rows = [{"chapter": group.chapter, "group": number, "first": harmless(pair.first), "second": harmless(pair.second),
             "similarity": pair.similarity, "shared": pair.shared}
            for number, group in enumerate(groups, 1) for pair in group.pairs]  # fmt: skip
    columns = ["chapter", "group", "first", "second", "similarity", "shared"]
    with atomic_path(output / "similarity.csv") as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)
    return groups, [output / "similarity.csv", write_page(output / "similarity.html", "similarity.html", groups=groups)]


def own_code(path: Path, given: list[str]) -> str:
    """The code that a student wrote: all code cells but those of the release; empty for a file that is no notebook."""
    try:
        cells = read_notebook(path).cells
    except (ValueError, OSError):
        return ""
    known = {source.strip() for source in given}
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code" and cell.source.strip() not in known)


def compare(codes: dict[str, str], known: str, threshold: float) -> list[Pair]:
    """Pairs of students whose code is at least as similar as the threshold, most alike first.

    codes: student to own code. known: code of the release and of model answers, whose fragments do not count.
    """
    everywhere = fragments(known)
    found = {name: fragments(code) - everywhere for name, code in codes.items()}
    pairs = []
    for first, second in itertools.combinations(sorted(found), 2):
        shared = len(found[first] & found[second])
        similarity = shared / max(1, len(found[first] | found[second]))
        if shared and similarity >= threshold:
            pairs.append(Pair(first, second, round(similarity, 3), shared))
    return sorted(pairs, key=lambda pair: (-pair.similarity, -pair.shared, pair.first, pair.second))


def grouped(chapter: str, pairs: list[Pair], codes: dict[str, str]) -> list[Group]:
    """Pairs put together where they share a student; larger groups first."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [group for group in groups if group & {pair.first, pair.second}]
        groups = [group for group in groups if group not in touched] + [{pair.first, pair.second}.union(*touched)]
    found = [
        Group(chapter, [pair for pair in pairs if pair.first in group], {name: codes[name] for name in sorted(group)})
        for group in groups
    ]
    return sorted(found, key=lambda group: (-len(group.codes), -group.pairs[0].similarity, min(group.codes)))


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
