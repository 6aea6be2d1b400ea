from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("data", "docs", "figures", "models", "notebooks")


def files_of_the_project() -> dict[str, tuple[int, int]]:
    """Size and time of each file that a chapter could reach, whether git knows it or not."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.iterdir())
    sizes = {path: path.stat() for path in found if path.is_file()}
    return {str(path.relative_to(ROOT)): (stat.st_size, stat.st_mtime_ns) for path, stat in sizes.items()}


@pytest.fixture(autouse=True)
def _the_project_stays_as_it_is():
    """A chapter writes into the folders that it is given, and nowhere else."""
    before = files_of_the_project()
    yield
    after = files_of_the_project()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()
