"""How much faster a training is the second time, when the features of all pictures are in the cache, in one run.

    python benchmarks/feature_cache.py [--data DIR] [--min-images N] [--backbone NAME]

Runs `imagecourse train breeds` twice as a user would, from start to end, each in a process of its own, with an empty
cache before the first. Then an empty Python process that only imports TensorFlow shows what cannot become faster.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample", help="a folder of classes (default: the generated sample)")
    parser.add_argument("--min-images", default="1", help="only classes with so many training pictures (default: 1)")
    parser.add_argument("--backbone", default="efficientnet_lite2", help="what to borrow (default: efficientnet_lite2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        environment = os.environ | {"IMAGECOURSE_CACHE": str(Path(work, "cache"))}
        command = [sys.executable, "-m", "imagecourse", "train", "breeds", "--data", options.data]
        command += ["--min-images", options.min_images, "--backbone", options.backbone]
        first = seconds([*command, "--output", str(Path(work, "first"))], environment)
        second = seconds([*command, "--output", str(Path(work, "second"))], environment)
        same = Path(work, "first/predictions.csv").read_bytes() == Path(work, "second/predictions.csv").read_bytes()
    start = seconds([sys.executable, "-c", "import tensorflow"], environment)
    print(f"first training    {first:7.1f} s")
    print(f"second training   {second:7.1f} s, of these {start:.1f} s until TensorFlow is imported")
    print(f"ratio             {first / second:7.1f}  (wanted 20); the same answers: {same}")


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Of a command from start to end; its output goes nowhere, its failure is an error here."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
