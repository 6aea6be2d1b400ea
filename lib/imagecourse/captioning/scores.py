"""How good are captions? The measures of the field, each against several references by different people.

All take captions as plain text and compare them in lower case without punctuation. Candidates: (n,) str; references:
(n,) lists of str, several for each.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

LONGEST_GRAM = 4
CIDER_SIGMA = 6.0
ROUGE_BETA = 1.2
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation + "’«»¿¡…–—")

References = Sequence[Sequence[str]]


def normalised(caption: str) -> str:
    """Lower case, punctuation dropped, single spaces."""
    return " ".join(caption.lower().translate(_NO_PUNCTUATION).split())


def bleu(candidates: Sequence[str], references: References) -> dict[str, float]:
    """Corpus BLEU-1 to BLEU-4 in [0, 1]: names `bleu_1` … `bleu_4`.

    The geometric mean of the shares of 1-grams to n-grams that stand in some reference, times a penalty for captions
    shorter than the closest references. Source: Papineni et al., 2002, by sacrebleu, without smoothing.
    Raises: ValueError for candidates without references, or for other numbers of references.
    """
    from sacrebleu.metrics import BLEU

    _check(candidates, references)
    streams = [[normalised(each) for each in stream] for stream in zip(*references, strict=True)]
    found = {}
    for longest in range(1, LONGEST_GRAM + 1):
        metric = BLEU(tokenize="none", smooth_method="none", max_ngram_order=longest, force=True)
        score = metric.corpus_score([normalised(each) for each in candidates], streams)
        found[f"bleu_{longest}"] = score.score / 100
    return found


def cider(candidates: Sequence[str], references: References) -> np.ndarray:
    """CIDEr-D of each caption: (n,) float, their mean is that of the corpus; about 0 to 1, up to 10.

    The cosine of tf-idf weighted 1- to 4-grams with each reference, clipped and damped where the lengths differ, mean
    over references, times 10. How rare an n-gram is, these references tell: figures from sets of other pictures do not
    compare. Source: Vedantam et al., 2015, arXiv:1411.5726, as in the code of the COCO evaluation.
    """
    _check(candidates, references)
    return CiderScorer(references).score(candidates)


class CiderScorer:
    """`cider` against the same references again and again; what rare means is counted once.

    references: (n,) lists of str.
    """

    def __init__(self, references: References):
        counts = [[_grams(each) for each in several] for several in references]
        documents = Counter(gram for several in counts for gram in set().union(*several))
        self._log_documents = np.log(max(2, len(references)))
        self._rarity = {gram: self._log_documents - np.log(number) for gram, number in documents.items()}
        self._vectors = [[self._vector(each) for each in several] for several in counts]

    def score(self, candidates: Sequence[str], rows: Iterable[int] | None = None) -> np.ndarray:
        """CIDEr-D (n,) of captions of the pictures in rows of the references; None: of all, in their order."""
        rows = range(len(self._vectors)) if rows is None else rows
        return np.array(
            [self._similarity(_grams(each), self._vectors[row]) for each, row in zip(candidates, rows, strict=True)]
        )

    def _vector(self, counts: Counter) -> tuple[dict, np.ndarray, int]:
        """tf-idf of each n-gram, the norm for each n, and the length in words."""
        weights = {gram: count * self._rarity.get(gram, self._log_documents) for gram, count in counts.items()}
        squares = np.zeros(LONGEST_GRAM)
        for gram, weight in weights.items():
            squares[len(gram) - 1] += weight**2
        length = sum(count for gram, count in counts.items() if len(gram) == 1)
        return weights, np.sqrt(squares), length

    def _similarity(self, counts: Counter, references: list) -> float:
        weights, norms, length = self._vector(counts)
        total = 0.0
        for others, other_norms, other_length in references:
            products = np.zeros(LONGEST_GRAM)
            for gram, weight in weights.items():
                other = others.get(gram, 0.0)
                products[len(gram) - 1] += min(weight, other) * other
            scale = norms * other_norms
            cosines = np.divide(products, scale, out=np.zeros(LONGEST_GRAM), where=scale > 0)
            total += cosines.mean() * np.exp(-((length - other_length) ** 2) / (2 * CIDER_SIGMA**2))
        return 10 * total / len(references)


def rouge_l(candidates: Sequence[str], references: References) -> np.ndarray:
    """ROUGE-L of each caption in [0, 1]: (n,) float; the longest common subsequence with the best of the references.

    The F-measure of the highest precision and the highest recall, recall counting 1.2 times.
    Source: Lin, 2004, as in the code of the COCO evaluation.
    """
    _check(candidates, references)
    scores = []
    for candidate, several in zip(candidates, references, strict=True):
        words = normalised(candidate).split()
        others = [normalised(each).split() for each in several]
        common = np.array([_longest_common(words, other) for other in others])
        precision = (common / max(1, len(words))).max()
        recall = (common / np.array([max(1, len(other)) for other in others])).max()
        weighted = recall + ROUGE_BETA**2 * precision
        scores.append((1 + ROUGE_BETA**2) * precision * recall / weighted if weighted else 0.0)
    return np.array(scores)


def _longest_common(first: list[str], second: list[str]) -> int:
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for position, other in enumerate(second, 1):
            diagonal, lengths[position] = (
                lengths[position],
                diagonal + 1 if word == other else max(lengths[position], lengths[position - 1]),
            )
    return lengths[-1]


def caption_scores(candidates: Sequence[str], references: References) -> dict[str, float]:
    """BLEU-1 to 4, CIDEr and ROUGE-L of a corpus by name: bleu_1 … bleu_4, cider, rouge_l."""
    return bleu(candidates, references) | {
        "cider": float(cider(candidates, references).mean()),
        "rouge_l": float(rouge_l(candidates, references).mean()),
    }


def variety(candidates: Sequence[str], training: Iterable[str]) -> dict[str, float]:
    """How much of their own captions have, beside those that were learned from.

    Returns: `new`, the share of candidates that are no training caption; `different`, the share of different ones among
    the candidates; `words`, how many different words they use; `length`, their mean number of words.
    """
    plain = [normalised(each) for each in candidates]
    known = {normalised(each) for each in training}
    words = [each.split() for each in plain]
    return {
        "new": float(np.mean([each not in known for each in plain])),
        "different": len(set(plain)) / len(plain),
        "words": len({word for each in words for word in each}),
        "length": float(np.mean([len(each) for each in words])),
    }


def leave_one_out(
    score: Callable[[Sequence[str], References], float], references: References, candidates: Sequence[str] | None = None
) -> float:
    """A score against all references but one, the mean over the one that is left out.

    candidates: None scores each reference against the others, which is how well people agree; given, they are scored
    against the same references, so that the two figures compare.
    """
    several = len(references[0])
    values = []
    for number in range(several):
        others = [[each for place, each in enumerate(row) if place != number] for row in references]
        own = [row[number] for row in references] if candidates is None else candidates
        values.append(score(own, others))
    return float(np.mean(values))


def _grams(caption: str) -> Counter:
    words = normalised(caption).split()
    sizes = range(1, LONGEST_GRAM + 1)
    return Counter(tuple(words[start : start + size]) for size in sizes for start in range(len(words) - size + 1))


def _check(candidates: Sequence[str], references: References) -> None:
    if len(candidates) != len(references) or not len(candidates):
        raise ValueError(f"{len(candidates)} captions for {len(references)} pictures; give one for each")
    if len({len(several) for several in references}) != 1 or not references[0]:
        raise ValueError("references: give every picture the same number of captions, at least one")
