import sqlite3
import threading

import numpy as np
import pytest

from imagecourse.cache import ArrayCache, cache_folder


def test_what_was_stored_is_there_in_the_next_block(tmp_path):
    stored = np.arange(6, dtype=np.float32).reshape(2, 3)
    with ArrayCache("some", np.float32, tmp_path / "new" / "folder") as cache:
        assert cache.find("a") is None
        cache.store(["a", "b"], stored)
        assert np.array_equal(cache.find("b"), [3, 4, 5])
    with ArrayCache("some", np.float32, tmp_path / "new" / "folder") as cache:
        assert np.array_equal(cache.find("a"), [0, 1, 2]) and cache.find("a").dtype == np.float32
        assert cache.find("c") is None
    assert [path.name for path in tmp_path.rglob("*.*")] == ["some.sqlite"]


def test_a_later_array_takes_the_place_of_an_earlier_one_and_keeps_its_dtype(tmp_path):
    with ArrayCache("words", np.uint64, tmp_path) as cache:
        cache.store(["a"], [np.array([2**63, 1], np.uint64)])
        cache.store(["a"], [np.array([7, 8])[::-1]])
        assert cache.find("a").tolist() == [8, 7] and cache.find("a").dtype == np.uint64


def test_a_store_appears_wholly_or_not_at_all(tmp_path):
    with ArrayCache("some", np.float32, tmp_path) as cache:
        cache.store(["a"], [np.zeros(2)])
        with pytest.raises(ValueError, match="argument 2"):
            cache.store(["b", "c"], [np.zeros(2)])
        with pytest.raises(sqlite3.ProgrammingError):
            cache.store(["b", object()], [np.zeros(2), np.zeros(2)])
        assert cache.find("b") is None and cache.find("a") is not None


def test_two_at_work_on_one_file_wait_for_each_other(tmp_path):
    def work(name: str) -> None:
        with ArrayCache("shared", np.float32, tmp_path) as cache:
            for number in range(20):
                cache.store([f"{name}{number}"], [np.full(3, number)])

    workers = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with ArrayCache("shared", np.float32, tmp_path) as cache:
        assert all(cache.find(f"{name}{number}")[0] == number for name in "abc" for number in range(20))


@pytest.mark.parametrize("damage", ["a file instead of the folder", "no database"])
def test_where_nothing_can_be_kept_a_warning_says_so_and_the_block_works(tmp_path, damage):
    folder = tmp_path / "cache"
    if damage == "no database":
        folder.mkdir()
        (folder / "some.sqlite").write_bytes(b"no database at all, but long enough to be read as one" * 40)
    else:
        folder.write_text("in the way")
    with (
        pytest.warns(UserWarning, match="nothing is kept .*set IMAGECOURSE_CACHE"),
        ArrayCache("some", float, folder) as cache,
    ):
        cache.store(["a"], [np.ones(2)])
        assert cache.find("a").tolist() == [1, 1]
    assert damage == "no database" or folder.read_text() == "in the way"


def test_a_file_that_is_damaged_inside_is_named(tmp_path):
    with ArrayCache("some", np.float32, tmp_path) as cache:
        cache.store([f"{number}" for number in range(500)], np.zeros((500, 50)))
    content = bytearray((tmp_path / "some.sqlite").read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    (tmp_path / "some.sqlite").write_bytes(content)
    with (
        pytest.raises(ValueError, match=r"some\.sqlite: cannot be read .*; delete the file"),
        ArrayCache("some", np.float32, tmp_path) as cache,
    ):
        cache.find("3")


def test_a_full_disk_gives_a_warning_and_no_stop(tmp_path):
    with ArrayCache("some", np.float32, tmp_path) as cache:
        cache._connection.execute("PRAGMA max_page_count = 2")
        with pytest.warns(UserWarning, match="nothing is kept .*full"):
            cache.store(["a"], [np.zeros(100_000)])
        assert cache.find("a") is None


def test_the_folder_is_that_of_the_environment_or_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    with ArrayCache("some", np.float32):
        pass
    assert (tmp_path / "some.sqlite").is_file()
    monkeypatch.setenv("IMAGECOURSE_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "imagecourse"
