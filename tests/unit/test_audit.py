"""A data set looked through: planted errors are found, and decisions are obeyed."""

import csv

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.datasets.decisions import read_decisions
from imagecourse.datasets.stored import load_features
from imagecourse.evaluation.label_errors import label_margins, oddness, out_of_fold_scores


def plant(labels: np.ndarray, classes: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which a share was swapped for others, and where."""
    generator = np.random.default_rng(seed)
    places = generator.choice(len(labels), round(share * len(labels)), replace=False)
    swapped = labels.copy()
    swapped[places] = (labels[places] + generator.integers(1, classes, len(places))) % classes
    return swapped, places


@pytest.mark.parametrize(("name", "least"), [("dogs-10-lite0", 0.8), ("pokemon-lite0", 0.8)])
def test_planted_errors_are_among_the_first(name, least):
    stored = load_features(name)
    labels = pd.Categorical(stored.table["label"]).codes.astype(int)
    swapped, places = plant(labels, len(stored.classes), 0.05, seed=0)
    scores = out_of_fold_scores(stored.values, swapped, np.arange(len(labels)))
    margins, others = label_margins(scores, swapped)
    first = np.argsort(margins)[: len(places)]
    found = np.intersect1d(first, places)
    assert len(found) / len(places) >= least
    assert (others[found] == labels[found]).mean() > 0.9


def test_scores_are_those_of_a_classifier_that_has_not_seen_the_picture():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    noise = generator.normal(size=(80, 200))
    apart = out_of_fold_scores(noise, labels, np.arange(80))
    assert 0.2 < (apart.argmax(axis=1) == labels).mean() < 0.8  # one that had seen them would be right always
    twins = np.concatenate([noise, noise])
    told, untold = (
        out_of_fold_scores(twins, np.tile(labels, 2), groups) for groups in (np.arange(160), np.tile(np.arange(80), 2))
    )
    right = [(scores.argmax(axis=1) == np.tile(labels, 2)).mean() for scores in (told, untold)]
    assert right[0] > 0.9 and right[1] < 0.8


def test_margins_and_oddness_of_known_values():
    margins, others = label_margins(np.array([[0.9, 0.1, 0.3], [0.2, 0.4, 0.1]], np.float32), np.array([0, 2]))
    assert margins == pytest.approx([0.6, -0.3]) and others.tolist() == [2, 1]
    generator = np.random.default_rng(0)
    features = np.concatenate([1 + 0.1 * generator.random((60, 8)), np.eye(8)[:1]])
    odd = oddness(features)
    assert odd.argmax() == 60 and odd[60] > 10 and np.median(odd) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="a class has 3 pictures; 5 or more"):
        out_of_fold_scores(features, np.array([0] * 58 + [1] * 3), np.arange(61))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Red and blue pictures; one red among the blue, one under both names, one broken; a class name to escape."""
    root, generator = tmp_path_factory.mktemp("audit") / "set", np.random.default_rng(0)
    tints = {"red": (220, 40, 40), "<b>blue<_b>": (40, 40, 220)}
    for label, tint in tints.items():
        (root / label).mkdir(parents=True)
        for number in range(9):
            small = generator.integers(0, 120, (5, 5, 3)) + np.array(tint) // 2
            picture = Image.fromarray(small.astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
            wrong = label != "red" and number == 0
            place = root / ("red" if wrong else label)
            picture.save(place / f"{'<i>odd</i>'.replace('/', '_') if wrong else number}.png")
    picture.save(root / "red" / "copy.png")
    (root / "red" / "broken.png").write_bytes(b"no picture")
    return root


def test_an_audit_is_a_page_and_a_table_and_what_is_decided_is_obeyed(pictures, tmp_path, capsys):
    page = tmp_path / "audit"
    assert main(["data", "audit", str(pictures), "-o", str(page)]) == 1
    notes = capsys.readouterr()
    assert "19 pictures: " in notes.out and "1 unreadable" in notes.out and "broken.png" in notes.err
    table = pd.read_csv(page / "audit.csv")
    assert set(table["file"][:2]) == {"red/<i>odd<_i>.png", "red/copy.png"}
    assert (table["margin"].diff().dropna() >= 0).all()
    assert table.set_index("file")["copies"]["red/copy.png"] == "<b>blue<_b>/8.png"
    soup = BeautifulSoup((page / "audit.html").read_text(encoding="utf-8"), "html.parser")
    assert soup.find("i") is None and soup.find("b") is None
    assert len(soup.select("li img[src^='data:image/jpeg']")) == len(soup.select("li[data-file]"))
    assert "red/copy.png" in {card["data-file"] for card in soup.select("li[data-file]")}
    assert not [link for link in soup.find_all(src=True) + soup.find_all(href=True) if "http" in str(link)]

    rows = [("red/<i>odd<_i>.png", "other", "<b>blue<_b>"), ("red/copy.png", "wrong", ""), ("red/1.png", "keep", "")]
    with open(tmp_path / "decisions.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "decision", "label"), *rows])
    built = tmp_path / "built"
    assert main(["data", "build", str(pictures), str(built), "--decisions", str(tmp_path / "decisions.csv")]) == 1
    assert read_dataset(built).table["label"].value_counts().to_dict() == {"red": 9, "<b>blue<_b>": 9}
    report = pd.read_csv(built / "report.csv", keep_default_na=False).set_index("file")
    assert report.loc["red/copy.png", ["outcome", "label"]].tolist() == ["wrong", "red"]
    assert report.at["red/<i>odd<_i>.png", "label"] == "<b>blue<_b>"
    assert "/<b>blue<_b>/" in report.at["red/<i>odd<_i>.png", "written"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("file,label\na.png,x\n", "has no columns file, decision, label"),
        ("file,decision,label\na.png,maybe,\n", "'maybe' is no decision"),
        ("file,decision,label\na.png,other,error\n", "is the name of another column"),
        ("file,decision,label\na.png,other,\n", "cannot name a folder"),
    ],
)
def test_decisions_that_cannot_be_obeyed_are_refused(tmp_path, text, complaint):
    (tmp_path / "decisions.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read_decisions(tmp_path / "decisions.csv")


def test_decisions_of_another_folder_are_refused(pictures, tmp_path, capsys):
    (tmp_path / "decisions.csv").write_text("file,decision,label\nelse.png,wrong,\n", encoding="utf-8")
    status = main(["data", "build", str(pictures), str(tmp_path / "b"), "--decisions", str(tmp_path / "decisions.csv")])
    assert status == 2 and "else.png: is decided on, but not in" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
