"""From a folder of scans to sorted copies: all that can be in it, killed, resumed, on one computer and on workers."""

import csv
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.images import page_numbers, read_image, write_image
from imagecourse.pipeline import captioner, engines, run, steps
from imagecourse.pipeline.metadata import embed_caption
from imagecourse.pipeline.pages import all_pages
from imagecourse.pipeline.results import SHOWN, Results
from imagecourse.pipeline.run import Engine, run_pipeline
from imagecourse.pipeline.settings import COLUMNS, Settings
from imagecourse.restoration import add_gaussian_noise
from imagecourse.samples.archive import draw

ONE = Engine(jobs=1)
KINDS = ("Photo", "Text", "Sketch", "Cartoon")


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """Nine pictures, two of them in a sub-folder, a TIFF of three pages, and two files that are no pictures."""
    folder = tmp_path_factory.mktemp("in") / "scans"
    for number, kind in enumerate(KINDS * 2):
        picture = draw(kind, np.random.default_rng([5, number]), 96)
        place = folder / "deep" if number > 5 else folder
        write_image(place / f"{kind.lower()}{number}.{'png' if number % 2 else 'jpg'}", picture)
    write_image(folder / "noisy.png", add_gaussian_noise(draw("Photo", np.random.default_rng(9), 96), 30, seed=0))
    pages = [draw(kind, np.random.default_rng([6, number]), 96) for number, kind in enumerate(KINDS[:3])]
    tifffile.imwrite(folder / "album.tif", np.stack(pages), photometric="rgb")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "letter.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def finished(scans, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """The output folder and table of one whole run; read only."""
    output = tmp_path_factory.mktemp("out") / "results"
    run_pipeline(Settings(scans, output, method="compromise"), ONE)
    return output, read_table(output)


def read_table(output: Path) -> pd.DataFrame:
    """results.csv with numbers where there are some."""
    table = pd.read_csv(output / "results.csv", dtype={"page": str}, keep_default_na=False)
    numbers = [name for name in COLUMNS if name.split("_")[0] in ("probability", "noise", "blur")]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})


def without_times(path: Path) -> list[dict]:
    """The rows of results.csv as text, but for the seconds."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every copy, byte for byte."""
    files = [path for part in ("photos", "other") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_page_gets_a_row_and_its_copy(scans, finished):
    output, table = finished
    assert list(table.columns) == list(COLUMNS)
    expected = [(page.file, str(page.shown_number)) for page in all_pages(scans)]
    assert list(zip(table["file"], table["page"], strict=True)) == expected and len(table) == 14
    failed = table[table["error"] != ""]
    assert list(failed["file"]) == ["empty.jpg", "letter.png"] and (failed["output"] == "").all()
    assert failed["error"].iloc[0] == "the file is empty; copy it again from its source"
    done = table[table["error"] == ""]
    assert sorted(done["output"]) == sorted(contents(output))
    for row in done.to_dict("records"):
        folder = "photos/" if row["class"] == "Photo" else f"other/{row['class']}/"
        assert row["output"].startswith(folder) and 0 <= row["probability"] <= 1 and row["plan"].endswith(".")
        assert (row["class"] == "Photo") == (row["probability"] >= 0.5)
    pages = done.loc[done["file"] == "album.tif", "output"]
    assert [Path(name).name for name in pages] == [f"album-page-00{number}.tif" for number in (1, 2, 3)]
    (untouched,) = (
        done[(done["file"] == "album.tif") & done["plan"].str.contains("untouched")].head(1).to_dict("records")
    )
    copied, original = output / untouched["output"], read_image(scans / "album.tif", page=int(untouched["page"]) - 1)
    np.testing.assert_array_equal(read_image(copied), original)


def test_untouched_pictures_are_copied_and_noisy_ones_restored(scans, finished):
    output, table = finished
    rows = table.set_index("file")
    noisy, untouched = rows.loc["noisy.png"], rows[rows["plan"].str.contains("untouched") & (rows["page"] == "")]
    assert "noisy" in noisy["plan"] and noisy["noise_after"] < 0.5 * noisy["noise_before"]
    assert len(untouched) > 3
    for file, row in untouched.iterrows():
        assert (output / row["output"]).read_bytes() == (scans / file).read_bytes()
        assert (row["noise_after"], row["blur_after"]) == (row["noise_before"], row["blur_before"])


def test_the_report_shows_the_least_certain_first_and_needs_no_other_file(finished):
    output, table = finished
    page = (output / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:)", page) and "http" not in page.split("<script>")[0]
    shown = re.findall(r'data-file="([^"]+)"', page)
    done = table[table["error"] == ""]
    assert sorted(shown) == sorted(done["output"])
    distances = [abs(done.set_index("output").loc[name, "probability"] - 0.5) for name in shown]
    assert distances == sorted(distances)
    assert "letter.png" in page and page.count("data:image/jpeg") == len(done)


def test_only_so_many_of_the_least_certain_are_kept():
    results = Results(threshold=0.5)
    row = {"class": "Photo", "error": "", "plan": ""}
    probabilities = np.random.default_rng(0).permutation(np.linspace(0, 1, 3 * SHOWN))
    for number, probability in enumerate(probabilities):
        results.add(row | {"probability": probability, "file": number})
    results.add(row | {"error": "gone"})
    nearest = sorted(np.abs(probabilities - 0.5))[:SHOWN]
    np.testing.assert_allclose([abs(row["probability"] - 0.5) for row in results.least_certain], nearest)
    assert results.histogram.sum() == 3 * SHOWN and results.counts["failed"] == 1


def test_corrections_beside_the_copies_are_a_data_set(finished, tmp_path):
    output, table = finished
    names = table.loc[table["error"] == "", "output"].tolist()[:3]
    lines = ["file,label", f'"{names[0]}","Photo"', f'"{names[1]}","Text"', '"photos/gone.png","Text"']
    copy = tmp_path / "results"
    for name in names:
        write_image(copy / name, read_image(output / name))
    (copy / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = read_dataset(copy)
    assert dataset.layout == "list" and dataset.classes == ["Photo", "Text"]
    assert [Path(file).name for file in dataset.table["file"]] == [Path(name).name for name in names[:2]]
    assert [problem.file for problem in dataset.problems] == ["photos/gone.png"]


def test_a_threshold_sends_doubtful_photographs_to_unsure(scans, tmp_path, finished):
    run_pipeline(Settings(scans, tmp_path / "strict", method="compromise", threshold=1.0), ONE)
    before, after = finished[1], read_table(tmp_path / "strict")
    doubtful = (before["class"] == "Photo") & (before["probability"] < 1)
    assert doubtful.any() and set(after.loc[doubtful, "class"]) == {"unsure"}
    assert all(name.startswith("other/unsure/") for name in after.loc[doubtful, "output"])


# --- stopped, resumed, refused ---


def test_a_killed_run_resumes_to_the_same_result(scans, finished, tmp_path, monkeypatch):
    output = tmp_path / "killed"
    command = (
        "import sys; from imagecourse.pipeline import run; run.PAGES_PER_BATCH = 2;"
        "from imagecourse.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["pipeline", "-i", str(scans), "-o", str(output), "--method", "compromise", "--jobs", "1"]
    process = subprocess.Popen([sys.executable, "-c", command, *arguments], stderr=subprocess.PIPE)
    journal, deadline = output / ".pipeline" / "journal.jsonl", time.monotonic() + 180
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (output / "results.csv").exists()
    kept = journal.read_bytes().count(b"\n")
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"hash": "cut o')  # as a kill leaves it
    works = []
    monkeypatch.setattr(
        steps, "restore_page", lambda page, settings, old=steps.restore_page: works.append(page) or old(page, settings)
    )
    assert main([*arguments, "--resume"]) == 1
    assert len(works) <= 14 - kept + 2  # unreadable files are tried again
    assert without_times(output / "results.csv") == without_times(finished[0] / "results.csv")
    assert contents(output) == contents(finished[0])


def test_resuming_does_again_only_what_has_changed(scans, tmp_path, monkeypatch):
    source, settings = tmp_path / "in", None
    for name in ("photo0.jpg", "text1.png"):
        write_image(source / name, read_image(scans / name))
    settings = Settings(source, tmp_path / "out", method="compromise")
    run_pipeline(settings, ONE)
    first = read_table(settings.output)
    (settings.output / first["output"][1]).unlink()
    write_image(source / "photo0.jpg", read_image(scans / "text1.png"))
    write_image(source / "zebra.png", read_image(scans / "sketch2.jpg"))
    works = []
    monkeypatch.setattr(
        steps,
        "restore_page",
        lambda page, settings, old=steps.restore_page: works.append(page.file) or old(page, settings),
    )
    run_pipeline(settings, ONE, resume=True)
    assert works == ["photo0.jpg", "text1.png", "zebra.png"]
    works.clear()
    run_pipeline(settings, ONE, resume=True)
    assert works == [] and list(read_table(settings.output)["file"]) == ["photo0.jpg", "text1.png", "zebra.png"]


def test_what_cannot_be_run_is_refused_in_one_line(scans, finished, tmp_path, capsys):
    output = finished[0]

    def refused(*arguments: str) -> str:
        assert main(["pipeline", *arguments]) == 2
        return capsys.readouterr().err.splitlines()[-1]

    run_it = ["-i", str(scans), "-o", str(output), "--method", "compromise"]
    assert "holds an earlier run; add --resume" in refused(*run_it)
    assert "was begun with another threshold" in refused(*run_it, "--resume", "--threshold", "0.9")
    with open(output / ".pipeline" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run works here" in refused(*run_it, "--resume")
    assert "overlaps with the input" in refused("-i", str(scans), "-o", str(scans / "out"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "is there and not empty" in refused("-i", str(scans), "-o", str(tmp_path / "full"))
    assert "no such method" in refused("-i", str(scans), "-o", str(tmp_path / "new"), "--method", "magic")
    assert "add --engine dask" in refused("-i", str(scans), "-o", str(tmp_path / "new"), "--scheduler", "tcp://x:1")
    assert not (tmp_path / "new").exists()


def test_two_pages_never_get_one_name(tmp_path):
    picture = draw("Photo", np.random.default_rng(0), 64)
    for name in ("a.gif", "a.gif.png"):
        write_image(tmp_path / "in" / name, picture)
    with pytest.raises(ValueError, match=r"a\.gif\.png: two pages would get a copy of this name"):
        run_pipeline(Settings(tmp_path / "in", tmp_path / "out"), ONE)


# --- pages ---


def test_pages_of_a_tiff_without_its_previews(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for shade in (10, 20):
            file.write(np.full((40, 40), shade, np.uint8))
            file.write(np.full((4, 4), shade, np.uint8), subfiletype=1)
    assert page_numbers(tmp_path / "a.tif") == [0, 2]
    assert [int(read_image(tmp_path / "a.tif", number).mean()) for number in (0, 2)] == [10, 20]
    (tmp_path / "b.tif").write_bytes(b"nothing")
    assert page_numbers(tmp_path / "b.tif") == page_numbers(tmp_path / "c.png") == [0]


def test_a_damaged_page_leaves_the_others(tmp_path):
    """The second of three pages says that its strip lies behind the end of the file."""
    path = tmp_path / "in" / "a.tif"
    path.parent.mkdir()
    pictures = [draw("Photo", np.random.default_rng(number), 64) for number in range(3)]
    with tifffile.TiffWriter(path) as file:
        for picture in pictures:
            file.write(picture, photometric="rgb")
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[1].tags["StripOffsets"].overwrite([2**30])
    results = run_pipeline(Settings(path.parent, tmp_path / "out", method="compromise"), ONE)
    assert [row["page"] for row in results.failures] == [2] and results.pages == 3


# --- captions ---


def test_photographs_are_captioned_where_there_is_a_captioner(scans, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(
        steps, "find_captioner", lambda name: lambda images: [f"{image.shape[0]} rows & “äö”" for image in images]
    )
    steps._captioner.cache_clear()
    settings = Settings(scans, tmp_path / "out", method="compromise", captioner="any", embed_captions=True)
    run_pipeline(settings, ONE)
    table = read_table(settings.output)
    photographs = table["class"] == "Photo"
    assert set(table.loc[photographs, "caption"]) == {"96 rows & “äö”"} and set(table.loc[~photographs, "caption"]) == {
        ""
    }
    for name in table.loc[photographs, "output"]:
        assert "96 rows &amp; “äö”" in (settings.output / name).read_bytes().decode("utf-8", "replace")
        plain = finished[1].set_index("output").loc[name, "file"]
        assert np.array_equal(read_image(settings.output / name), read_image(finished[0] / name)), plain
    steps._captioner.cache_clear()


def test_without_a_captioner_there_is_one_note_and_an_empty_column(scans, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(captioner, "find_spec", lambda name: None)
    source = tmp_path / "in"
    write_image(source / "photo.jpg", read_image(scans / "photo0.jpg"))
    assert (
        main(["pipeline", "-i", str(source), "-o", str(tmp_path / "out"), "--method", "compromise", "--jobs", "1"]) == 0
    )
    assert capsys.readouterr().err.count("no captions") == 1
    assert without_times(tmp_path / "out" / "results.csv")[0]["caption"] == ""


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"])
def test_captions_leave_the_pixels_alone_and_others_can_read_them(name, tmp_path):
    path, caption = tmp_path / name, 'Two dogs & "a ball" on the Côte d’Azur'
    write_image(path, draw("Photo", np.random.default_rng(1), 64))
    before = read_image(path)
    written = embed_caption(path, caption)
    np.testing.assert_array_equal(read_image(path), before)
    if written != path:
        assert written.name == f"{name}.xmp" and "&amp;" in written.read_text(encoding="utf-8")
        return
    with Image.open(path) as picture:
        xmp = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"]
        xmp = xmp.decode() if isinstance(xmp, bytes) else xmp
        assert "Two dogs &amp; " in xmp and "Côte d’Azur" in xmp
        if name != "a.png":
            from PIL import IptcImagePlugin

            assert IptcImagePlugin.getiptcinfo(picture)[2, 120].decode() == caption
    assert embed_caption(path, caption).suffix == ".xmp"  # a second packet would hide the first


# --- many workers ---


def test_dask_gives_the_same_rows_though_a_worker_dies(scans, finished, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(run, "PAGES_PER_BATCH", 1)
    monkeypatch.setattr(engines, "IN_FLIGHT", 2)
    settings = Settings(scans, tmp_path / "out", method="compromise")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        killed = threading.Thread(target=kill_a_worker, args=(cluster, settings.output / ".pipeline" / "journal.jsonl"))
        killed.start()
        results = run_pipeline(settings, Engine("dask", scheduler=cluster.scheduler_address))
        killed.join()
    assert results.pages == 14
    assert without_times(settings.output / "results.csv") == without_times(finished[0] / "results.csv")
    assert contents(settings.output) == contents(finished[0])


def kill_a_worker(cluster, journal: Path) -> None:
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
        time.sleep(0.02)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)


def test_a_scheduler_that_is_not_there_is_told(scans, tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match="no Dask scheduler answers; start one with dask scheduler"):
        run_pipeline(Settings(scans, tmp_path / "out"), Engine("dask", scheduler="tcp://127.0.0.1:9"))
