import os
from collections.abc import Iterator
from pathlib import Path

import pytest

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
os.environ |= dict.fromkeys(THREADS, "1")  # before anything loads TensorFlow: two workers share two cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share what they make, so one worker runs them all; each chapter runs where there is room."""
    for item in items:
        alone = item.path.name == "test_notebooks.py"
        item.add_marker(pytest.mark.xdist_group(item.nodeid if alone else str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """What tests compute comes from no earlier run, and goes into nobody's cache; workers side by side share one."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGECOURSE_CACHE", str(shared / "cache"))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with real data sets, one sub-folder each as in data/README.md; named by IMAGECOURSE_DATA."""
    folder = os.environ.get("IMAGECOURSE_DATA")
    if not folder:
        pytest.skip("real data wanted: set IMAGECOURSE_DATA to a folder that holds the sets of data/README.md")
    return Path(folder)
