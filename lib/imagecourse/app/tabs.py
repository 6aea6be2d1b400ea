"""One function for each tab: its inputs, its outputs, what it says about its limits."""

from typing import NamedTuple

import gradio as gr

from imagecourse.app import answers
from imagecourse.explain.methods import METHODS
from imagecourse.restoration.choice import AUTOMATIC
from imagecourse.restoration.choice import METHODS as RESTORERS
from imagecourse.samples import sample_photographs


class Picture(gr.Image):
    """An upload whose file goes to the handler as it is: the course's own reader tells what is wrong with it."""

    is_template = True  # Gradio shows it as its parent

    def __init__(self):
        super().__init__(type="filepath", sources=["upload", "clipboard"], label="picture")

    def preprocess(self, payload) -> str | None:
        """The path of the file; None where there is none."""
        return payload and payload.path


class Group(NamedTuple):
    """Models for one task. hint: what to show them."""

    title: str
    models: tuple[str, ...]
    hint: str


CLASSIFIERS = (
    Group("Photograph or not", ("photo-filter",), "A photograph, a painting, a drawing, a diagram, a page of text."),
    Group("Dog breeds", ("dogs-10", "dogs-120"), "A photograph with one dog, large in the picture."),
    Group(
        "Characters",
        ("characters-pokemon", "characters-dragonball", "characters-fairytail", "characters-pokemon-cnn"),
        "A picture of a character of the series that the model is named after.",
    ),
)


def classifier_tab(group: Group, models: list[str]) -> None:
    """A picture goes in; probabilities, and what the model's card says of their worth, come out."""
    with gr.Tab(group.title), gr.Row():
        with gr.Column():
            picture = Picture()
            model = gr.Dropdown(models, value=models[0], label="model", visible=len(models) > 1)
            button = gr.Button("Classify", variant="primary")
            gr.Markdown(group.hint)
            gr.Examples([str(path) for path in list(sample_photographs().values())[:4]], picture)
        with gr.Column():
            label = gr.Label(num_top_classes=5, label="answer")
            limits = gr.Markdown(answers.limits(models[0]))
        button.click(answers.classify, [picture, model], [label, limits], api_name=_api(group.title))
        model.change(answers.limits, model, limits, api_visibility="private")


def restoration_tab() -> None:
    """A picture goes in; the restored one, and in words what was done and why, come out."""
    with gr.Tab("Restoration"), gr.Row():
        with gr.Column():
            picture = Picture()
            method = gr.Dropdown(list(RESTORERS), value=AUTOMATIC, label="method")
            button = gr.Button("Restore", variant="primary")
            gr.Examples([str(path) for path in list(sample_photographs().values())[:4]], picture)
        with gr.Column():
            restored = gr.Image(label="restored", format="png")
            words = gr.Markdown(answers.RESTORATION_LIMITS)
        button.click(answers.restored, [picture, method], [restored, words], api_name="restoration")


def caption_tab(models: list[str]) -> None:
    """A picture goes in; a sentence about it, and what the model's card says of its worth, come out."""
    with gr.Tab("Captions"), gr.Row():
        with gr.Column():
            picture = Picture()
            model = gr.Dropdown(models, value=models[0], label="model", visible=len(models) > 1)
            beam = gr.Slider(1, 10, value=3, step=1, label="beam: beginnings that are kept while writing")
            button = gr.Button("Write", variant="primary")
            gr.Examples([str(path) for path in list(sample_photographs().values())[:4]], picture)
        with gr.Column():
            caption = gr.Textbox(label="caption")
            limits = gr.Markdown(answers.caption_limits(models[0]))
        button.click(answers.captioned, [picture, model, beam], [caption, limits], api_name="caption")
        model.change(answers.caption_limits, model, limits, api_visibility="private")


def explanation_tab(models: list[str]) -> None:
    """A picture goes in; what speaks for a label, as a map over it, comes out."""
    with gr.Tab("Explanation"), gr.Row():
        with gr.Column():
            picture = Picture()
            model = gr.Dropdown(models, value=models[0], label="model")
            method = gr.Dropdown(
                [(each.title, name) for name, each in METHODS.items()], value="gradcam", label="method"
            )
            label = gr.Textbox(label="label (empty: the most probable)")
            button = gr.Button("Explain", variant="primary")
            gr.Examples([str(path) for path in list(sample_photographs().values())[:4]], picture)
        with gr.Column():
            overlay = gr.Image(label="what speaks for the label", format="png")
            gr.Markdown(answers.EXPLANATION_LIMITS)
        button.click(answers.explained, [picture, model, method, label], overlay, api_name="explanation")


def _api(title: str) -> str:
    return title.lower().replace(" ", "_")
