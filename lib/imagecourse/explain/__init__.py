"""What did the network look at, and how do we know that the map is true?

Explanations take (model, images, target) and return an `Explanation` with `.maps` in [0, 1] and `.raw`. `examine(model,
labels)` opens a network once for all of them, and lets labels be used as targets.
"""

from imagecourse.explain.activations import grad_cam, grad_cam_plus_plus, score_cam
from imagecourse.explain.baselines import centre_blob, edge_detector, random_map
from imagecourse.explain.gradients import (
    completeness_error,
    gradient_times_input,
    guided_backpropagation,
    integrated_gradients,
    smoothgrad,
    vanilla_gradient,
)
from imagecourse.explain.layers import (
    activation_maximisation,
    block_layers,
    channels_by_activation,
    feature_maps,
    first_filters,
    saliency_by_block,
)
from imagecourse.explain.methods import BASELINES, METHODS, Method, explain, method
from imagecourse.explain.network import Network, examine
from imagecourse.explain.perturbation import occlusion, rise
from imagecourse.explain.randomisation import (
    parameter_randomisation,
    randomised,
    randomised_networks,
    rank_correlation,
)
from imagecourse.explain.references import REFERENCES, hide
from imagecourse.explain.results import Explanation
from imagecourse.explain.targets import Filter, Output, Target, predictions
from imagecourse.explain.trials import (
    Curve,
    deletion_curve,
    insertion_curve,
    mask_energy,
    pointing_game,
)
