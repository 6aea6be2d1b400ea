import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.evaluation.ages import binary_figures, conformal_factors, coverage_of, regression_figures
from imagecourse.evaluation.audit import join_truth
from imagecourse.evaluation.bias import bias_table, largest_gaps, measures_for, with_bands


def answers_of(count: int = 600, worse: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Ages with errors that are larger by `worse` in the group b, and a label that is right in nine of ten."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], count)
    true_age = rng.uniform(0, 90, count).round()
    age = true_age + rng.normal(0, 5 + worse * (group == "b"))
    true_gender = rng.choice(["man", "woman"], count)
    other = np.where(true_gender == "man", "woman", "man")
    return pd.DataFrame({
        "file": [f"f{number}.jpg" for number in range(count)], "true_age": true_age, "age": age,
        "age_low": age - 6, "age_high": age + 6, "true_gender": true_gender,
        "gender": np.where(rng.random(count) < 0.9, true_gender, other), "group": group, "light": rng.random(count),
    })  # fmt: skip


def gaps_by_measure(table: pd.DataFrame) -> dict:
    return {gap.measure: gap for gap in largest_gaps(bias_table(table, ["group"], measures_for(table)))}


def test_a_real_gap_is_named_and_points_to_the_right_groups():
    gap = gaps_by_measure(answers_of(worse=5.0))["age_mae"]
    assert gap.certain and gap.higher == "b" and 2 < gap.difference < 6 and gap.low > 0


def test_chance_is_rarely_named_though_the_largest_of_all_pairs_is_picked():
    named = sum(gaps_by_measure(answers_of(400, seed=seed))["age_mae"].certain for seed in range(60))
    assert named <= 7  # 5 % of 60, and some


def test_figures_and_intervals_are_those_of_the_groups():
    table = answers_of()
    figures = bias_table(table, ["group"], measures_for(table))
    row = figures[(figures["group"] == "a") & (figures["measure"] == "age_mae")].iloc[0]
    own = (table["age"] - table["true_age"]).abs()[table["group"] == "a"]
    assert row["value"] == pytest.approx(own.mean()) and row["images"] == len(own)
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * own.std() / len(own) ** 0.5, rel=0.15)
    assert figures.equals(bias_table(table, ["group"], measures_for(table)))


def test_a_group_where_all_is_right_still_has_an_interval():
    table = answers_of(90).assign(gender=lambda rows: rows["true_gender"])
    row = bias_table(table, ["group"], measures_for(table)).query("measure == 'gender_accuracy'").iloc[0]
    assert row["value"] == row["high"] == 1 and 0.8 < row["low"] < 1 and row["deviation"] > 0


def test_small_groups_are_shown_and_not_compared():
    table = answers_of(300)
    table.loc[:4, "group"] = "tiny"
    table.loc[:4, "age"] += 50
    figures = bias_table(table, ["group"], measures_for(table))
    assert "tiny" in set(figures["group"])
    assert all("tiny" not in (gap.higher, gap.lower) for gap in largest_gaps(figures))


def test_bands_of_ages_are_decades_others_are_thirds():
    table = with_bands(answers_of(), ["age_band", "light_band"])
    assert (table.groupby("age_band", observed=True)["true_age"].max() <= [9, 19, 29, 39, 49, 59, 69, 90]).all()
    assert table["light_band"].value_counts().tolist() == [200, 200, 200]
    same = with_bands(answers_of().assign(size=128), ["size_band"])
    assert same["size_band"].unique().tolist() == ["all 128"]
    with pytest.raises(ValueError, match="colour_band: no such column"):
        with_bands(table, ["colour_band"])


