"""What a page costs, step by step, how many pages a second go through, and in how much memory.

    python benchmarks/pipeline.py [-i DIR] [--pages 300] [--jobs N] [--method auto]

Without a folder, drawn pictures stand in: photographs, pages of text, sketches and others, a third of them with noise.
The command runs by itself, as a user would start it; memory is that of all its processes together, looked at twenty
times a second. Wanted on two free cores: 4 pages a second or more, under 3 GB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from imagecourse.images import write_image
from imagecourse.restoration import add_gaussian_noise
from imagecourse.samples.archive import KINDS, draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", dest="input", help="a folder of scans (default: drawn pictures)")
    parser.add_argument("--pages", type=int, default=300, help="how many are drawn (default: 300)")
    parser.add_argument("--jobs", type=int, help="processes (default: one for each core)")
    parser.add_argument("--method", default="auto", help="how to restore (default: auto)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        scans = Path(options.input) if options.input else draw_scans(Path(work, "scans"), options.pages)
        output = Path(work, "results")
        command = [
            sys.executable,
            "-m",
            "imagecourse",
            "pipeline",
            "-i",
            scans,
            "-o",
            output,
            "--method",
            options.method,
        ]
        command += ["--jobs", str(options.jobs)] if options.jobs else []
        seconds, processor, memory = watched([str(part) for part in command])
        entries = [json.loads(line) for line in (output / ".pipeline/journal.jsonl").read_text().splitlines() if line]
    steps = 1000 * pd.DataFrame([entry["steps"] for entry in entries if entry["steps"]])
    print(steps.mean().round(1).rename("milliseconds a page").to_string())
    print(f"pages a second    {len(entries) / seconds:7.2f}  ({len(entries)} in {seconds:.1f} s; wanted 4)")
    print(f"processor         {processor / len(entries):7.3f}  seconds a page, start of the workers included")
    print(f"peak memory       {memory / 2**30:7.2f}  GiB, all processes together (wanted below 3)")


def draw_scans(folder: Path, count: int) -> Path:
    for number in range(count):
        generator = np.random.default_rng([17, number])
        picture = draw(list(KINDS)[number % len(KINDS)], generator, 256)
        noise = (0, 15, 30)[number // len(KINDS) % 3]
        write_image(folder / f"{number:05d}.png", add_gaussian_noise(picture, noise, seed=number))
    return folder


def watched(command: list[str]) -> tuple[float, float, int]:
    """Seconds, seconds of processor time and peak of memory of a command and all that it starts."""
    start, peak, used = time.perf_counter(), 0, {}
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        memory = 0
        for one in [process, *children(process)]:
            try:
                memory += one.memory_full_info().pss
                used[one.pid] = sum(one.cpu_times()[:2])
            except psutil.Error:
                continue
        peak = max(peak, memory)
        time.sleep(0.05)
    return time.perf_counter() - start, sum(used.values()), peak


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


if __name__ == "__main__":
    main()
