import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from imagecourse.networks import training
from imagecourse.networks.training import check_labels, class_weights, cosine_schedule, fit, set_seeds, start_afresh


def line_model(seed: int = 1) -> keras.Model:
    set_seeds(seed)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.1)(x)))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


@pytest.fixture
def line() -> tuple[np.ndarray, np.ndarray]:
    inputs = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    return inputs, inputs @ np.array([[1], [2], [3]], np.float32)


def interrupt_after(monkeypatch, batches: int) -> None:
    """Stop training as Control-C does, after so many batches."""
    seen = iter(range(batches - 1))

    def count(self, batch, logs=None):
        if next(seen, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(training._Kept, "on_train_batch_end", count)


def test_same_seed_same_history(line):
    histories = [fit(line_model(), line, line, epochs=3, seed=7) for _ in range(2)]
    pd.testing.assert_frame_equal(*histories)
    assert list(histories[0]["epoch"]) == [1, 2, 3]
    assert histories[0]["loss"].iloc[-1] < histories[0]["loss"].iloc[0]
    assert not histories[0].equals(fit(line_model(), line, line, epochs=3, seed=8))


def test_an_interrupted_training_resumes_to_the_same_length(line, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, batches=3 * 2 + 1)
        fit(line_model(), line, line, epochs=6, seed=1, checkpoint_dir=tmp_path)
    before = pd.read_csv(tmp_path / "history.csv")
    model = line_model(seed=2)
    history = fit(model, line, line, epochs=6, seed=1, checkpoint_dir=tmp_path, resume=True)
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(history["loss"][:3], before["loss"])
    assert history["loss"][3] < history["loss"][0] * 0.9
    assert len(pd.read_csv(tmp_path / "history.csv")) == 6
    assert len(fit(model, line, line, epochs=2, seed=1)) == 2


def test_a_resumed_training_is_the_one_that_was_never_interrupted_dropout_included(line, tmp_path, monkeypatch):
    def training(folder, resume=False):
        model = line_model()
        batches = tf.data.Dataset.from_tensor_slices(line).shuffle(len(line[0]), seed=1).batch(8)
        return fit(model, batches, epochs=4, seed=1, checkpoint_dir=tmp_path / folder, resume=resume), model

    undisturbed, whole = training("whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, batches=2 * 8 + 1)
        training("cut")
    history, resumed = training("cut", resume=True)
    np.testing.assert_array_equal(history["loss"], undisturbed["loss"])
    for expected, weights in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_without_resume_the_history_starts_afresh(line, tmp_path):
    fit(line_model(), line, epochs=3, seed=1, checkpoint_dir=tmp_path)
    assert len(fit(line_model(), line, epochs=2, seed=1, checkpoint_dir=tmp_path)) == 2


def test_a_kill_while_the_state_is_written_costs_one_epoch(line, tmp_path):
    fit(line_model(), line, epochs=3, seed=1, checkpoint_dir=tmp_path)
    earlier = pd.read_csv(tmp_path / "history.csv")
    fit(line_model(), line, epochs=4, seed=1, checkpoint_dir=tmp_path, resume=True)
    shutil.copy(tmp_path / "4.weights.h5", tmp_path / "3.weights.h5")  # killed before the row of the fourth was there
    earlier.to_csv(tmp_path / "history.csv", index=False)
    history = fit(line_model(), line, epochs=4, seed=1, checkpoint_dir=tmp_path, resume=True)
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert [path.name for path in tmp_path.glob("*.h5")] == ["4.weights.h5"]


def test_a_checkpoint_of_another_network_is_refused(line, tmp_path):
    fit(line_model(), line, epochs=1, seed=1, checkpoint_dir=tmp_path)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7), keras.layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match=r"1\.weights\.h5: cannot go on from it"):
        fit(other, line, epochs=2, seed=1, checkpoint_dir=tmp_path, resume=True)


