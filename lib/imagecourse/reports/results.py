"""The table of measured results that the READMEs show: made from the models' cards, typed nowhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import imagecourse
from imagecourse.evaluation import Estimate, accuracy_with_interval, mean_with_interval
from imagecourse.files import atomic_path, read_json

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- end of results -->"
READMES = {"en": "README.md", "fr": "README.fr.md", "es": "README.es.md"}
HEADINGS = {
    "en": ("model", "measure", "test pictures", "this model", "baseline", "mean of several trainings"),
    "fr": ("modèle", "mesure", "images de test", "ce modèle", "référence", "moyenne de plusieurs entraînements"),
    "es": ("modelo", "medida", "imágenes de prueba", "este modelo", "referencia", "media de varios entrenamientos"),
}
MEASURES = {
    "six classes": ("six classes", "seis clases"),
    "photo or not, balanced": ("photo ou non, équilibrée", "foto o no, equilibrada"),
    "the same, on contents left out of the training": (
        "la même, sur des contenus absents de l'entraînement",
        "la misma, con contenidos ausentes del entrenamiento",
    ),
    "top-1": ("top-1", "top-1"),
    "top-5": ("top-5", "top-5"),
    "two in one picture: both found": ("deux sur une image : les deux trouvés", "dos en una imagen: ambos hallados"),
    "two in one picture: both, and nobody else": (
        "deux sur une image : les deux, et personne d'autre",
        "dos en una imagen: ambos, y nadie más",
    ),
    "gender as written down": ("genre tel que noté", "género tal como se anotó"),
    "age within 10 years": ("âge à 10 ans près", "edad con 10 años de margen"),
    "age, mean error in years": ("âge, erreur moyenne en années", "edad, error medio en años"),
    "BLEU-4": ("BLEU-4", "BLEU-4"),
    "CIDEr": ("CIDEr", "CIDEr"),
    "noise of 15, PSNR in dB": ("bruit de 15, PSNR en dB", "ruido de 15, PSNR en dB"),
    "noise of 25, PSNR in dB": ("bruit de 25, PSNR en dB", "ruido de 25, PSNR en dB"),
    "noise of 50, PSNR in dB": ("bruit de 50, PSNR en dB", "ruido de 50, PSNR en dB"),
    "pages never seen, error from 0 to 1": (
        "pages jamais vues, erreur de 0 à 1",
        "páginas nunca vistas, error de 0 a 1",
    ),
}


class Row(NamedTuple):
    """A measured figure. shipped, baseline: with the interval over test pictures; mean: over trainings.

    form: how a number is written; shares in percent.
    """

    model: str
    measure: str
    images: int
    shipped: Estimate
    baseline: Estimate | None = None
    mean: Estimate | None = None
    form: Callable[[float], str] = lambda share: f"{100 * share:.1f}"


def rows(models: Path) -> list[Row]:
    """The figures of all models in a folder, by their cards; a task that has none here gives none."""
    found = []
    for path in sorted(models.glob("*/card.json")):
        card = read_json(path)
        measure = TASKS.get(card["task"])
        found += measure(path.parent, card) if measure else []
    return found


def table(models: Path, language: str = "en") -> str:
    """The results in Markdown."""
    lines = [HEADINGS[language], ["---"] * len(HEADINGS[language])]
    for row in rows(models):
        link = f"[{row.model}](models/{row.model}/card.json)"
        measure = row.measure if language == "en" else MEASURES[row.measure][language == "es"]
        figures = [_text(estimate, row.form, language) for estimate in (row.shipped, row.baseline, row.mean)]
        lines.append([link, measure, str(row.images), *figures])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def renew_readmes(project: Path | None = None) -> list[Path]:
    """Put the table into the READMEs, between its two marks; gives those that had others."""
    project = project or Path(imagecourse.__file__).parents[2]
    changed = []
    for language, name in READMES.items():
        path = project / name
        text = path.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        new = f"{before}{BEGIN}\n\n{table(project / 'models', language)}\n\n{END}{after}"
        if rest and new != text:
            with atomic_path(path) as temporary:
                temporary.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def _text(estimate: Estimate | None, form: Callable[[float], str], language: str) -> str:
    if estimate is None or np.isnan(estimate.low):
        return "–"
    value, low, high = map(form, estimate)
    text = f"{value} ({low}–{high})"
    return text if language == "en" else text.replace(".", ",")


def _estimate(figures: dict | None) -> Estimate | None:
    return Estimate(figures["value"], figures["low"], figures["high"]) if figures and "low" in figures else None


def _photo(folder: Path, card: dict) -> Iterator[Row]:
    test, baseline = card.get("test", {}), card.get("baseline", {})
    for measure, name in (("six classes", "accuracy"), ("photo or not, balanced", "photo_balanced_accuracy")):
        if name in test:
            yield Row(folder.name, measure, test["images"], _estimate(test[name]), _estimate(baseline.get(name)))
    left_out = card.get("left_out", {})
    if "photo_balanced_accuracy" in left_out:
        baseline = card.get("left_out_baseline", {}).get("photo_balanced_accuracy")
        shipped = _estimate(left_out["photo_balanced_accuracy"])
        measure = "the same, on contents left out of the training"
        yield Row(folder.name, measure, left_out["images"], shipped, _estimate(baseline))


def _characters(folder: Path, card: dict) -> Iterator[Row]:
    answers = pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)
    classes, several = card["classes"], "thresholds" in card
    pairs = answers["truth"].map(lambda truth: truth not in classes)
    alone = answers[~pairs]
    best = alone[classes].astype(float).idxmax(axis=1)
    shipped = accuracy_with_interval(alone["truth"], best)
    over_seeds = card["over_seeds"]
    baseline, mean = _estimate(card.get("baseline")), _estimate(over_seeds["accuracy"])
    yield Row(folder.name, "top-1", len(alone), shipped, baseline, mean)
    if several and pairs.any():
        two = answers[pairs]
        exact = accuracy_with_interval(two["truth"], two["prediction"])
        named = [set(truth.split(" + ")) <= set(answer.split(" + ")) for truth, answer in
                 zip(two["truth"], two["prediction"], strict=True)]  # fmt: skip
        found = accuracy_with_interval(np.ones(len(named), bool), np.array(named))
        means = [_estimate(over_seeds[name]) for name in ("all_found", "exactly_right")]
        yield Row(folder.name, "two in one picture: both found", len(two), found, None, means[0])
        yield Row(folder.name, "two in one picture: both, and nobody else", len(two), exact, None, means[1])


def _breeds(folder: Path, card: dict) -> Iterator[Row]:
    for name in ("top1", "top5"):
        baseline = card.get("imagenet_head", {}).get(name)
        measure = f"top-{name[-1]}"
        yield Row(folder.name, measure, card["metrics"]["images"], _estimate(card["test"][name]), _estimate(baseline))


def _faces(folder: Path, card: dict) -> Iterator[Row]:
    answers, baseline = pd.read_csv(folder / "predictions.csv"), card.get("baseline", {})
    if "true_gender" in answers:
        right = accuracy_with_interval(answers["true_gender"], answers["gender"])
        always = _share(baseline["gender_accuracy"], len(answers))
        yield Row(folder.name, "gender as written down", len(answers), right, always)
    if "true_age" in answers:
        errors = (answers["age"] - answers["true_age"]).abs()
        near = accuracy_with_interval(np.ones(len(errors), bool), (errors <= 10).to_numpy())
        yield Row(folder.name, "age within 10 years", len(answers), near)
        yield Row(folder.name, "age, mean error in years", len(answers), mean_with_interval(errors), form=_two_decimals)


def _share(value: float, images: int) -> Estimate:
    right = np.arange(images) < round(value * images)
    return accuracy_with_interval(np.ones(images, bool), right)


def _captions(folder: Path, card: dict) -> Iterator[Row]:
    for measure, name in (("BLEU-4", "bleu_4"), ("CIDEr", "cider")):
        yield Row(folder.name, measure, card["metrics"]["images"], _estimate(card["test"][name]), form=_two_decimals)


def _restoration(folder: Path, card: dict) -> Iterator[Row]:
    """Of a denoiser, beside the compromise of chapter 01; of a document cleaner, beside the best classical one."""
    table = pd.read_csv(folder / "predictions.csv")
    if "damage" not in table:
        own, others = table.pop(folder.name), table.drop(columns=["file", "as it is"])
        best = mean_with_interval(others[others.mean().idxmin()])
        measure = "pages never seen, error from 0 to 1"
        yield Row(folder.name, measure, len(table), mean_with_interval(own), best, form=lambda value: f"{value:.3f}")
        return
    for noise in (15, 25, 50):
        rows = table[table["damage"] == f"noise_{noise}"]
        figures = (mean_with_interval(rows[name]) for name in ("denoiser", "compromise"))
        yield Row(folder.name, f"noise of {noise}, PSNR in dB", len(rows), *figures, form=_two_decimals)


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


TASKS: dict[str, Callable[[Path, dict], Iterator[Row]]] = {
    "photo": _photo,
    "characters": _characters,
    "breeds": _breeds,
    "faces": _faces,
    "captions": _captions,
    "denoiser": _restoration,
    "documents": _restoration,
}
