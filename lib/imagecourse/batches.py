"""Image files read ahead of a network: in threads, in order, with few of them in memory at any time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

Item = TypeVar("Item")
Result = TypeVar("Result")


def squeeze(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image as a network sees it: the whole of it in a fixed shape, as `datasets.read_square_image` makes it.

    image: (h, w, 3) uint8. Returns: (height, width, 3) uint8; bilinear with antialiasing.
    """
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def read_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Results of a function in the order of the items, computed in threads while the caller works on earlier ones.

    function: one that leaves Python's lock free most of the time, as reading and resizing an image does.
    ahead: how many results may wait; this bounds the memory.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    items = iter(items)
    while group := list(islice(items, size)):
        yield group


def forward(model, images: list[np.ndarray], batch_size: int) -> np.ndarray:
    """The network's answer for at most batch_size images.

    The batch is filled up with zeros to batch_size, so that TensorFlow compiles the network for one shape only.
    images: each (h, w, 3) uint8 in the network's own size. Returns: (n, …) float32.
    """
    batch = np.zeros((batch_size, *images[0].shape), np.float32)
    batch[: len(images)] = images
    return np.asarray(model.predict_on_batch(batch))[: len(images)]
