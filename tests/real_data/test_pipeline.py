"""The whole pipeline over three hundred mixed, degraded pictures; killed and resumed, too."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from imagecourse.evaluation import balanced_accuracy
from imagecourse.images import read_image, write_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.restoration import add_gaussian_blur, add_gaussian_noise

pytestmark = pytest.mark.real_data
DAMAGES = ((0, 0.0), (10, 0.0), (25, 0.0), (0, 1.2), (10, 1.2))
PICTURES, BROKEN = 280, 20


@pytest.fixture(scope="module")
def scans(real_data, tmp_path_factory) -> tuple[Path, dict[str, bool]]:
    """280 pictures that the photo filter did not learn from, half of them photographs, and 20 broken files."""
    folder, truth = tmp_path_factory.mktemp("in") / "scans", {}
    photographs, others = sources(real_data)
    generator = random.Random(0)
    files = [(path, True) for path in generator.sample(photographs, PICTURES // 2)]
    files += [(path, False) for path in generator.sample(others, PICTURES // 2)]
    generator.shuffle(files)
    for number, (path, photograph) in enumerate(files):
        noise, blur = DAMAGES[number % len(DAMAGES)]
        name = f"{number:03d}.png"
        write_image(folder / name, add_gaussian_noise(add_gaussian_blur(read_image(path), blur), noise, seed=number))
        truth[name] = photograph
    for number in range(BROKEN):
        whole = (folder / f"{number:03d}.png").read_bytes()
        content = (b"", whole[: len(whole) // 2], b"no picture", whole[:40])[number % 4]
        (folder / f"broken{number:02d}.png").write_bytes(content)
    return folder, truth


def sources(data: Path) -> tuple[list[Path], list[Path]]:
    """Photographs and others, from test splits only."""
    tested = load_bundle("photo-filter").predictions[["file", "truth"]]
    paths = [(data / "photos" / row.file, row.truth) for row in tested.itertuples()]
    flickr = (data / "flickr8k" / "Flickr_8k.devImages.txt").read_text().split()
    photographs = [path for path, kind in paths if kind == "Photo"]
    photographs += [path for name in flickr[:150] if (path := data / "flickr8k" / "Images" / name).exists()]
    others = [path for path, kind in paths if kind != "Photo"]
    return photographs, others + sorted((data / "documents" / "noisy").glob("*.png"))[:30]


def command(scans: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "imagecourse", "pipeline", "-i", str(scans), "-o", str(output), *more]


def rows(output: Path) -> list[dict]:
    with (output / "results.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def copies(output: Path) -> dict[str, bytes]:
    files = [path for part in ("photos", "other") for path in (output / part).rglob("*") if path.is_file()]
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def finished(scans, tmp_path_factory) -> tuple[Path, float, float]:
    """Output, seconds of processor time for each file, and peak of memory in GB, of one whole run."""
    output = tmp_path_factory.mktemp("out") / "results"
    process, peak, used = psutil.Popen(command(scans[0], output), stderr=subprocess.DEVNULL), 0.0, {}
    while process.poll() is None:
        memory = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                memory += one.memory_full_info().pss
                used[one.pid] = sum(one.cpu_times()[:2])
            except psutil.Error:
                continue
        peak = max(peak, memory / 1e9)
        time.sleep(0.1)
    assert process.returncode == 1  # some files were broken
    return output, sum(used.values()) / (PICTURES + BROKEN), peak


def test_every_file_has_its_row_and_the_broken_ones_a_reason(finished):
    table = rows(finished[0])
    assert len(table) == PICTURES + BROKEN
    assert sorted(row["file"] for row in table if row["error"]) == [
        f"broken{number:02d}.png" for number in range(BROKEN)
    ]


def test_photographs_are_told_from_the_rest_after_damage_and_restoration(scans, finished):
    answers = {row["file"]: row["class"] == "Photo" for row in rows(finished[0]) if not row["error"]}
    truth = np.array([scans[1][name] for name in answers])
    assert balanced_accuracy(truth, np.array(list(answers.values()))) >= 0.96


def test_four_pictures_a_second_on_two_free_cores_in_bounded_memory(finished):
    _, processor, peak = finished
    assert processor <= 0.5 and peak < 3


def test_killed_at_three_moments_and_resumed_it_is_the_same(scans, finished, tmp_path):
    output, generator = tmp_path / "killed", random.Random(time.time())
    journal = output / ".pipeline" / "journal.jsonl"
    for number, pages in enumerate(sorted(generator.sample(range(20, 280), 3))):
        more = ["--resume"] if number else []
        process = subprocess.Popen(command(scans[0], output, *more), stderr=subprocess.DEVNULL)
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b'"row"') >= pages):
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(command(scans[0], output, "--resume"), stderr=subprocess.DEVNULL).returncode == 1
    assert rows(output) == rows(finished[0]) and copies(output) == copies(finished[0])
