"""Rows on disk by key, read through a memory map."""

import threading

import numpy as np
import psutil
import pytest

from imagecourse.cache import MappedRows
from imagecourse.images import write_image
from imagecourse.networks.architectures import photo_cnn
from imagecourse.networks.features import cached_features, mapped_features, mirrored, unchanged


def rows_of(folder, shape=(3, 2)) -> MappedRows:
    return MappedRows("rows", shape, np.float16, folder)


def test_rows_come_back_by_key_and_later_too(tmp_path):
    values = np.arange(24).reshape(4, 3, 2)
    rows_of(tmp_path).append(["a", "b"], values[:2])
    rows_of(tmp_path).append(["c", "d"], values[2:])
    again = rows_of(tmp_path)
    numbers = again.numbers(["d", "x", "a"])
    assert numbers.tolist() == [3, -1, 0]
    found = again.read(numbers[[0, 2, 0]])
    assert found.dtype == np.float16 and found.tolist() == values[[3, 0, 3]].tolist()
    assert again.read(np.array([], int)).shape == (0, 3, 2)


def test_what_was_cut_short_is_written_over(tmp_path):
    rows_of(tmp_path).append(["a"], np.ones((1, 3, 2)))
    with open(tmp_path / "rows.rows", "ab") as file:
        file.write(b"half a row")
    rows = rows_of(tmp_path)
    rows.append(["b"], np.full((1, 3, 2), 2))
    assert rows.read(rows.numbers(["a", "b"]))[:, 0, 0].tolist() == [1, 2]


def test_a_key_that_two_write_keeps_one_row(tmp_path):
    rows = rows_of(tmp_path)
    rows.append(["a", "b"], np.ones((2, 3, 2)))
    rows_of(tmp_path).append(["b", "c"], np.full((2, 3, 2), 3))
    rows.append(["d"], np.full((1, 3, 2), 4))
    assert rows.read(rows.numbers(["a", "b", "c", "d"]))[:, 0, 0].tolist() == [1, 1, 3, 4]


def test_several_write_at_once(tmp_path):
    def write(number):
        own = rows_of(tmp_path)
        for part in range(5):
            own.append([f"{number} {part}"], np.full((1, 3, 2), 10 * number + part))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = rows_of(tmp_path)
    keys = [f"{number} {part}" for number in range(4) for part in range(5)]
    expected = [10 * number + part for number in range(4) for part in range(5)]
    assert rows.read(rows.numbers(keys))[:, 0, 0].tolist() == expected


def test_memory_does_not_grow_with_the_file(tmp_path):
    rows = MappedRows("large", (2**20,), np.float16, tmp_path)
    for part in range(100):
        rows.append([str(part)], np.full((1, 2**20), part))
    process = psutil.Process()
    before = process.memory_info().rss
    for part in range(100):
        assert rows.read(np.array([part]))[0, -1] == part
    assert process.memory_info().rss - before < 40 * 2**20  # of 200 MB


def test_a_folder_that_cannot_be_written_gives_a_warning(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.warns(UserWarning, match="nothing is kept"):
        rows = rows_of(blocked)
    rows.append(["a"], np.ones((1, 3, 2)))
    assert rows.read(rows.numbers(["a"])).sum() == 6


def test_mapped_features_are_the_cached_ones_in_half_precision(tmp_path, monkeypatch):
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for number, file in enumerate(files):
        write_image(file, np.random.default_rng(number % 4).integers(0, 256, (32, 32, 3)).astype(np.uint8))
    network = photo_cnn(3, 32)
    views = {"": unchanged, "mirrored": mirrored}
    expected = cached_features(network, files, cache_dir=tmp_path, views=views).reshape(2, 5, 3)
    found = mapped_features(network, files, cache_dir=tmp_path, views=views)
    assert found.shape == (2, 5, 3) and found.nbytes == 2 * 5 * 3 * 2
    np.testing.assert_allclose(found.take(0, np.arange(5)), expected[0], atol=1e-3)
    np.testing.assert_allclose(found.take(np.array([1, 0]), np.array([2, 4])), expected[[1, 0], [2, 4]], atol=1e-3)
    monkeypatch.setattr("imagecourse.networks.features.forward", None)  # nothing is computed twice
    again = mapped_features(network, files[::-1], cache_dir=tmp_path, views={"": unchanged})
    np.testing.assert_allclose(again.take(0, np.arange(5)), expected[0, ::-1], atol=1e-3)
