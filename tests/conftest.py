import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with real data sets, one sub-folder each as in data/README.md; named by IMAGECOURSE_DATA."""
    folder = os.environ.get("IMAGECOURSE_DATA")
    if not folder:
        pytest.skip("real data wanted: set IMAGECOURSE_DATA to a folder that holds the sets of data/README.md")
    return Path(folder)
