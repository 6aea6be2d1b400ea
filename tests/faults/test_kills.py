"""Killed in the moment before each of its files gets its name, and started again. `kills.py` does it at random."""

import pytest
from inputs_for_kills import commands
from kills import finish, half_written, kill_at_file, leftovers


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return commands(tmp_path_factory.mktemp("inputs"))


@pytest.mark.parametrize(("name", "numbers"), [("restore", (0, 2, 12)), ("data build", (0, 7, 41)), ("train", (4,))])
def test_a_killed_command_ends_as_an_undisturbed_one(known, name, numbers, tmp_path):
    command, whole = known[name], tmp_path / "whole" / "out"
    whole.parent.mkdir()
    finish(command, whole, going_on=False)
    for number in numbers:
        out = tmp_path / str(number) / "out"
        out.parent.mkdir()
        assert kill_at_file(command, out, number)
        assert not out.exists() or half_written(command, out, whole) == []
        finish(command, out, going_on=bool(command.again))
        assert command.result(out) == command.result(whole)
        assert leftovers(out.parent) == []
