"""The READMEs' tables of results: made from the models' cards, and typed nowhere."""

import json
import shutil
from pathlib import Path

import pytest

from imagecourse.reports.results import BEGIN, END, READMES, TASKS, renew_readmes, table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("language", "name"), READMES.items())
def test_a_readme_shows_what_the_cards_say(language, name):
    text = (ROOT / name).read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == table(ROOT / "models", language)


def test_every_shipped_model_has_its_rows():
    shown = table(ROOT / "models")
    for path in sorted((ROOT / "models").glob("*/card.json")):
        assert json.loads(path.read_text(encoding="utf-8"))["task"] in TASKS
        assert f"(models/{path.parent.name}/card.json)" in shown


def test_another_card_changes_the_readme_and_nothing_else_in_it(tmp_path):
    shutil.copytree(ROOT / "models" / "dogs-10", tmp_path / "models" / "dogs-10")
    for name in READMES.values():
        (tmp_path / name).write_text(f"before\n\n{BEGIN}\n{END}\n\nafter\n", encoding="utf-8")
    assert len(renew_readmes(tmp_path)) == 3 and renew_readmes(tmp_path) == []
    card = tmp_path / "models" / "dogs-10" / "card.json"
    facts = json.loads(card.read_text(encoding="utf-8"))
    facts["test"]["top1"] |= {"value": 0.123, "low": 0.1, "high": 0.2}
    card.write_text(json.dumps(facts), encoding="utf-8")
    assert len(renew_readmes(tmp_path)) == 3
    text = (tmp_path / "README.es.md").read_text(encoding="utf-8")
    assert "12,3 (10,0–20,0)" in text and text.startswith("before\n") and text.endswith("\nafter\n")
