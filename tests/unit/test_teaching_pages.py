"""What can be tried without running a notebook: quizzes, similarity, what feedback quotes, the sandbox's refusals."""

import re
from pathlib import Path

import nbformat
import pytest

from imagecourse.plots import quizzes, widgets
from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.judging.sandbox import refuse_visible, visible_folders
from imagecourse.teaching.similarity import compare, grouped, normalised

CODE = """def total(values):
    # add them up
    result = 0
    for value in values:
        if value is not None:
            result = result + value * 2 - 1
    return result / len(values)
"""
RENAMED = CODE.replace("result", "s").replace("value", "x").replace("    # add them up\n", "") + "\n\n# mine\n"
OTHER = (
    "def total(values):\n    import numpy\n    return numpy.nansum(numpy.asarray(values, float)) / numpy.size(values)\n"
)


@pytest.mark.parametrize("name", sorted(path.stem for path in quizzes.QUESTIONS.glob("*.toml")))
def test_quizzes_are_complete(name):
    questions = quizzes.load_quiz(name)
    assert 4 <= len(questions) <= 8
    assert len({question.answer for question in questions}) > 1
    text = quizzes.as_text(questions)
    assert text.index("<summary>Answers") > text.index(questions[-1].options[-1])
    assert all(question.text in text and question.why in text for question in questions)


@pytest.mark.parametrize("path", find_notebooks(), ids=lambda path: path.stem)
def test_chapters_show_their_own_quiz(path):
    sources = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    shown = re.findall(r'show_quiz\("(.*?)"\)', sources)
    assert shown == [path.stem]


def test_a_quiz_answers_a_choice():
    question = quizzes.Question("2 + 2?", ("3", "4"), 1, "Count.")
    assert quizzes.judge(question, 1) == "**Right.** Count."
    assert "Count" not in quizzes.judge(question, 0) + quizzes.judge(question, None)


def test_a_quiz_is_text_on_a_static_page_and_widgets_when_live(monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", shown.append)
    widgets.show_quiz("01_preprocessing")
    assert len(shown) == 1 and "<details>" in shown[0].data
    shown.clear()
    monkeypatch.setattr(widgets, "is_live", lambda: True)
    widgets.show_quiz("01_preprocessing")
    boxes = shown[1::2]
    assert len(boxes) == len(quizzes.load_quiz("01_preprocessing"))
    choice, button, _ = boxes[0].children
    assert choice.index is None
    choice.index = quizzes.load_quiz("01_preprocessing")[0].answer
    button.click()
    assert "Right" in shown[-1].data
    assert not any("Answers" in text.data for text in shown[:-1:2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[question]]\ntext = 'a'",
        "[[question]]\ntext = 'a'\noptions = ['1', '2']\nanswer = 3\nwhy = ''",
        "not toml",
    ],
)
def test_a_quiz_with_a_mistake_is_refused(tmp_path, text):
    (tmp_path / "broken.toml").write_text(text)
    with pytest.raises(ValueError, match="not a quiz"):
        quizzes.load_quiz("broken", tmp_path)
    with pytest.raises(FileNotFoundError, match="there are broken"):
        quizzes.load_quiz("other", tmp_path)


def test_names_comments_and_layout_do_not_hide_a_copy():
    assert normalised(CODE) == normalised(RENAMED)
    pairs = compare({"ann": CODE, "bob": RENAMED, "cat": OTHER}, "", 0.3)
    assert [(pair.first, pair.second, pair.similarity) for pair in pairs] == [("ann", "bob", 1.0)]


def test_what_the_release_or_the_model_answer_has_does_not_count_and_what_many_copied_does():
    assert compare({"ann": CODE, "bob": RENAMED}, CODE, 0.1) == []
    crowd = {f"student{number}": CODE for number in range(8)}
    codes = crowd | {"x": OTHER, "y": OTHER, "z": ""}
    groups = grouped("01_sums", compare(codes, "", 0.5), codes)
    assert [list(group.codes) for group in groups] == [sorted(crowd), ["x", "y"]]
    assert len(groups[0].pairs) == 28


def test_broken_code_is_compared_as_far_as_it_goes():
    assert normalised("x = (1,\n") == ["name", "=", "(", "1", ","]
    assert normalised("if True:\n        a\n    b\n")[:2] == ["if", "True"]


def test_nothing_secret_may_lie_where_student_code_can_read(tmp_path):
    refuse_visible([tmp_path, Path(__file__).parents[2] / "notebooks"])
    with pytest.raises(ValueError, match="could read"):
        refuse_visible([visible_folders()[-1] / "sub"])
