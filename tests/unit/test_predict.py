import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.files import read_ahead
from imagecourse.images import input_files, read_image, read_square_image, squeeze, write_image
from imagecourse.networks.answers import (
    annotate_copies,
    as_csv,
    as_jsonl,
    check_apart,
    draw_label,
    open_table,
)
from imagecourse.networks.bundles import Bundle, load_bundle
from imagecourse.networks.predict import predict_files
from imagecourse.networks.sorting import JOURNAL, SortedFolder


def mean_bundle(labels: list[str], outputs: int) -> Bundle:
    """Its first probability is the mean of the picture, in [0, 1]."""
    inputs = keras.Input((4, 6, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    dense = keras.layers.Dense(outputs)
    model = keras.Model(inputs, dense(x))
    weights = np.zeros((3, outputs), np.float32)
    weights[:, 0] = 1 / 3
    dense.set_weights([weights, np.arange(outputs, dtype=np.float32) * 0.3])
    return Bundle(model, labels, Path("mean"))


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    for name, grey in (("page2.png", 51), ("page10.png", 204), ("old/page2.png", 102)):
        write_image(folder / name, np.full((40, 60, 3), grey, np.uint8))
    (folder / "page3.png").write_bytes(b"no picture")
    return folder


def test_a_row_for_every_file_in_natural_order_whatever_the_batch_size(scans):
    bundle = mean_bundle(["light", "dark"], 2)
    files = input_files(scans)
    tables = [pd.concat(predict_files(bundle, files, batch_size=size), ignore_index=True) for size in (1, 3, 32)]
    names = [Path(file).relative_to(scans).as_posix() for file in tables[0]["file"]]
    assert names == ["old/page2.png", "page2.png", "page3.png", "page10.png"]
    assert list(tables[0]) == ["file", "label", "confidence", "error", "light", "dark"]
    assert list(tables[0]["label"]) == ["light", "dark", "", "light"]
    np.testing.assert_allclose(tables[0]["light"], [0.4, 0.2, np.nan, 0.8], atol=1e-6)
    assert "not an image in a known format" in tables[0]["error"][2]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_below_the_threshold_the_label_is_empty_but_the_confidence_stays(scans):
    table = pd.concat(predict_files(mean_bundle(["light", "dark"], 2), input_files(scans), threshold=0.5))
    assert list(table["label"]) == ["", "", "", "light"]
    assert table["confidence"].iloc[0] == pytest.approx(0.4)
    with pytest.raises(ValueError, match=r"threshold: 1\.5 is out of range"):
        next(predict_files(mean_bundle(["a", "b"], 2), [], threshold=1.5))


def test_a_probability_that_reaches_the_threshold_is_enough(scans):
    bundle, file = mean_bundle(["light", "dark"], 2), [scans / "page10.png"]
    confidence = float(next(predict_files(bundle, file))["confidence"][0])
    labels = [
        next(predict_files(bundle, file, threshold))["label"][0]
        for threshold in (confidence, np.nextafter(confidence, 1, dtype=np.float32))
    ]
    assert labels == ["light", ""]


def test_one_output_is_the_probability_of_the_second_label(scans):
    table = next(predict_files(mean_bundle(["no", "yes"], 1), [scans / "page10.png"]))
    assert table.loc[0, ["label", "no", "yes"]].tolist() == ["yes", pytest.approx(0.2), pytest.approx(0.8)]


def test_a_network_for_other_pictures_is_refused(scans):
    inputs = keras.Input((4, 4, 1))
    grey = Bundle(keras.Model(inputs, keras.layers.Flatten()(inputs)), [], Path("grey"))
    with pytest.raises(ValueError, match="not RGB images"):
        next(predict_files(grey, input_files(scans)))
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match="no image size is known"):
        next(predict_files(Bundle(model, ["r", "g", "b"], Path("any")), input_files(scans)))
    sized = Bundle(model, ["r", "g", "b"], Path("any"), card={"input_size": [8, 8, 3]})
    assert next(predict_files(sized, [scans / "page2.png"]))["r"][0] == pytest.approx(51)


def test_the_network_sees_what_training_saw(shades):
    file = input_files(shades)[0]
    np.testing.assert_array_equal(squeeze(read_image(file), 32, 32), read_square_image(file, 32))


def test_reading_ahead_keeps_the_order_and_no_more_than_asked_for():
    started = []
    results = read_ahead(lambda number: started.append(number) or number, range(100), ahead=5)
    assert next(results) == 0
    assert len(started) <= 6
    assert list(results) == list(range(1, 100))


def write_table(tables, path) -> None:
    with open_table(path) as append:
        for table in tables:
            append(table)


def test_tables_as_files(scans, tmp_path):
    tables = list(predict_files(mean_bundle(["light", "dark"], 2), input_files(scans), batch_size=3))
    write_table(tables, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "file,label,confidence,error,light,dark"
    assert lines[4] == f"{scans}/page10.png,light,0.800000,,0.800000,0.300000"
    assert len(lines) == 5
    write_table(tables, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[3] == {"file": f"{scans}/page10.png", "label": "light", "confidence": 0.8, "error": ""} | {
        "light": 0.8,
        "dark": 0.3,
    }
    assert (rows[2]["label"], rows[2]["confidence"]) == ("", None)
    with pytest.raises(ValueError, match=r"end in \.csv or \.jsonl"):
        write_table(tables, tmp_path / "out.xlsx")
    assert as_csv(tables[1], header=False) == lines[4] + "\n"
    assert json.loads(as_jsonl(tables[1])) == rows[3]


def test_an_interrupted_table_leaves_the_old_one(tmp_path):
    def broken():
        yield pd.DataFrame({"file": ["new"]})
        raise KeyboardInterrupt

    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_table(broken(), tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


def test_copies_are_sorted_byte_for_byte_in_their_sub_folders(scans, tmp_path):
    before = {path: path.read_bytes() for path in input_files(scans)}
    table = pd.concat(predict_files(mean_bundle(["light", "dark"], 2), input_files(scans), threshold=0.35))
    assert SortedFolder(scans, tmp_path / "sorted").add(table, ["light", "dark"]) == []
    copies = {path.relative_to(tmp_path / "sorted").as_posix() for path in input_files(tmp_path / "sorted")}
    assert copies == {"light/old/page2.png", "light/page10.png", "unsure/page2.png"}
    assert (tmp_path / "sorted/light/page10.png").read_bytes() == before[scans / "page10.png"]
    assert {path: path.read_bytes() for path in input_files(scans)} == before


def sort_all(scans, folder, labels: dict[str, str]) -> list[str]:
    """Sort pictures by the labels given for their names; what cannot be copied."""
    files = [file for file in input_files(scans) if file.stem in labels]
    table = pd.DataFrame({"file": map(str, files), "label": [labels[file.stem] for file in files], "error": ""})
    return SortedFolder(scans, folder).add(table, ["light", "dark"])


def pictures_in(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in input_files(folder)}


def test_sorting_again_ends_as_sorting_once(scans, tmp_path):
    first, second = {"page2": "dark", "page10": "light"}, {"page2": "light", "page10": ""}
    sort_all(scans, tmp_path / "twice", first)
    (tmp_path / "twice/dark/mine.txt").write_text("from somebody else")
    assert sort_all(scans, tmp_path / "twice", second) == []
    sort_all(scans, tmp_path / "once", second)
    assert pictures_in(tmp_path / "twice") == pictures_in(tmp_path / "once")
    assert (tmp_path / "twice/dark/mine.txt").exists() and not (tmp_path / "twice/dark/old").exists()


def test_sorting_goes_on_after_a_kill_between_journal_and_copy(scans, tmp_path):
    first = {"page2": "dark", "page10": "light"}
    sort_all(scans, tmp_path / "sorted", first)
    journal = tmp_path / "sorted" / JOURNAL
    journal.write_text(journal.read_text() + '{"source": "' + str(scans))
    sort_all(scans, tmp_path / "sorted", {"page2": "light", "page10": "light"})
    assert {name.split("/")[0] for name in pictures_in(tmp_path / "sorted")} == {"light"}


def test_sorting_removes_and_replaces_nothing_but_its_own_copies(scans, tmp_path):
    first = {"page2": "dark", "page10": "light"}
    sort_all(scans, tmp_path / "sorted", first)
    (tmp_path / "sorted/dark/page2.png").write_bytes(b"drawn on by hand")
    other = shutil.copytree(scans, tmp_path / "other")
    write_image(other / "page10.png", np.full((40, 40, 3), 7, np.uint8))
    sort_all(scans, tmp_path / "sorted", {"page2": "light", "page10": "light"})
    assert (tmp_path / "sorted/dark/page2.png").read_bytes() == b"drawn on by hand"
    [failure] = sort_all(other, tmp_path / "sorted", {"page2": "light", "page10": "light"})
    assert failure.startswith(f"{other}/page10.png: no copy written") and "is another picture" in failure
    assert (tmp_path / "sorted/light/page10.png").read_bytes() == (scans / "page10.png").read_bytes()


def test_annotated_copies_differ_in_a_band_only(scans, tmp_path):
    table = pd.concat(predict_files(mean_bundle(["light", "dark"], 2), input_files(scans)))
    assert annotate_copies(table, scans, tmp_path / "notes") == []
    image = read_image(tmp_path / "notes/page10.png")
    assert (image[20:] == 204).all()
    assert (image[:8] != 204).any()
    assert len(input_files(tmp_path / "notes")) == 3


def test_a_label_is_drawn_on_pictures_of_any_size():
    for shape in ((1, 1, 3), (30, 500, 3), (600, 20, 3)):
        image = np.full(shape, 200, np.uint8)
        assert draw_label(image, "Pokémon 98%").shape == shape
        assert (image == 200).all()


def test_a_copy_that_cannot_be_written_is_named_and_the_others_go_on(scans, tmp_path):
    table = pd.concat(predict_files(mean_bundle(["light", "dark"], 2), input_files(scans)))
    (tmp_path / "sorted").mkdir()
    (tmp_path / "sorted/dark").write_text("in the way")
    failures = SortedFolder(scans, tmp_path / "sorted").add(table, ["light", "dark"])
    assert len(failures) == 1
    assert failures[0].startswith(f"{scans}/page2.png: no copy written")
    assert (tmp_path / "sorted/light/page10.png").exists()


def test_copies_stay_apart_from_the_input(scans, tmp_path):
    for folder in (scans, scans / "sorted", tmp_path):
        with pytest.raises(ValueError, match="overlaps with the input"):
            check_apart(scans, folder)
    with pytest.raises(ValueError, match="overlaps"):
        check_apart(scans / "page2.png", scans)
    check_apart(scans, tmp_path / "sorted")
    check_apart(scans / "page2.png", scans / "sorted")


def test_inputs_that_hold_nothing(tmp_path):
    with pytest.raises(ValueError, match="holds no images"):
        input_files(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        input_files(tmp_path / "missing")


def test_a_trained_bundle_tells_dark_from_light(tiny_bundle, shades, tmp_path):
    shutil.copytree(shades, tmp_path / "shades")
    table = pd.concat(predict_files(load_bundle(tiny_bundle), input_files(tmp_path / "shades")))
    right = [Path(file).parent.name == label for file, label in zip(table["file"], table["label"], strict=True)]
    assert np.mean(right) > 0.9
