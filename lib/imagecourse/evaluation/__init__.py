"""Pure functions of numbers: metrics with intervals, calibration, several labels, comparisons over splits."""

from imagecourse.evaluation.metrics import (
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
from imagecourse.evaluation.sources import BySource
