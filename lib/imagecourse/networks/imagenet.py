"""What a backbone's own ImageNet classifier says about dogs, before anybody trains a head of their own.

ImageNet's classes are in the order of their WordNet numbers, and the folders of Stanford Dogs are named by those.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imagecourse.evaluation.comparison import top_figures
from imagecourse.networks.backbones import imagenet_classifier
from imagecourse.networks.features import cached_features

FIRST_BREED = 151
_BREEDS = """
    02085620 02085782 02085936 02086079 02086240 02086646 02086910 02087046 02087394 02088094 02088238 02088364
    02088466 02088632 02089078 02089867 02089973 02090379 02090622 02090721 02091032 02091134 02091244 02091467
    02091635 02091831 02092002 02092339 02093256 02093428 02093647 02093754 02093859 02093991 02094114 02094258
    02094433 02095314 02095570 02095889 02096051 02096177 02096294 02096437 02096585 02097047 02097130 02097209
    02097298 02097474 02097658 02098105 02098286 02098413 02099267 02099429 02099601 02099712 02099849 02100236
    02100583 02100735 02100877 02101006 02101388 02101556 02102040 02102177 02102318 02102480 02102973 02104029
    02104365 02105056 02105162 02105251 02105412 02105505 02105641 02105855 02106030 02106166 02106382 02106550
    02106662 02107142 02107312 02107574 02107683 02107908 02108000 02108089 02108422 02108551 02108915 02109047
    02109525 02109961 02110063 02110185 02110341 02110627 02110806 02110958 02111129 02111277 02111500 02111889
    02112018 02112137 02112350 02112706 02113023 02113186 02113624 02113712 02113799 02113978
"""
_WILD = {"02115641": 273, "02115913": 274, "02116738": 275}  # dingo, dhole, African hunting dog
DOG_CLASSES = {number: FIRST_BREED + place for place, number in enumerate(_BREEDS.split())} | _WILD
"""WordNet number of a breed, without the n -> its class among the 1000 of ImageNet."""


def imagenet_columns(files: Sequence[str], targets: np.ndarray) -> np.ndarray | None:
    """The ImageNet class of each class of a data set, (classes,) int; None where a folder's name tells none.

    files: of the data set, at least one of each class, in folders such as n02085620-Chihuahua. targets: (n,) their
    class numbers. Source: Khosla et al., Novel Dataset for Fine-Grained Image Categorization, 2011.
    """
    columns = np.full(targets.max() + 1, -1)
    for file, target in zip(files, targets, strict=True):
        number = re.match(r"n(\d{8})", Path(file).parent.name)
        columns[target] = DOG_CLASSES.get(number[1], -1) if number else -1
    return columns if (columns >= 0).all() else None


def imagenet_head(backbone: str, files: Sequence[str], targets: np.ndarray) -> dict | None:
    """Top-1 and top-5 (`comparison.top_figures`) of the backbone's own classifier, which chooses among these breeds.

    files, targets: as above. None where their folders are not named by WordNet numbers.
    Raises: BackboneUnavailableError where the classifier's weights cannot be had.
    """
    columns = imagenet_columns(files, targets)
    if columns is None:
        return None
    scores = cached_features(imagenet_classifier(backbone), files)
    return top_figures(targets, scores[:, columns])
