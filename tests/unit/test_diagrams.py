import keras
import matplotlib
import pytest
from keras import layers
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from imagecourse.networks.architectures import photo_cnn, separable_resnet
from imagecourse.plots.diagrams import draw_architecture

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def boxes(ax) -> list[FancyBboxPatch]:
    return [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]


def arrows(ax) -> int:
    return sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches)


def test_small_network_is_one_box_per_layer_that_narrows_with_the_image():
    ax = draw_architecture(photo_cnn(6))
    widths = [box.get_width() for box in boxes(ax)]
    assert len(widths) == 12
    assert arrows(ax) == 11
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 2 * widths[8]
    for text in ("conv1", "conv 3×3 → 16, relu", "200 × 200 × 16", "448", "dropout 20%", "dense → 6, softmax"):
        assert text in texts(ax)
    assert ax.get_title() == "photo_cnn: 32 678 parameters"


def test_residual_blocks_are_one_box_each_with_their_shortcut():
    ax = draw_architecture(separable_resnet(6))
    found = texts(ax)
    assert len(boxes(ax)) == 14
    assert found.count("+") == 4
    for text in ("block3", "2 × separable conv 3×3 → 512", "max pool 3×3, stride 2", "conv 1×1 → 512, stride 2"):
        assert text in found
    assert not any("norm" in text for text in found if text.startswith("block"))
    assert arrows(ax) == 13 + 4


def test_no_label_covers_another_one_or_a_box():
    ax = draw_architecture(separable_resnet(6))
    ax.figure.canvas.draw()
    written = [(text.get_text(), text.get_window_extent()) for text in ax.texts if text.get_text() != "+"]
    drawn = [("a box", box.get_window_extent()) for box in boxes(ax)]
    covering = [
        (first, second)
        for number, (first, extent) in enumerate(written)
        for second, other in written[number + 1 :] + drawn
        if extent.overlaps(other)
    ]
    assert covering == []


def test_shortcut_outside_a_block_and_second_head_are_arrows_around():
    inputs = keras.Input((16, 16, 3), name="image")
    first = layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    second = layers.Conv2D(4, 3, padding="same", name="second")(first)
    features = layers.Flatten(name="flatten")(layers.Add(name="sum")([first, second]))
    heads = [layers.Dense(1, name="age")(features), layers.Dense(2, name="gender")(features)]
    ax = draw_architecture(keras.Model(inputs, heads))
    assert len(boxes(ax)) == 7
    assert arrows(ax) == 7  # five steps down, around `second`, past the first head


def test_nested_model_is_one_box():
    inner = photo_cnn(3, image_size=32)
    inputs = keras.Input((32, 32, 3), name="image")
    ax = draw_architecture(keras.Model(inputs, layers.Dense(2, name="head")(inner(inputs))))
    assert len(boxes(ax)) == 3
    assert {"photo_cnn", "12 layers"} <= set(texts(ax))


def test_draws_on_the_axes_it_gets(tmp_path):
    figure, ax = plt.subplots()
    assert draw_architecture(photo_cnn(2, image_size=32), ax=ax) is ax
    figure.savefig(tmp_path / "network.png")
    assert (tmp_path / "network.png").stat().st_size > 5000


def test_refuses_a_sequential_model():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="chain")
    with pytest.raises(ValueError, match="chain: only Functional models"):
        draw_architecture(model)
