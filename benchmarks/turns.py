"""What the benchmarks share: contestants take turns, and ratios are kept with their spread for the README's table."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from statistics import median
from typing import NamedTuple

RESULTS = Path(__file__).with_name("results.json")


class Ratio(NamedTuple):
    """Of two speeds measured in the same round: the median over rounds, the lowest and the highest."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def take_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Speeds of each contestant, one a round; a first round warms up and does not count."""
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            speed = run()
            if number:
                speeds[name].append(speed)
    return speeds


def ratio(own: list[float], other: list[float]) -> Ratio:
    each = [mine / theirs for mine, theirs in zip(own, other, strict=True)]
    return Ratio(median(each), min(each), max(each))


def report(name: str, speeds: Mapping[str, list[float]], unit: str, ours: str = "imagecourse") -> None:
    """Print the medians and our ratio to each peer, and keep them under `name` in results.json."""
    peers = {peer: ratio(speeds[ours], speeds[peer]) for peer in speeds if peer != ours}
    print(f"{name}: {ours} {median(speeds[ours]):.1f} {unit}")
    for peer, found in peers.items():
        print(f"  {peer:18}{median(speeds[peer]):9.1f} {unit}; {ours} is {found} times as fast")
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    kept[name] = {
        "ours": round(median(speeds[ours]), 3),
        "unit": unit,
        "peers": {peer: [round(value, 3) for value in found] for peer, found in peers.items()},
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": platform.machine(),
        "date": date.today().isoformat(),
    }
    RESULTS.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")
