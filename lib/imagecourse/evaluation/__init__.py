"""Pure functions of numbers: metrics with intervals, calibration, several labels, comparisons over splits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "metrics": [
            "Estimate",
            "accuracy_with_interval",
            "balanced_accuracy",
            "bootstrap_interval",
            "choose_threshold",
            "classification_summary",
            "confusion_matrix_table",
            "expected_calibration_error",
            "mean_with_interval",
            "precision_recall_table",
            "save_metrics",
            "verdict",
        ],
        "sources": ["BySource"],
    },
)
