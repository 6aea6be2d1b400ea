"""Seconds per submission with two jobs beside the same with one, graded by the command, in one run.

    python benchmarks/grading.py [--chapter N] [--submissions N]

Students hand in the teacher's own solutions. The first submission of each run is not counted: it starts the workers,
tries the sandbox and makes the gradebook, which a class pays for once.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.judging.sandbox import BUBBLEWRAP, why_not


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chapter", default="1", help="name or number (default: 1)")
    parser.add_argument("--submissions", type=int, default=8, help="that are timed in each run (default: 8)")
    options = parser.parse_args()
    (notebook,) = find_notebooks([options.chapter])
    walls = ["--no-sandbox"] if why_not(BUBBLEWRAP) else []
    per_submission = {}
    with tempfile.TemporaryDirectory() as work:
        for jobs in (1, 2):
            folder = Path(work, f"jobs{jobs}")
            alone = seconds(folder, notebook, range(1), jobs, walls)
            whole = seconds(folder, notebook, range(1, options.submissions + 1), jobs, walls)
            per_submission[jobs] = whole / options.submissions
            print(f"{jobs} job(s)     {per_submission[jobs]:6.2f} s per submission, {alone:.1f} s for the first")
    ratio = per_submission[2] / per_submission[1]
    print(f"ratio        {ratio:6.2f}  on {os.cpu_count()} cores (wanted 0.60 on two); sandbox: {not walls}")


def seconds(folder: Path, notebook: Path, numbers: range, jobs: int, walls: list[str]) -> float:
    """Hand in the notebook once for each number, and time the command that grades what is new."""
    for number in numbers:
        place = folder / "submitted" / f"student{number}" / notebook.stem / notebook.name
        place.parent.mkdir(parents=True)
        shutil.copyfile(notebook, place)
    command = [sys.executable, "-m", "imagecourse", "teach", "grade", "--submitted", str(folder / "submitted")]
    command += ["--output", str(folder / "graded"), "--jobs", str(jobs), *walls]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
