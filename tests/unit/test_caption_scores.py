"""The measures of captions, against values of the code of the COCO evaluation and by hand."""

import numpy as np
import pytest

from imagecourse.captioning import scores
from imagecourse.captioning.neighbours import nearest_captions
from imagecourse.captioning.people import names_people

REFERENCES = [
    ["A brown dog runs through the grass.", "A dog is running in a field", "The dog runs."],
    ["Two men play football", "Two players fight for the ball on a field", "Men playing a game of football outside"],
    ["A child in a red coat stands in the snow", "A kid is standing in snow", "A small child outside in winter"],
    ["A woman, smiling, holds a cup", "A lady is drinking coffee", "The woman has a cup of coffee"],
]
CANDIDATES = ["a dog runs in the grass", "two men play a game of football", "dog", "a woman is holding a cup of coffee"]
# of pycocoevalcap 1.2 for these captions in lower case without punctuation
COCO_BLEU = (0.7242758816554855, 0.6202328100623643, 0.4674785004899838, 0.34127745249969293)
COCO_CIDER = (2.2517723494810427, 2.8743146465411735, 0.0, 2.348786204979042)
COCO_ROUGE = 0.5731600395752758


def test_bleu_is_that_of_the_field():
    found = scores.bleu(CANDIDATES, REFERENCES)
    assert list(found) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]
    np.testing.assert_allclose(list(found.values()), COCO_BLEU, rtol=1e-6)


def test_cider_and_rouge_are_those_of_the_field():
    np.testing.assert_allclose(scores.cider(CANDIDATES, REFERENCES), COCO_CIDER, rtol=1e-6)
    assert scores.rouge_l(CANDIDATES, REFERENCES).mean() == pytest.approx(COCO_ROUGE, rel=1e-9)


def test_case_and_punctuation_do_not_count():
    plain = [["a mans tshirt"] * 2, ["l etoile"] * 2]
    assert scores.normalised("  A man's T-shirt ! ") == "a mans tshirt"
    assert (
        scores.bleu(["A man's T-shirt.", "l Etoile"], plain)["bleu_1"]
        == scores.bleu(["a mans tshirt", "l etoile"], plain)["bleu_1"]
    )


def test_perfect_and_empty_captions():
    perfect = [several[0] for several in REFERENCES]
    assert scores.bleu(perfect, REFERENCES)["bleu_4"] == pytest.approx(1)
    assert scores.rouge_l(perfect, REFERENCES).tolist() == pytest.approx([1, 1, 1, 1])
    nothing = scores.caption_scores([""] * 4, REFERENCES)
    assert set(nothing.values()) == {0}


def test_short_captions_pay():
    long, short = (
        scores.bleu([text], [["a dog runs through the grass"]])["bleu_1"] for text in ("a dog runs through", "a dog")
    )
    assert long == pytest.approx(np.exp(1 - 6 / 4)) and short == pytest.approx(np.exp(1 - 6 / 2))


def test_cider_of_some_pictures_is_that_of_all():
    scorer = scores.CiderScorer(REFERENCES)
    everything = scorer.score(CANDIDATES)
    np.testing.assert_allclose(scorer.score([CANDIDATES[3], CANDIDATES[1]], [3, 1]), everything[[3, 1]])


def test_people_are_scored_like_the_machine():
    def words(captions, references):
        assert {len(several) for several in references} == {2}
        return float(np.mean([len(caption.split()) for caption in captions]))

    lengths = [[len(each.split()) for each in several] for several in REFERENCES]
    assert scores.leave_one_out(words, REFERENCES) == pytest.approx(np.mean(lengths))
    assert scores.leave_one_out(words, REFERENCES, CANDIDATES) == pytest.approx(
        np.mean([len(c.split()) for c in CANDIDATES])
    )


def test_variety():
    found = scores.variety(["A dog.", "a dog", "the cat runs"], ["a DOG", "a cow"])
    assert found == {
        "new": pytest.approx(1 / 3),
        "different": pytest.approx(2 / 3),
        "words": 5,
        "length": pytest.approx(7 / 3),
    }


@pytest.mark.parametrize("score", [scores.bleu, scores.cider, scores.rouge_l])
def test_what_cannot_be_scored_is_refused(score):
    with pytest.raises(ValueError, match="1 captions for 2 pictures"):
        score(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="same number of captions"):
        score(["a", "b"], [["a", "c"], ["b"]])


def test_the_nearest_picture_gives_the_caption_that_agrees_with_the_others():
    features = np.eye(3, dtype=np.float32)
    known = [
        ["a cat", "a cat sleeps", "stars"],
        ["two dogs run", "dogs", "two dogs run fast"],
        ["a car", "a car", "red"],
    ]
    assert nearest_captions(features[[1, 2]] * 5, features, known)[1] == "a car"
    assert nearest_captions(features[[0]], features, known)[0].startswith("a cat")
    assert nearest_captions(np.ones((1, 3)), features, known, neighbours=3)[0] in {"a car", "a cat", "two dogs run"}


def test_words_for_people():
    table = names_people(["A man and two girls", "the woman's dog", "people", "a snowman"])
    assert table.astype(int).to_numpy().tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
