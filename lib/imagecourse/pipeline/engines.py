"""Where batches of pages are worked on: in processes of this computer, or on Dask workers anywhere.

Both call `steps.process_batch` and give its answers as they come, so a row does not depend on where it was made.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice

from imagecourse.files import divert_stderr
from imagecourse.pipeline.pages import Page
from imagecourse.pipeline.settings import Settings

Batches = Sequence[Sequence[Page]]
IN_FLIGHT = 3
"""Batches that are handed to each worker ahead of time."""


def run_locally(batches: Batches, settings: Settings, jobs: int) -> Iterator[list[dict]]:
    """Work on batches in so many processes. Raises: ValueError where one of them dies."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    run = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="2 * n_jobs", batch_size=1)
    try:
        yield from run(joblib.delayed(work_on)(batch, settings) for batch in batches)
    except TerminatedWorkerError as error:
        advice = "go on with --resume, and with fewer --jobs if memory was short"
        raise ValueError(f"a worker process died; {advice}") from error


def run_on_dask(batches: Batches, settings: Settings, scheduler: str | None, jobs: int) -> Iterator[list[dict]]:
    """Work on batches on the workers of a Dask scheduler, or without one on so many local worker processes.

    A batch whose worker dies is done again by another one. All workers must see source and output under the same path.
    Raises: ValueError where Dask is not installed or the scheduler does not answer.
    """
    with _client(scheduler, jobs) as client:
        from distributed import as_completed

        waiting = iter(batches)
        most = IN_FLIGHT * max(1, len(client.ncores()))
        first = [client.submit(work_on, batch, settings, pure=False) for batch in islice(waiting, most)]
        done = as_completed(first)
        for future in done:
            yield future.result()
            future.release()
            for batch in islice(waiting, 1):
                done.add(client.submit(work_on, batch, settings, pure=False))


def _client(scheduler: str | None, jobs: int):
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ValueError("Dask is missing; for --engine dask: pip install 'imagecourse[cluster]'") from error
    if scheduler is None:
        return Client(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
    try:
        return Client(scheduler, timeout=10)
    except OSError as error:
        raise ValueError(f"{scheduler}: no Dask scheduler answers; start one with dask scheduler") from error


def work_on(batch: Sequence[Page], settings: Settings) -> list[dict]:
    """`steps.process_batch` in a process that may be new: TensorFlow starts there first."""
    if "tensorflow" not in sys.modules:
        _start_tensorflow(settings.threads)
    from imagecourse.pipeline.steps import process_batch

    return process_batch(batch, settings)


def _start_tensorflow(threads: int) -> None:
    """Without its greetings, and with a worker's share of the cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with divert_stderr(os.devnull):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")


def worker_count(jobs: int | None) -> int:
    """So many processes as asked for, else one for each core."""
    return jobs or os.cpu_count() or 1