def test_early_stopping_goes_back_to_the_best_weights_even_after_a_kill(line, tmp_path):
    wrong = (line[0], -line[1])
    options = {"seed": 1, "patience": 2, "checkpoint_dir": tmp_path}
    history = fit(line_model(), line, wrong, epochs=30, **options)
    best = int(history["val_loss"].idxmin())
    assert len(history) == best + 3 < 30
    model = line_model(seed=5)
    assert len(fit(model, line, wrong, epochs=30, resume=True, **options)) == len(history)
    assert model.evaluate(*wrong, verbose=0) == pytest.approx(history["val_loss"].min(), rel=1e-5)


@pytest.mark.parametrize("keeps", [True, False])
def test_the_weights_after_early_stopping_are_the_best_ones(line, tmp_path, keeps):
    wrong, model = (line[0], -line[1]), line_model()
    history = fit(model, line, wrong, epochs=30, seed=1, patience=2, checkpoint_dir=tmp_path if keeps else None)
    assert history["val_loss"].min() < 0.9 * history["val_loss"].iloc[-1]
    assert model.evaluate(*wrong, verbose=0) == pytest.approx(history["val_loss"].min(), rel=1e-5)


def test_class_weights_count_in_the_loss():
    """Nine pictures of one class and one of another, all alike: with weights nothing speaks for either."""
    pictures = np.ones((100, 1), np.float32), np.repeat([0, 1], [90, 10])
    found = []
    for weights in (None, class_weights(pictures[1].tolist(), [0, 1])):
        set_seeds(0)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
        fit(model, pictures, epochs=30, seed=0, batch_size=100, class_weights=weights)
        found.append(float(model.predict_on_batch(pictures[0][:1])[0, 1]))
    assert found == pytest.approx([0.1, 0.5], abs=0.05)


def test_training_does_not_start_without_a_compiled_model(line):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="raw")
    with pytest.raises(ValueError, match="raw: not compiled"):
        fit(model, line, epochs=1, seed=1)
    with pytest.raises(ValueError, match="epochs: 0"):
        fit(line_model(), line, epochs=0, seed=1)


def test_cosine_schedule_rises_and_falls(line):
    rates = [cosine_schedule(1.0, epochs=6, warmup=2)(epoch) for epoch in range(6)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert rates[2:] == pytest.approx([1, (1 + 2**-0.5) / 2, 0.5, (1 - 2**-0.5) / 2])
    history = fit(line_model(), line, epochs=2, seed=1, learning_rate=cosine_schedule(0.1, 2))
    assert list(history["learning_rate"]) == pytest.approx([0.1, 0.05])


def test_class_weights_make_classes_equal():
    assert class_weights(["a", "a", "a", "b"], ["a", "b"]) == pytest.approx({0: 4 / 6, 1: 2.0})


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["a", "a"], ["a"], "only the class a"),
        ([], [], "no class"),
        (["a", "b"], ["a", "b", "c"], "no training images for c"),
    ],
)
def test_sets_that_teach_nothing_are_refused(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        check_labels(labels, classes)


def test_a_model_that_starts_afresh_learns_what_a_new_one_learns(line):
    """The same weights, the same dropout, an optimiser without a past; and the compiled model stays the same."""
    used, new = line_model(seed=1), line_model(seed=2)
    used.optimizer.learning_rate = 0.02
    used.fit(*line, epochs=2, verbose=0)
    start_afresh(used, line_model(seed=2))
    assert float(used.optimizer.learning_rate) == pytest.approx(0.02)
    used.optimizer.learning_rate = 0.05
    for model in (used, new):
        set_seeds(3)
        model.fit(*line, epochs=2, verbose=0)
    for first, second in zip(used.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_training_can_wait_for_a_higher_accuracy():
    inputs = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    targets = (inputs.sum(axis=1) > 0).astype(int)
    set_seeds(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    halves = (inputs[:40], targets[:40]), (inputs[40:], targets[40:])
    history = fit(model, *halves, epochs=60, seed=1, patience=3, monitor="val_accuracy", best=max)
    best = int(history["val_accuracy"].idxmax())
    assert len(history) == best + 4 < 60
    assert model.evaluate(*halves[1], verbose=0)[1] == pytest.approx(history["val_accuracy"].max())
