"""`imagecourse app`: the models to try in a browser."""

import argparse
import os
from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.values import port


def add(commands) -> None:
    """Declare the command."""
    about = "Show the models in a browser, on this computer; nothing leaves it."
    command = add_command(commands, "app", about, "imagecourse app --port 7860", _app)
    command.add_argument("--port", type=port, default=7860, metavar="N", help="(default: 7860)")
    command.add_argument(
        "--export", type=Path, metavar="DIR", help="write a folder ready for Hugging Face Spaces instead, and stop"
    )


def _app(options: argparse.Namespace) -> int:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from imagecourse.commands.quiet import import_tensorflow_quietly

    try:
        import gradio  # noqa: F401
    except ModuleNotFoundError as error:
        raise ValueError("gradio is missing; for the demo: pip install 'imagecourse[app]'") from error
    if options.export:
        from imagecourse.app.export import export_app

        print(export_app(options.export))
        return 0
    import_tensorflow_quietly()
    from imagecourse.app.page import THEME, build_page

    build_page().launch(theme=THEME, server_name="127.0.0.1", server_port=options.port, share=False)
    return 0
