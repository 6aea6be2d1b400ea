"""Commands in this process, with what holds for every bad input: no traceback, clear lines, nothing overwritten."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import pytest
from bad_inputs import write_model
from made_pictures import picture
from PIL import Image

from imagecourse.cli import main


class Answer(NamedTuple):
    """Of one command: exit status, stdout, lines of stderr."""

    status: int
    out: str
    lines: list[str]

    def names(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def run(capfd, monkeypatch) -> Callable[..., Answer]:
    """A command of the command line, in this process, its workers too; its answer."""
    monkeypatch.setattr("imagecourse.files.os.cpu_count", lambda: 1)

    def call(*words: object) -> Answer:
        capfd.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as stopped:
            status = stopped.code
        printed = capfd.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert status in (0, 1, 2)
        lines = [line for line in printed.err.splitlines() if line.strip() and not line.startswith("no captions: ")]
        assert status == 0 or lines or "left out" in printed.out or "unreadable" in printed.out, words
        assert all(len(line) < 600 for line in lines)
        return Answer(status, printed.out, lines)

    return call


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A model folder with the classes of the photo filter; read only."""
    return write_model(tmp_path_factory.mktemp("models") / "filter", ["Photo", "Text", "<b>Sketch"])


@pytest.fixture(scope="session")
def captioner(tmp_path_factory) -> Path:
    """A captioner that was never trained, on a network that gives colours; read only."""
    from imagecourse.captioning.captioner import Encoder, save_captioner
    from imagecourse.captioning.decoders import Sizes, pooled_decoder
    from imagecourse.captioning.text import SPECIAL, Vocabulary
    from imagecourse.networks.saving import Card

    encoder = Encoder("efficientnet_lite0", 32, "block5c_add")
    grid = encoder.network().output_shape[1:]
    vocabulary = Vocabulary((*SPECIAL, "a", "cat", "<script>", "sits"))
    keras.utils.set_random_seed(0)
    teacher = pooled_decoder(grid, len(vocabulary), Sizes(words=4, units=8, places=4, dropout=0.0, layers=1, heads=1))
    card = Card("captions", "none", "none", "none", 0, {})
    folder = tmp_path_factory.mktemp("models") / "captioner"
    tables = pd.DataFrame({"epoch": [1]}), pd.DataFrame({"file": ["a"], "caption": ["a"]})
    return save_captioner(folder, encoder, teacher, vocabulary, card, *tables)


@pytest.fixture(scope="session")
def classes(tmp_path_factory) -> Path:
    """Two class folders of twelve good pictures each; read only."""
    folder = tmp_path_factory.mktemp("classes") / "set"
    for number, label in enumerate(("dark", "light")):
        (folder / label).mkdir(parents=True)
        for each in range(12):
            shade = np.asarray(picture(200 + 20 * number + each), np.float32) * 0.4 + 140 * number
            Image.fromarray(shade.astype(np.uint8)).save(folder / label / f"{label}{each}.png")
    return folder
