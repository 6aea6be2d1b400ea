"""What the command line says of values that nothing can be done with, and of an interruption."""

import argparse

import pytest

from imagecourse import cli

TRAIN = ["train", "photo", "--data", "sample"]
PIPELINE = ["pipeline", "-i", "a", "-o", "b"]
GRADE = ["teach", "grade", "--submitted", "a", "--output", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "classifier", "--data", "a", "--seeds", "0"], "--seeds: 0 is too small; give at least 1"),
        ([*TRAIN, "--epochs", "-1"], "--epochs: -1 is too small"),
        ([*TRAIN, "--epochs", "1.5"], "--epochs: '1.5' is no whole number"),
        ([*TRAIN, "--image-size", "0"], "--image-size: 0 is too small"),
        ([*TRAIN, "--seed", "-1"], "--seed: -1 is out of range; give 0 to 4294967295"),
        ([*TRAIN, "--seed", "99999999999"], "--seed: 99999999999 is out of range"),
        (["train", "breeds", "--data", "a", "--min-images", "-5"], "--min-images: -5 is too small"),
        (["train", "breeds", "--data", "a", "--max-images", "0"], "--max-images: 0 is too small"),
        (["predict", "-i", "a", "--threshold", "nan"], "--threshold: 'nan' is no number"),
        (["predict", "-i", "a", "--threshold", "half"], "--threshold: 'half' is no number"),
        (["predict", "-i", "a", "--threshold", "1.01"], "--threshold: 1.01 is out of range; give 0 to 1"),
        ([*PIPELINE, "--threshold", "-0.1"], "--threshold: -0.1 is out of range"),
        ([*PIPELINE, "--jobs", "0"], "--jobs: 0 is too small"),
        (["report", "--jobs", "-2"], "--jobs: -2 is too small"),
        (["app", "--port", "70000"], "--port: 70000 is out of range; give 0 to 65535"),
        (["data", "features", "a", "-o", "a.npz", "--min-images", "0"], "--min-images: 0 is too small"),
        ([*GRADE, "--timeout", "0"], "--timeout: 0 is no time; give seconds above 0"),
        ([*GRADE, "--timeout", "inf"], "--timeout: inf is no time"),
        ([*GRADE, "--jobs", "many"], "--jobs: 'many' is no whole number"),
        (
            ["teach", "similarity", "--submitted", "a", "--output", "b", "--threshold", "7"],
            "--threshold: 7.0 is out of",
        ),
        (["caption", "-i", "a", "--beam", "0"], "--beam: 0 is out of range; give 1 to 50"),
        (["explain", "-i", "a"], "the following arguments are required: -o"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
    ],
)
def test_values_out_of_range_are_told_before_any_work(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    last = capsys.readouterr().err.splitlines()[-1]
    assert stopped.value.code == 2 and message in last


@pytest.mark.parametrize(
    ("options", "advice"),
    [({"resume": False}, "again with --resume, to go on"), ({"resume": True}, "command again"), ({}, "command again")],
)
def test_an_interrupted_command_says_how_to_go_on(options, advice, monkeypatch, capsys):
    def run(_) -> int:
        raise KeyboardInterrupt

    parsed = argparse.Namespace(run=run, **options)
    monkeypatch.setattr(cli, "build_parser", lambda: argparse.Namespace(parse_args=lambda _: parsed))
    assert cli.main([]) == 130
    assert capsys.readouterr().err.strip().endswith(advice)
