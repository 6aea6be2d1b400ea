"""Figures in one style; diagrams of networks, interactive parts and quizzes in modules of their own."""

from imagecourse.plots.figures import (
    answer_bars,
    confusion_matrix,
    estimates,
    grid_of_numbers,
    heat_table,
    image_grid,
    learning_curves,
    overlaid_curves,
    precision_recall,
    publish,
    reliability,
    set_style,
    show_image,
)
