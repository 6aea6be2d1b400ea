import subprocess
import sys

import numpy as np
import pytest

from imagecourse.cli import main
from imagecourse.images import write_image


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        name = f"{'cats' if number % 2 else 'dogs'}/{number}.png"
        write_image(tmp_path / "pictures" / name, rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    return tmp_path / "pictures"


def test_list_and_show(capsys):
    assert main(["data", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("sample", "characters", "photos", "dogs", "faces", "flickr8k"))
    assert main(["data", "show", "dogs"]) == 0
    assert "http://vision.stanford.edu/aditya86/ImageNetDogs/images.tar" in capsys.readouterr().out
    assert main(["data", "show", "cats"]) == 2
    assert "no such data set" in capsys.readouterr().err


def test_sample_needs_no_download_and_by_hand_says_how(capsys, tmp_path):
    assert main(["data", "download", "sample", "--to", str(tmp_path / "x")]) == 0
    assert "nothing needs downloading" in capsys.readouterr().out
    assert main(["data", "download", "faces", "--to", str(tmp_path / "x")]) == 1
    output = capsys.readouterr()
    assert "1. Follow the link" in output.out
    assert "no public address" in output.err
    assert not (tmp_path / "x").exists()


def test_download_into_a_full_folder_is_wrong_usage(capsys, pictures):
    assert main(["data", "download", "dogs", "--to", str(pictures)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_check_exits_with_1_when_a_file_cannot_be_read(capsys, pictures):
    assert main(["data", "check", str(pictures)]) == 0
    assert "classes     2" in capsys.readouterr().out
    (pictures / "cats/bad.png").write_bytes(b"")
    assert main(["data", "check", str(pictures)]) == 1
    assert "  cats/bad.png: the file is empty" in capsys.readouterr().out
    assert main(["data", "check", str(pictures / "nowhere")]) == 2


def test_build_says_what_it_left_out(capsys, pictures, tmp_path):
    (pictures / "cats/bad.png").write_bytes(b"")
    assert main(["data", "build", str(pictures), str(tmp_path / "new")]) == 1
    output = capsys.readouterr().out
    assert "12 images written" in output
    assert "left out: cats/bad.png: the file is empty" in output
    assert main(["data", "build", str(pictures), str(tmp_path / "new")]) == 2
    (pictures / "cats/bad.png").unlink()
    assert main(["data", "build", str(pictures), str(tmp_path / "newer")]) == 0


@pytest.mark.parametrize("action", ["list", "show", "download", "check", "build"])
def test_every_action_has_help_with_an_example(capsys, action):
    with pytest.raises(SystemExit) as stop:
        main(["data", action, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  imagecourse data {action}" in capsys.readouterr().out


def test_heavy_packages_wait():
    code = "import sys, imagecourse.cli as c; c.build_parser(); print({'numpy', 'pandas', 'keras'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
    code = "import sys, imagecourse.datasets; print('tensorflow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
