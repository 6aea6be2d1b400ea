"""Networks as ONNX files, run by ONNX Runtime: the same answers in about half the time, without TensorFlow."""

import contextlib
import io
import logging
import os
import warnings
from pathlib import Path

import numpy as np

from imagecourse.files import atomic_path, temporary_folder


def write_onnx(model, path: str | os.PathLike) -> None:
    """Write a Keras model that has been called before as an ONNX file, whole or not at all."""
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of NumPy, about what tf2onnx asks it for
        model.export(temporary, format="onnx", verbose=False)


class OnnxNetwork:
    """A network in an ONNX file that is asked as a Keras model is.

    input_shape: (None, h, w, 3). output_names: in the file's order.
    """

    def __init__(self, path: str | os.PathLike):
        """Raises: ValueError for a file that is no ONNX network."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), options, ["CPUExecutionProvider"])
        except Exception as error:  # the runtime has one kind for each way in which a file can be wrong
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: no ONNX network ({reason}); export the model again") from error
        entry = self._session.get_inputs()[0]
        self.input_shape = (None, *(size if isinstance(size, int) else None for size in entry.shape[1:]))
        self._input = entry.name
        self.output_names = [output.name for output in self._session.get_outputs()]

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """Answers for (n, h, w, 3) RGB in [0, 255]: (n, …) float32, a list of them for several outputs."""
        answers = self._session.run(None, {self._input: np.asarray(images, np.float32)})
        return answers[0] if len(answers) == 1 else answers


def quantise(source: Path, destination: Path, pictures: np.ndarray) -> None:
    """Write an ONNX network with weights and activations of 8 bits.

    pictures: (n, h, w, 3) float32 RGB in [0, 255]; the ranges of all activations are learnt from them (the 0.1 % at
    either end cut off), so that they should be of the kind that the network will see.
    """
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, name: str):
            self._batches = iter([{name: picture[None]} for picture in pictures])

        def get_next(self) -> dict | None:
            return next(self._batches, None)

    with temporary_folder(destination.parent) as work, atomic_path(destination) as temporary:
        prepared = work / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how it counts
            quantize_static(
                prepared,
                temporary,
                Reader(OnnxNetwork(source)._input),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": 99.9},
            )