def test_truth_is_joined_by_path_or_by_name():
    answers = answers_of(30)[["file", "age", "gender"]]
    truth = answers_of(30)[["file", "true_age", "true_gender", "group"]]
    plain = truth.rename(columns={"true_age": "age", "true_gender": "gender"})
    for other in (truth, plain):
        table, missing = join_truth(answers.assign(file="photos/" + answers["file"]), other)
        assert list(table) == ["file", "age", "gender", "true_age", "true_gender", "group"] and missing == []
        assert table["true_age"].tolist() == truth["true_age"].tolist()
    table, missing = join_truth(answers.assign(error=""), truth[:20])
    assert len(table) == 20 and missing == [f"f{number}.jpg" for number in range(20, 30)]
    labels = pd.DataFrame({"file": ["a"], "label": ["cat"], "confidence": [0.9]})
    table, _ = join_truth(labels, pd.DataFrame({"file": ["a"], "truth": ["dog"]}))
    assert table["true_label"].tolist() == ["dog"] and measures_for(table)[0].of(table).tolist() == [False]
    with pytest.raises(ValueError, match="no file of the answers"):
        join_truth(answers, truth.assign(file="x" + truth["file"]))
    with pytest.raises(ValueError, match="twice"):
        join_truth(answers, pd.concat([truth, truth]))
    with pytest.raises(ValueError, match="no column file"):
        join_truth(answers.drop(columns="file"), truth)
    with pytest.raises(ValueError, match="no answer stands beside its truth"):
        measures_for(answers)


def test_the_command_writes_a_page_without_network_and_a_table(tmp_path, capsys):
    both = tmp_path / "predictions.csv"
    answers_of(300, worse=8.0).to_csv(both, index=False)
    page = tmp_path / "page.html"
    command = ["bias", str(both), "--truth", str(both), "--by", "group,age_band,light_band", "--output", str(page)]
    assert main(command) == 0
    text = page.read_text()
    assert "http" not in text.replace("http://www.w3.org", "") and text.count("data:image/png") == 15
    assert "the largest gap is between b (higher) and" in text and "cannot tell" in text
    table = pd.read_csv(tmp_path / "page.csv")
    assert set(table["attribute"]) == {"group", "age_band", "light_band"} and not table.isna().any().any()
    assert main(["bias", str(both), "--truth", str(tmp_path / "none.csv"), "--by", "group"]) == 2
    assert main([*command[:5], "colour", *command[6:]]) == 2
    errors = capsys.readouterr().err
    assert "none.csv: no such file" in errors and "colour: no such column" in errors


def test_answers_without_a_truth_are_told(tmp_path, capsys):
    table = answers_of(60)
    table[["file", "age"]].to_csv(tmp_path / "answers.csv", index=False)
    table[["file", "true_age", "group"]][:50].to_csv(tmp_path / "truth.csv", index=False)
    command = ["bias", str(tmp_path / "answers.csv"), "--truth", str(tmp_path / "truth.csv"), "--by", "group"]
    assert main([*command, "--output", str(tmp_path / "page.html")]) == 1
    assert "10 answers have no truth, the first is f50.jpg" in capsys.readouterr().err


def test_figures_of_ages_and_labels():
    figures = regression_figures(np.array([10, 20, 30]), np.array([12.0, 20.0, 41.0]))
    assert figures["mae"] == pytest.approx(13 / 3) and figures["within_10"] == pytest.approx(2 / 3)
    assert figures["mse"] == pytest.approx((4 + 121) / 3) and figures["rmse"] == pytest.approx(figures["mse"] ** 0.5)
    figures = binary_figures(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.9]))
    assert figures == pytest.approx({"accuracy": 0.75, "auc": 1.0, "f1": 0.8, "precision": 2 / 3, "recall": 1.0})


def test_conformal_intervals_hold_what_they_promise_on_each_side():
    rng = np.random.default_rng(1)
    spread = rng.uniform(1, 5, 40000)
    truth = 40 + spread * rng.gumbel(0, 1.3, 40000)  # skewed, and wider where the spread says so
    below, above = conformal_factors(truth[:20000], np.full(20000, 40.0), spread[:20000], 0.8)
    new = slice(20000, None)
    assert coverage_of(truth[new], 40 - below * spread[new], 40 + above * spread[new]) == pytest.approx(0.8, abs=0.01)
    assert (truth[new] < 40 - below * spread[new]).mean() == pytest.approx(0.1, abs=0.01)
    assert above > 1.5 * below
    with pytest.raises(ValueError, match="too few"):
        conformal_factors(truth[:5], truth[:5], spread[:5], 0.8)
