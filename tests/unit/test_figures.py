"""The pictures that the project's pages show: where they come from, and that they show the present models."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagecourse import cli
from imagecourse.reports import figures
from imagecourse.reports.figures import card_hashes, renew_figures, shown_figures
from imagecourse.reports.parameters import read_parameters
from imagecourse.reports.run import Run

ROOT = Path(__file__).parents[2]
SHOWN = {"figures/01_first/cover.png", "figures/01_first/plot.png", "figures/02_second/maps.png"}


def run(name: str, passed: bool = True, **parameters) -> Run:
    return Run(name, passed, 1.0, "2024-05-06T07:08:09+00:00", 42, parameters, f"figures/{name}", {})


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (60, 80, 4), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path) -> Path:
    """Pages that show three figures, two models, and reports with fresh figures of both chapters."""
    pages = {
        "README.md": "![a](figures/01_first/cover.png) and [data](data/README.md), (figures/01_first/note.txt)",
        "README.fr.md": "![a](figures/01_first/cover.png)\n\n![b](figures/01_first/plot.png)",
        "models/README.md": "![maps](../figures/02_second/maps.png)",
        "docs/other.md": "nothing (see https://example.org/figures/far.png)",
    }
    for name, text in pages.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    for model in ("one", "two"):
        (tmp_path / "project/models" / model).mkdir()
        (tmp_path / "project/models" / model / "card.json").write_text(f'{{"task": "{model}"}}')
    for number, name in enumerate(sorted(SHOWN)):
        draw(tmp_path / "reports" / name, number)
    draw(tmp_path / "reports/figures/01_first/shown_by_no_page.png", 9)
    return tmp_path / "project"


def test_pages_tell_which_figures_they_show(project):
    assert shown_figures(project) == SHOWN


def test_shown_figures_are_taken_made_small_and_told_from_which_models_they_are(project):
    runs = [run("01_first", image_size=64), run("02_second", trained_models=["one", "two", "away"], dataset="sample")]
    written = renew_figures(runs, project.parent / "reports", project)
    assert [path.relative_to(project).as_posix() for path in written] == sorted(SHOWN)
    for name in SHOWN:
        fresh, kept = Image.open(project.parent / "reports" / name), Image.open(project / name)
        assert (kept.mode, kept.size) == ("P", fresh.size)
        assert np.abs(np.asarray(kept.convert("RGB"), float) - np.asarray(fresh.convert("RGB"))).mean() < 30
    sources = json.loads((project / "figures/sources.json").read_text())
    assert list(sources) == sorted(SHOWN)
    cards = {
        name: hashlib.sha256((project / f"models/{name}/card.json").read_bytes()).hexdigest() for name in ("one", "two")
    }
    assert sources["figures/02_second/maps.png"] == {"chapter": "02_second", "models": cards}
    assert sources["figures/01_first/cover.png"] == {"chapter": "01_first", "models": {}}
    assert set(snapshot(project / "figures")) == {name.removeprefix("figures/") for name in SHOWN} | {"sources.json"}


def test_a_chapter_alone_renews_its_own_figures_and_what_no_page_shows_goes(project):
    runs = [run("01_first"), run("02_second", trained_model="one")]
    renew_figures(runs, project.parent / "reports", project)
    draw(project / "figures/01_first/old.png", 5)
    before = snapshot(project / "figures")
    (project / "models/one/card.json").write_text("{}")
    for name in SHOWN:
        draw(project.parent / "reports" / name, 7)
    written = renew_figures(runs[:1], project.parent / "reports", project)
    after = snapshot(project / "figures")
    assert {path.name for path in written} == {"cover.png", "plot.png"}
    assert set(before) - set(after) == {"01_first/old.png"}
    assert {name for name in after if after[name] != before[name]} == {"01_first/cover.png", "01_first/plot.png"}


def test_a_chapter_that_failed_leaves_its_figures(project):
    renew_figures([run("01_first"), run("02_second")], project.parent / "reports", project)
    before = snapshot(project / "figures")
    for name in SHOWN:
        draw(project.parent / "reports" / name, 7)
    assert renew_figures([run("02_second", passed=False)], project.parent / "reports", project) == []
    assert snapshot(project / "figures") == before


def test_a_figure_that_its_chapter_did_not_draw_is_named_before_anything_is_written(project):
    (project.parent / "reports/figures/02_second/maps.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"figures/02_second/maps\.png: .* shows it"):
        renew_figures([run("01_first"), run("02_second")], project.parent / "reports", project)
    assert not (project / "figures").exists()


def test_models_are_those_that_a_parameter_names(project):
    hashes = card_hashes(project, {"model": "one", "seed": 42, "data_dir": None, "empty": "", "many": ["two", "away"]})
    assert list(hashes) == ["one", "two"] and len(set(hashes.values())) == 2


def test_the_command_prints_what_it_renewed(monkeypatch, capsys, tmp_path):
    runs = [run("01_first")]
    monkeypatch.setattr("imagecourse.reports.run.run_reports", lambda *_: runs)
    monkeypatch.setattr(figures, "renew_figures", lambda given, output: [Path(output, str(given == runs))])
    assert cli.main(["report", "--figures", "--output", "there"]) == 0
    assert capsys.readouterr().out.splitlines() == ["there/index.html", "there/True"]
    assert cli.main(["report", "--output", "there"]) == 0
    assert capsys.readouterr().out.splitlines() == ["there/index.html"]


def test_every_figure_that_a_page_of_this_project_shows_is_there():
    shown = shown_figures(ROOT)
    assert shown and [name for name in sorted(shown) if not (ROOT / name).is_file()] == []


def test_figures_of_this_project_show_the_present_models():
    """Where this fails, `make figures` renews them."""
    sources = json.loads((ROOT / "figures/sources.json").read_text(encoding="utf-8"))
    assert set(sources) == shown_figures(ROOT)
    for name, source in sources.items():
        parameters = read_parameters(ROOT / "notebooks" / f"{source['chapter']}.ipynb")
        assert name.startswith(f"figures/{source['chapter']}/")
        assert source["models"] == card_hashes(ROOT, parameters), name


def test_figures_of_this_project_are_small_and_no_others_lie_there():
    files = [path for path in (ROOT / "figures").rglob("*") if path.is_file()]
    assert {path.relative_to(ROOT).as_posix() for path in files} == shown_figures(ROOT) | {"figures/sources.json"}
    assert sum(path.stat().st_size for path in files) < 8e6
    assert {Image.open(path).mode for path in files if path.suffix == ".png"} == {"P"}
