"""Which pictures a recipe learns, watches and measures: each has a colour of its own, by which it is known again."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import held_out_split, label_indices, read_dataset, split_by_hash, watched_split
from imagecourse.evaluation.comparison import folds
from imagecourse.images import read_image, write_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.features import unchanged
from imagecourse.networks.predict import scores_of_files
from imagecourse.recipes import TrainingRequest, breed_tables, characters
from imagecourse.recipes.breeds import BreedRecipe
from imagecourse.recipes.characters import CharacterRecipe
from imagecourse.recipes.classifier import ClassifierRecipe
from imagecourse.recipes.common import Trained, Training
from imagecourse.recipes.comparisons import compare_regimes, prepare_for_scratch
from imagecourse.recipes.learning import Borrowing
from imagecourse.recipes.photo import FilterSettings, PhotoRecipe, add_photographs
from imagecourse.recipes.photo_checks import shortcut_probe

SIZE = 32
CLASSES = ("Cartoon", "Photo")
REDS = dict(zip((40, 200), CLASSES, strict=True))
BLUES = {40: "train", 120: "validation", 200: "test", 250: "predict"}
COUNTS = {"train": (8, 4), "validation": (2, 2), "test": (4, 2), "predict": (1, 2)}


class Picture(NamedTuple):
    """Those with an odd number show a horse, the others a cube."""

    split: str
    label: str
    number: int

    @property
    def name(self) -> str:
        return f"{'horse' if self.number % 2 else 'cube'}_{self.split}_{self.number}.png"


def all_of(*splits: str) -> list[Picture]:
    counts = [(split, *one) for split in splits for one in zip(CLASSES, COUNTS[split], strict=True)]
    return [Picture(split, label, number) for split, label, count in counts for number in range(count)]


def colour(picture: Picture) -> tuple[int, int, int]:
    red = next(red for red, label in REDS.items() if label == picture.label)
    return red, 10 + 5 * picture.number, next(blue for blue, split in BLUES.items() if split == picture.split)


def picture_of(colour: Sequence[float]) -> Picture:
    red, green, blue = (round(float(value)) for value in colour)
    assert (green - 10) % 5 == 0
    return Picture(BLUES[blue], REDS[red], (green - 10) // 5)


def write_colours(folder: Path, *splits: str) -> Path:
    """A folder for each split and class; in test each class has the colours of the other.

    Who has learned train is never right in test, and who has learned test always is.
    """
    for picture in all_of(*splits):
        label = CLASSES[CLASSES.index(picture.label) - 1] if picture.split == "test" else picture.label
        write_image(folder / picture.split / label / picture.name, np.full((20, 30, 3), colour(picture), np.uint8))
    return folder


@pytest.fixture
def coloured(tmp_path) -> Path:
    return write_colours(tmp_path / "coloured", "train", "validation", "test")


class Fit(NamedTuple):
    """One training: its pictures in an epoch, those it watches, the class weights, and the weights it starts from."""

    train: list[Picture]
    watched: list[Picture]
    class_weights: dict[int, float] | None
    first_weights: np.ndarray


def pictures_in(inputs) -> list[Picture]:
    """The pictures of one epoch of what `keras.Model.fit` takes, whether as pixels or as features."""
    if inputs is None:
        return []
    if isinstance(inputs, tuple | np.ndarray):
        batches = [inputs[0] if isinstance(inputs, tuple) else inputs]
    elif isinstance(inputs, keras.utils.PyDataset):
        batches = [inputs[number][0] for number in range(len(inputs))]
    else:
        batches = [np.asarray(images) for images, _ in inputs]
    return sorted(
        picture_of(colour)
        for batch in batches
        for colour in batch.reshape(len(batch), -1, 3).astype(float).mean(axis=1)
    )


@pytest.fixture
def fits(monkeypatch, small_backbones) -> list[Fit]:
    """All trainings from now on."""
    seen, fit = [], keras.Model.fit

    def watch(model, x, y=None, validation_data=None, class_weight=None, **options):
        first = np.concatenate([weights.ravel() for weights in model.get_weights()])
        epoch = x.take(options["steps_per_epoch"]) if "steps_per_epoch" in options else x
        seen.append(Fit(pictures_in(epoch), pictures_in(validation_data), class_weight, first))
        return fit(model, x, y, validation_data=validation_data, class_weight=class_weight, **options)

    monkeypatch.setattr(keras.Model, "fit", watch)
    return seen


def request(data: Path, task: str = "classifier") -> TrainingRequest:
    return TrainingRequest(task, str(data), data.parent / "models" / "model", epochs=1, image_size=SIZE)


def photo_recipe(data: Path, **options) -> PhotoRecipe:
    recipe = PhotoRecipe(request(data, "photo"), **options)
    recipe.sizes = FilterSettings(views=2)  # as they are and mirrored: further views change the colours
    return recipe


def character_recipe(data: Path, **options) -> CharacterRecipe:
    return CharacterRecipe(request(data, "characters"), **options)


BALANCED = {0: 12 / (2 * 8), 1: 12 / (2 * 4)}
MILDER = {number: weight**0.5 for number, weight in BALANCED.items()}
RECIPES = {
    "classifier": (lambda data: ClassifierRecipe(request(data), seeds=2), BALANCED),
    "classifier, fine-tuned": (lambda data: ClassifierRecipe(request(data), "fine_tuned", seeds=2), BALANCED),
    "classifier from scratch": (lambda data: ClassifierRecipe(request(data), "scratch", seeds=2), BALANCED),
    "photo filter": (photo_recipe, MILDER),
    "photo filter, frozen": (lambda data: photo_recipe(data, network="efficientnet_lite0"), BALANCED),
    "photo filter from scratch": (lambda data: photo_recipe(data, network="photo_cnn"), BALANCED),
    "characters": (lambda data: character_recipe(data, seeds=2), None),
    "characters from scratch": (lambda data: character_recipe(data, network="character_cnn", seeds=2), None),
}


@pytest.fixture
def two_views(monkeypatch):
    """Of every picture as it is and mirrored."""
    monkeypatch.setitem(characters.NETWORKS, "fine_tuned", Borrowing("efficientnet_lite0", "block6b_add", views=2))
    for module in ("classifier", "characters"):
        monkeypatch.setattr(f"imagecourse.recipes.{module}.varied_view", unchanged)


def measured_on_test(bundle) -> bool:
    measured = sorted(Path(file).name for file in bundle.predictions["file"])
    assert bundle.card["metrics"]["images"] == len(measured)
    return bundle.card["metrics"]["split"] == "test" and measured == sorted(picture.name for picture in all_of("test"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_learns_train_watches_validation_and_measures_test(coloured, fits, two_views, name):
    """What it learns before, it learns from parts of train."""
    build, weights = RECIPES[name]
    bundle = load_bundle(build(coloured).train())
    seeds = bundle.card["over_seeds"]["seeds"]
    before, final = fits[: -len(seeds)], fits[-len(seeds) :]
    assert all(fit.train == all_of("train") and fit.watched == all_of("validation") for fit in final)
    assert all(set(fit.train) < set(all_of("train")) and not fit.watched for fit in before)
    assert all(fit.class_weights == (weights and pytest.approx(weights)) for fit in fits)
    assert len({fit.first_weights.tobytes() for fit in final}) == len(final) == len(set(seeds))
    assert measured_on_test(bundle)
    baseline = bundle.card["baseline"]
    assert baseline.get("accuracy", baseline)["value"] == 0  # as whoever learned train


@pytest.mark.parametrize("regime", ["frozen", "mlp", "finetuned", "scratch"])
def test_breeds_learn_validation_rows_too_and_never_test_rows(coloured, fits, regime):
    bundle = load_bundle(BreedRecipe(request(coloured, "breeds"), "efficientnet_lite0", regime).train())
    curves, final = fits
    known = set(all_of("train", "validation"))
    assert set(curves.train) | set(curves.watched) == set(final.train) == known
    assert curves.watched and not set(curves.train) & set(curves.watched) and not final.watched
    assert measured_on_test(bundle)
    assert bundle.card["baseline"] == {"always": "Cartoon", "accuracy": 0.3333}


def test_where_nothing_is_for_the_test_breeds_are_measured_on_validation_and_do_not_learn_it(tmp_path, fits):
    folder = write_colours(tmp_path / "coloured", "train", "validation")
    bundle = load_bundle(BreedRecipe(request(folder, "breeds"), "efficientnet_lite0").train())
    assert set(fits[-1].train) == set(all_of("train"))
    assert sorted(bundle.predictions["file"].map(lambda file: Path(file).parts[0]).unique()) == ["validation"]


def test_the_tables_of_breeds_look_at_no_test_picture(coloured, small_backbones, tmp_path):
    """There is none any more when they are made."""
    other = write_colours(tmp_path / "other", "train", "validation")
    recipe = BreedRecipe(request(coloured, "breeds"), "efficientnet_lite0")
    dataset = recipe.choose(read_dataset(coloured))
    for file in dataset.table.loc[dataset.table["split"] == "test", "file"]:
        Path(file).unlink()
    work = breed_tables.Work(dataset, recipe.backbone, [other], Training(0, checkpoint_dir=tmp_path / "training"), None)
    names = ["learning-curve", "kinds-of-data"]  # all others have the pictures of the first
    assert list(breed_tables.compare(names, work, breed_tables.TableSettings(repeats=2, pool=4))) == names


def test_comparisons_learn_the_training_rows_of_each_split_with_a_seed_of_its_own(coloured, fits):
    table = read_dataset(coloured).table
    files, targets = table["file"].tolist(), label_indices(table["label"], CLASSES)
    splits = folds(targets, 2, seed=0)
    compare_regimes("efficientnet_lite0", files, targets, splits, seed=0, image_size=SIZE, epochs=1, regimes=["mlp"])
    prepare_for_scratch(files, targets, splits, {}, SIZE, seed=0, epochs=1)
    pictures = [picture_of(read_image(file)[0, 0]) for file in files]
    trained = [{pictures[row] for row in split.train} for split in splits]
    assert all(set(fit.train) < whole for fit, whole in zip(fits[:2], trained, strict=True))  # some are watched
    assert [set(fit.train) for fit in fits[2:]] == trained
    assert len({fit.first_weights.tobytes() for fit in fits}) == 4


def test_left_out_contents_are_left_out_and_measured(coloured, fits, tmp_path):
    """Further photographs too, where a caption names them."""
    cube, meadow = all_of("predict")[1:]
    for picture in (cube, meadow):
        write_image(tmp_path / "other" / picture.name, np.full((20, 30, 3), colour(picture), np.uint8))
    lines = ["image,caption", f"{cube.name},a cube, far away", f"{meadow.name},Horses on a meadow"]
    (tmp_path / "other" / "captions.txt").write_text("\n".join(lines))
    (tmp_path / "other" / "Flickr_8k.trainImages.txt").write_text(f"{cube.name}\n{meadow.name}\n")
    recipe = photo_recipe(coloured, leave_out=["horse"], photographs=[tmp_path / "other"])
    card = load_bundle(recipe.train()).card
    without, final = fits
    assert without.train == sorted([*(one for one in all_of("train") if "horse" not in one.name), cube])
    assert without.watched == [one for one in all_of("validation") if "horse" not in one.name]
    assert final.train == sorted([*all_of("train"), cube, meadow])
    horses = [one for one in all_of("train", "validation", "test") if "horse" in one.name]
    assert card["left_out"]["contents"] == ["horse"]
    for name in ("left_out", "left_out_baseline", "left_out_baseline_with_photographs"):
        assert card[name]["images"] == len(horses)


def test_further_photographs_are_none_of_those_kept_for_a_test(coloured, tmp_path):
    other = write_colours(tmp_path / "other", "train", "validation", "test", "predict")
    hashed = tmp_path / "hashed"
    for picture in all_of("train", "validation", "test"):
        write_image(hashed / picture.label / picture.name, np.zeros((8, 8, 3), np.uint8))
    table = add_photographs(read_dataset(coloured), [other, hashed], 300).table
    further = table[table["further"]]
    files = [Path(file) for file in further["file"]]
    seen = [picture_of(read_image(file)[0, 0]) for file in files if other in file.parents]
    assert sorted(seen) == sorted(all_of("train", "predict"))
    names = [file.name for file in files if hashed in file.parents]
    assert names and all(split_by_hash(name) == "train" for name in names)
    assert set(further["split"]) == {"train"} and set(further["label"]) == {"Photo"}


def test_further_photographs_train_the_filter_and_no_baseline(coloured, tmp_path, fits):
    other = write_colours(tmp_path / "other", "predict")
    bundle = load_bundle(photo_recipe(coloured, photographs=[other]).train())
    assert fits[0].train == sorted(all_of("train", "predict"))
    assert measured_on_test(bundle) and bundle.card["baseline"]["accuracy"]["value"] == 0


def test_a_probe_for_shortcuts_learns_train_and_is_measured_on_test(tmp_path):
    """Wide is Photo in train and Cartoon in test."""
    tables = []
    for split, labels in (("train", CLASSES), ("test", CLASSES[::-1])):
        files = {label: tmp_path / split / f"{label}.png" for label in labels}
        for width, file in zip((20, 60), files.values(), strict=True):
            write_image(file, np.zeros((20, width, 3), np.uint8))
        tables.append(pd.DataFrame({"file": list(map(str, files.values())), "label": list(files)}))
    assert shortcut_probe(*tables, seed=0)["files"] == 0


@pytest.mark.parametrize(
    ("name", "split", "cautious"),
    [("classifier", "validation", True), ("photo filter", "validation", False), ("characters", "train", True)],
)
def test_the_temperature_is_the_one_of_the_split_it_should_come_from(
    tmp_path, small_backbones, two_views, monkeypatch, name, split, cautious
):
    """A network that is sure of everything, and right in 10 of 12 of these pictures, says so afterwards."""

    def learn_nothing(model, *_, **__):
        dark, bright = np.array([[-1, 1]] * 3) / 6, np.array([4, -4])
        model.layers[-1].set_weights([dark, bright])  # logits 4 apart between grey values of 4 and 12
        return pd.DataFrame()

    for each in ("train", "validation", "test"):
        for number, label in enumerate("ab" * 5 + "ba" if each == split else "ab" * 4):
            grey = 12 if number % 2 else 4
            write_image(tmp_path / "set" / each / label / f"{number}.png", np.full((8, 8, 3), grey, np.uint8))
    for module in ("learning", "photo"):
        monkeypatch.setattr(f"imagecourse.recipes.{module}.fit", learn_nothing)
    recipe, training = RECIPES[name][0](tmp_path / "set"), Training(0, image_size=SIZE, checkpoint_dir=tmp_path)
    dataset = recipe.extend(read_dataset(tmp_path / "set"))
    recipe.remember(recipe.study(dataset, dataset, training), dataset)
    model = recipe.learn(dataset, training).model
    recipe.calibrate(model, dataset)
    doubt = 1 / 14 if cautious else 0  # a share of each answer for all classes
    confidence = scores_of_files(model, dataset.table["file"].tolist()).max(axis=1)
    assert confidence == pytest.approx((1 - doubt) * 10 / 12 + doubt / 2, abs=0.002)


def names_inside(file: str) -> set[Picture]:
    """The pictures that a composed one shows."""
    return {picture_of(one) for one in np.unique(read_image(file).reshape(-1, 3), axis=0)}


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_what_is_chosen_comes_from_training_pictures_that_the_network_has_not_learned(
    coloured, small_backbones, monkeypatch, tmp_path, mode
):
    """Temperature, thresholds and the better one of two networks."""
    learned, scored = [], []

    class Watched(CharacterRecipe):
        def _learn(self, network, dataset, training):
            rows = dataset.table[dataset.table["split"] == "train"]
            learned.append(set().union(*map(names_inside, rows["file"])))
            return Trained(None, pd.DataFrame())

    def score(_model, files):
        scored.append(set().union(*map(names_inside, files)))
        return np.random.default_rng(0).uniform(size=(len(files), len(CLASSES)))

    monkeypatch.setattr(characters, "scores_of_files", score)
    recipe, dataset = Watched(request(coloured, "characters"), mode, "best"), read_dataset(coloured)
    found = recipe.study(dataset, dataset, Training(0, checkpoint_dir=tmp_path / "training"))
    assert ("thresholds" in found) == (mode == "multi") and found["temperature"] > 0
    assert len(learned) == len(scored) == 3 * len(characters.CANDIDATES)
    for known, held in zip(learned, scored, strict=True):
        assert not known & held and known | held == set(all_of("train"))
    assert sum(map(len, scored)) == len(characters.CANDIDATES) * len(all_of("train"))


def test_the_split_to_measure_on_and_the_one_to_watch(coloured, tmp_path):
    both = read_dataset(coloured)
    only = read_dataset(write_colours(tmp_path / "only", "train", "validation"))
    none = read_dataset(write_colours(tmp_path / "none", "train"))
    assert [held_out_split(dataset) for dataset in (both, only, none)] == ["test", "validation", None]
    assert [watched_split(dataset) for dataset in (both, only, none)] == ["validation", "validation", None]
