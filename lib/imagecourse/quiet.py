"""TensorFlow without its greetings, so that what a command says on stderr is its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow_quietly() -> None:
    """Import TensorFlow while its notes on graphics cards go nowhere; a failing import still raises.

    It writes them past Python and before it reads its own settings. Set TF_CPP_MIN_LOG_LEVEL to see them.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _stderr_closed():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")  # several networks in one run look to it like one that is compiled too often


@contextmanager
def _stderr_closed() -> Iterator[None]:
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
