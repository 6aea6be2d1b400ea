"""The whole page: a tab for each task whose models are here."""

import gradio as gr

from imagecourse.app import tabs
from imagecourse.networks.model_files import VOCABULARY_NAME, available_models

TITLE = "imagecourse"
ABOUT = (
    "What the models of a course in image classification can do, and where they stop. Pictures stay on the computer "
    "that runs this page; nothing is kept."
)
FONTS = ["system-ui", "sans-serif"]
THEME = gr.themes.Soft(font=FONTS, font_mono=["ui-monospace", "monospace"])  # fonts of the reader's own computer


def build_page() -> gr.Blocks:
    """The page with all tabs; those whose models are not below models/ are left out."""
    here = set(available_models())
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(f"# {TITLE}\n{ABOUT}")
        with gr.Tabs():
            for group in tabs.CLASSIFIERS:
                models = [name for name in group.models if name in here]
                if models:
                    tabs.classifier_tab(group, models)
            tabs.restoration_tab()
            writers = available_models(VOCABULARY_NAME)
            if writers:
                tabs.caption_tab(writers)
            explained = [name for group in tabs.CLASSIFIERS for name in group.models if name in here]
            if explained:
                tabs.explanation_tab(explained)
    return page
