"""The project's own files agree with each other."""

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from imagecourse.cli import build_parser

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.fr.md", "README.es.md")


def requirement_names(lines: list[str]) -> set[str]:
    names = (re.match(r"[A-Za-z0-9._-]+", line.strip()) for line in lines)
    return {re.sub(r"[-_.]+", "-", match.group()).lower() for match in names if match and match.group() != "-e"}


def test_requirements_are_pinned_explained_and_end_with_the_package():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "-e ."
    for line in lines[:-1]:
        assert not line or line.startswith("#") or re.match(r"[\w.-]+==[\w.]+\s+# \S", line), line


def test_every_dependency_of_the_package_has_a_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = requirement_names(project["dependencies"] + project["optional-dependencies"]["dev"])
    pinned = requirement_names((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    assert wanted == pinned


def test_the_command_line_starts_without_heavy_imports():
    code = (
        "import sys; from imagecourse.cli import build_parser; build_parser();"
        "print({'numpy', 'pandas', 'cv2', 'PIL', 'skimage', 'tensorflow', 'keras', 'papermill'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def commands_of(parser: argparse.ArgumentParser, *words: str) -> dict[str, argparse.ArgumentParser]:
    """Every command and sub-command with its parser, by what one types."""
    found = {" ".join(words): parser} if words else {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found |= commands_of(inner, *words, name)
    return found


COMMANDS = commands_of(build_parser())


def test_there_are_commands():
    assert {"report", "data", "restore", "train", "predict", "explain", "teach"} <= set(COMMANDS)
    run = subprocess.run([sys.executable, "-m", "imagecourse", "--help"], capture_output=True, text=True, check=True)
    assert all(re.search(rf"^    {name}\b", run.stdout, re.MULTILINE) for name in COMMANDS if " " not in name)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example_that_it_understands(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args([*command.split(), "--help"])
    assert stopped.value.code == 0
    explained = capsys.readouterr().out
    examples = re.findall(r"^  (imagecourse .*)", explained.partition("\nexample:\n")[2], re.MULTILINE)
    assert examples, explained
    for example in examples:
        assert f"{example} ".startswith(f"imagecourse {command} ")
        assert callable(build_parser().parse_args(shlex.split(example)[1:]).run), example


def test_wrong_usage_exits_with_two():
    run = subprocess.run([sys.executable, "-m", "imagecourse", "nonsense"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "nonsense" in run.stderr


@pytest.mark.parametrize("name", READMES)
def test_readme_links_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    missing = [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]
    assert not missing
    assert {other for other in READMES if other != name} <= set(links)


@pytest.mark.parametrize("name", READMES[1:])
def test_translations_show_the_same_commands_numbers_and_pictures(name):
    def skeleton(text: str) -> tuple:
        commands = re.findall(r"^(?:make \w+|imagecourse \w+|\S*pip\S* install|\S+ -m \S+)", text, flags=re.MULTILINE)
        numbers = re.findall(r"\d+[.,]\d+", text)
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
        return commands, [number.replace(",", ".") for number in numbers], pictures, text.count("\n## ")

    english = skeleton((ROOT / "README.md").read_text(encoding="utf-8"))
    assert skeleton((ROOT / name).read_text(encoding="utf-8")) == english
