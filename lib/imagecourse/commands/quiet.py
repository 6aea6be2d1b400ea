"""TensorFlow without its greetings, so that what a command says on stderr is its own."""

import os


def import_tensorflow_quietly() -> None:
    """Import TensorFlow while its notes on graphics cards go nowhere; a failing import still raises.

    It writes them past Python and before it reads its own settings. Set TF_CPP_MIN_LOG_LEVEL to see them.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from imagecourse.files import divert_stderr

    with divert_stderr(os.devnull):
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")  # several networks in one run look to it like one that is compiled too often
