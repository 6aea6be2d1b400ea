import numpy as np
import pytest
from scipy.special import expit, softmax

from imagecourse.evaluation import calibration, expected_calibration_error
from imagecourse.evaluation.calibration import apply_temperature, cross_fitted, fit_temperature, independent_error


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Answers drawn from known probabilities: (n,) int, and the logits they came from."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4000, 3))
    truth = np.array([generator.choice(3, p=row) for row in softmax(logits, axis=1)])
    return truth, logits


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_of_a_known_case_is_found(drawn, factor):
    truth, logits = drawn
    assert fit_temperature(truth, softmax(factor * logits, axis=1)) == pytest.approx(factor, rel=0.07)


def test_the_temperature_of_independent_answers_is_found():
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (3000, 2))
    truth = generator.random(logits.shape) < expit(logits)
    assert fit_temperature(truth, expit(2.5 * logits)) == pytest.approx(2.5, rel=0.07)
    sure, honest = expit(2.5 * logits), expit(logits)
    assert independent_error(truth, honest) < 0.03 < independent_error(truth, sure)
    np.testing.assert_allclose(apply_temperature(sure, 2.5, independent=True), honest, atol=2e-3)


def test_a_temperature_flattens_and_keeps_order_and_sum(drawn):
    scores = softmax(drawn[1], axis=1)
    flat = apply_temperature(scores, 2.0)
    np.testing.assert_allclose(flat, softmax(drawn[1] / 2, axis=1), atol=1e-6)
    assert (flat.argmax(axis=1) == scores.argmax(axis=1)).all()
    np.testing.assert_allclose(apply_temperature(scores, 1.0), scores, atol=1e-6)


def test_cross_fitting_repairs_what_was_too_sure(drawn):
    truth, logits = drawn
    scores = softmax(3 * logits, axis=1)
    repaired = cross_fitted(truth, scores, seed=0)
    assert repaired.shape == scores.shape
    assert expected_calibration_error(truth, repaired) < expected_calibration_error(truth, scores) / 3
    np.testing.assert_array_equal(repaired, cross_fitted(truth, scores, seed=0))


def test_certain_and_wrong_answers_do_not_break_it():
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(fit_temperature(np.array([0, 1, 1]), scores))
    assert np.isfinite(apply_temperature(scores, 20.0)).all()
    with pytest.raises(ValueError, match="2 answers for 3 rows"):
        fit_temperature(np.array([0, 1]), scores)
    with pytest.raises(ValueError, match="temperature: 0 is out of range"):
        apply_temperature(scores, 0)


def test_a_few_right_answers_make_no_network_certain():
    truth, scores = np.array([0, 1, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    assert calibration.fit_temperature(truth, scores) == pytest.approx(calibration.LOWEST, rel=0.01)
    careful = calibration.apply_temperature(scores, calibration.fit_temperature(truth, scores, cautious=True))
    assert 0.8 < careful.max(axis=1).mean() < 0.95
    many = np.tile(truth, 200), np.tile(scores, (200, 1))
    surer = calibration.apply_temperature(many[1], calibration.fit_temperature(*many, cautious=True))
    assert surer.max(axis=1).mean() > 0.99
