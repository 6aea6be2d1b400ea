"""The figures on a captioner's card: all decoders in one table, beside the nearest picture and beside people."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from imagecourse.captioning.neighbours import nearest_captions
from imagecourse.captioning.people import names_people
from imagecourse.captioning.scores import bleu, caption_scores, cider, leave_one_out, rouge_l, variety
from imagecourse.evaluation import bootstrap_interval
from imagecourse.networks.features import MappedFeatures
from imagecourse.recipes.measuring import rounded

VOTERS = 60
RESAMPLES = 300
NEAREST, CONSENSUS = "nearest picture", f"consensus of {VOTERS} nearest"

Writer = Callable[[np.ndarray], tuple[list[str], np.ndarray]]
"""grids (n, places, channels) -> captions, log-probabilities (n,)."""


class CaptionedTest(NamedTuple):
    """Test pictures with their references, and the training pictures to look for neighbours in."""

    files: list[str]
    grids: np.ndarray
    references: list[list[str]]
    training_features: np.ndarray
    training_captions: list[list[str]]

    @classmethod
    def of(cls, table: pd.DataFrame, grids: MappedFeatures, train: np.ndarray, test: np.ndarray) -> "CaptionedTest":
        """From rows of a table with columns file and captions, and the grids in its order."""
        pooled = [grids.take(0, some).mean(axis=1) for some in np.array_split(train, len(train) // 64 + 1) if len(some)]
        fewest = min(map(len, table["captions"].iloc[test]))
        return cls(
            table["file"].iloc[test].tolist(),
            grids.take(0, test),
            [captions[:fewest] for captions in table["captions"].iloc[test]],
            np.concatenate(pooled),
            table["captions"].iloc[train].tolist(),
        )


def measure_all(test: CaptionedTest, writers: Mapping[str, Writer], seed: int) -> tuple[dict, pd.DataFrame]:
    """Facts for the card, `metrics` those of the first writer, and a table of its captions with scores of each picture.

    Each kind of caption is looked at once on the test pictures.
    """
    written = {kind: writer(test.grids) for kind, writer in writers.items()}
    pooled = test.grids.mean(axis=1)
    copied = {
        name: nearest_captions(pooled, test.training_features, test.training_captions, voters)
        for name, voters in ((NEAREST, 1), (CONSENSUS, VOTERS))
    }
    captions = {kind: own for kind, (own, _) in written.items()} | copied
    rows = {kind: rounded(caption_scores(own, test.references)) for kind, own in captions.items()}
    first = next(iter(writers))
    training = [caption for several in test.training_captions for caption in several]
    facts = {
        "metrics": {"split": "test", "images": len(test.files)} | rows[first],
        "test": _with_intervals(captions[first], test.references, seed),
        "table": rows,
        "against_one_reference_less": _beside_people(captions, test.references),
        "variety": {kind: rounded(variety(own, training)) for kind, own in captions.items()},
    }
    return facts, _per_picture(*written[first], copied, test.references)


def _with_intervals(captions: Sequence[str], references: list[list[str]], seed: int) -> dict:
    """BLEU-1, BLEU-4 and CIDEr, each with the 95 % interval over test sets drawn again from this one."""
    pairs = np.empty((len(captions), 2), object)
    pairs[:, 0], pairs[:, 1] = captions, references
    found = {}
    for name in ("bleu_1", "bleu_4"):
        estimate = bootstrap_interval(
            lambda rows, _, name=name: bleu(rows[:, 0].tolist(), rows[:, 1].tolist())[name],
            pairs,
            pairs,
            seed,
            RESAMPLES,
        )
        found[name] = rounded(estimate._asdict())
    each = cider(captions, references)
    found["cider"] = rounded(bootstrap_interval(lambda rows, _: float(rows.mean()), each, each, seed)._asdict())
    return found


def _beside_people(captions: Mapping[str, Sequence[str]], references: list[list[str]]) -> dict:
    """Everything scored against all references but one, people too: their one reference against the others."""
    scores = {
        "bleu_1": lambda own, others: bleu(own, others)["bleu_1"],
        "bleu_4": lambda own, others: bleu(own, others)["bleu_4"],
        "cider": lambda own, others: float(cider(own, others).mean()),
        "rouge_l": lambda own, others: float(rouge_l(own, others).mean()),
    }
    if len(references[0]) < 2:
        return {}
    return {
        kind: rounded({name: leave_one_out(score, references, own) for name, score in scores.items()})
        for kind, own in ({"people": None} | dict(captions)).items()
    }


def _per_picture(
    captions: list[str], log_probability: np.ndarray, copied: Mapping[str, list[str]], references: list[list[str]]
) -> pd.DataFrame:
    """Scores of each picture; of the references only how many of them name whom, since they belong to their authors."""
    people = [names_people(several).sum() for several in references]
    columns = {
        "caption": captions,
        "log_probability": log_probability,
        "cider": cider(captions, references),
        "rouge_l": rouge_l(captions, references),
        "cider_nearest": cider(copied[NEAREST], references),
        "cider_consensus": cider(copied[CONSENSUS], references),
    }
    named = {f"references_{who}": [int(each[who]) for each in people] for who in people[0].index}
    return pd.DataFrame(columns | named)
