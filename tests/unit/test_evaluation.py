import json

import numpy as np
import pytest
from sklearn import metrics

from imagecourse.evaluation import (
    BySource,
    Estimate,
    accuracy_with_interval,
    balanced_accuracy,
    bootstrap_interval,
    choose_threshold,
    classification_summary,
    confusion_matrix_table,
    expected_calibration_error,
    mean_with_interval,
    precision_recall_table,
    save_metrics,
    verdict,
)

TRUTH = np.array([0, 0, 0, 1, 1, 2])
SCORES = np.array([[0.8, 0.2, 0], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.1, 0.9, 0], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1]])
LABELS = ["a", "b", "c"]


def test_confusion_matrix_has_the_truth_in_rows():
    table = confusion_matrix_table(TRUTH, SCORES, LABELS)
    assert table.to_numpy().tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert (table.index.name, table.columns.name) == ("truth", "prediction")


def test_summary():
    summary = classification_summary(TRUTH, SCORES)
    assert summary["accuracy"] == 0.5
    assert summary["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert summary["macro_f1"] == pytest.approx((2 / 3 + 0.4) / 3)
    assert balanced_accuracy(np.array([0, 0, 0, 1]), np.zeros(4)) == 0.5


def test_wilson_interval_matches_the_published_example():
    estimate = accuracy_with_interval(np.ones(263), np.array([1] * 81 + [0] * 182))
    assert tuple(estimate) == pytest.approx((0.3080, 0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    with pytest.raises(ValueError, match="no predictions"):
        accuracy_with_interval(np.array([]), np.array([]))


def test_bootstrap_agrees_with_wilson_and_repeats():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    predicted = np.where(rng.random(400) < 0.8, truth, 1 - truth)
    estimates = [bootstrap_interval(metrics.accuracy_score, truth, predicted, seed=3) for _ in range(2)]
    assert estimates[0] == estimates[1]
    assert tuple(estimates[0]) == pytest.approx(tuple(accuracy_with_interval(truth, predicted)), abs=0.01)


def test_threshold_is_the_lowest_that_is_precise_enough():
    truth = np.array([0, 1, 0, 1, 1], bool)
    scores = np.array([0.1, 0.4, 0.6, 0.7, 0.9])
    table = precision_recall_table(truth, scores)
    assert table[table["threshold"] == 0.4][["precision", "recall"]].to_numpy().tolist() == [[0.75, 1.0]]
    assert choose_threshold(truth, scores, 0.75) == 0.4
    assert choose_threshold(truth, scores, 1.0) == 0.7
    with pytest.raises(ValueError, match=r"precision of 0.9; the highest is 0\.500"):
        choose_threshold(np.array([True, False]), np.array([0.5, 0.5]), 0.9)
    with pytest.raises(ValueError, match="no positive examples"):
        precision_recall_table(np.zeros(3, bool), np.ones(3))


def test_calibration_error_of_a_known_case():
    scores = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    truth = np.array([0] * 9 + [1] + [1] * 3 + [0] * 7)
    assert expected_calibration_error(truth, scores) == pytest.approx((0.0 + 0.3) / 2)


def test_too_sure_and_too_unsure_do_not_cancel_out():
    scores = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    truth = np.array([0] * 7 + [1] * 3 + [0] * 8 + [1] * 2)
    assert expected_calibration_error(truth, scores) == pytest.approx((0.2 + 0.2) / 2)


def test_metrics_file_holds_plain_numbers(tmp_path):
    path = save_metrics({"accuracy": np.float64(0.5), "images": np.int64(3)}, tmp_path)
    assert json.loads(path.read_text()) == {"accuracy": 0.5, "images": 3}
    with pytest.raises(ValueError, match="JSON"):
        save_metrics({"loss": float("nan")}, tmp_path)


def test_cuts_of_one_source_count_as_one():
    """Five sources of twenty pictures that all say the same: as uncertain as five pictures, not as a hundred."""
    sources = np.repeat(np.arange(5), 20)
    right = (sources < 3).astype(float)
    alone = bootstrap_interval(lambda _, answers: answers.mean(), right, right, seed=1)
    together = bootstrap_interval(lambda _, answers: answers.mean(), right, right, seed=1, sources=sources)
    five = bootstrap_interval(lambda _, answers: answers.mean(), right[::20], right[::20], seed=1)
    assert alone.value == together.value == 0.6
    assert together == five
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_sources_may_stand_in_any_order_and_have_any_name():
    order = np.random.default_rng(0).permutation(60)
    names = np.array([f"photo {number}" for number in np.repeat(np.arange(12), 5)])
    answers = np.random.default_rng(1).random(60)
    sorted_out, mixed = (
        bootstrap_interval(lambda _, part: part.mean(), part, part, 3, 50, sources)
        for part, sources in ((answers, names), (answers[order], names[order]))
    )
    assert tuple(sorted_out) == pytest.approx(tuple(mixed))


def test_a_change_is_paired_on_the_same_sources():
    sources, truth = np.repeat(np.arange(10), 3), np.tile([0, 1, 1], 10)
    before = np.where(np.random.default_rng(2).random(30) < 0.5, truth, 1 - truth)
    by_source = BySource(sources, seed=4)
    assert by_source.change(metrics.accuracy_score, truth, before, before) == Estimate(0, 0, 0)
    better = by_source.change(metrics.accuracy_score, truth, 1 - truth, truth)
    assert better == Estimate(1, 1, 1)
    first = by_source.among(sources < 5)
    assert first.estimate(metrics.accuracy_score, truth[:15], before[:15]).value == (truth == before)[:15].mean()


def test_the_interval_of_a_share_ends_where_shares_end():
    free, share = mean_with_interval([0.9, 1.0]), mean_with_interval([0.9, 1.0], 0, 1)
    assert free.high > 1 and free.low < 0.5
    assert (share.value, share.low, share.high) == (free.value, free.low, 1)


def test_an_estimate_is_written_with_its_interval():
    assert f"{Estimate(0.1, -0.03, 0.2254):+.2f}" == "+0.10 (-0.03 to +0.23)"
    assert f"{Estimate(0.5, 0.25, 0.75)}" == str(Estimate(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"


def test_a_verdict_needs_an_interval_on_one_side_of_zero():
    words = ("more", "less")
    assert verdict(Estimate(0.2, 0.1, 0.3), *words) == "more"
    assert verdict(Estimate(-0.2, -0.3, -0.1), *words) == "less"
    assert verdict(Estimate(0.2, -0.1, 0.5), *words) == "this cannot tell"
    assert verdict(Estimate(0.0, 0.0, 0.0), *words, "nobody knows") == "nobody knows"
    assert verdict(mean_with_interval([0.2]), *words) == "this cannot tell"
