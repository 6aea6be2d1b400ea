"""The steps of the pipeline on one batch of pages: the same on one computer and on many.

read → measure → restore → photograph or not → caption → write
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np

from imagecourse.images import read_image, squeeze
from imagecourse.networks.bundles import Bundle, load_bundle
from imagecourse.networks.predict import forward, input_size
from imagecourse.pipeline.captioner import find_captioner
from imagecourse.pipeline.copies import write_copy
from imagecourse.pipeline.pages import Page, content_hash, root_of
from imagecourse.pipeline.settings import DECIMALS, PHOTO, UNSURE, Settings
from imagecourse.restoration.automatic import Restoration
from imagecourse.restoration.choice import measure, restore_by

BATCH_SIZE = 16
MOST_PIXELS = 2**24
"""A batch is written as soon as its pictures have more pixels than this, so memory stays bounded."""


@dataclass(eq=False)
class Work:
    """A page on its way: what each step found out.

    scores: probability of each class. seconds: by the name of the step. error: why there is no more.
    """

    page: Page
    hash: str = ""
    restoration: Restoration | None = None
    after: tuple[float, float] = (0.0, 0.0)
    scores: np.ndarray | None = None
    label: str = ""
    probability: float = 0.0
    caption: str = ""
    output: str = ""
    error: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def process_batch(pages: Sequence[Page], settings: Settings) -> list[dict]:
    """Take pages through all steps, and give for each the hash of its file, its row, and the seconds of each step.

    A page that fails keeps the reason in its row, and the others go on.
    """
    _classifier(settings.classifier)  # loaded once in a process, which is no page's time
    entries, pending = [], []
    for page in pages:
        pending.append(restore_page(page, settings))
        if sum(_pixels(work) for work in pending) > MOST_PIXELS:
            entries += _finish(pending, settings)
            pending = []
    return entries + (_finish(pending, settings) if pending else [])


def _pixels(work: Work) -> int:
    return work.restoration.image.size // 3 if work.restoration else 0


def restore_page(page: Page, settings: Settings) -> Work:
    """Read, measure and restore one page; where that fails, the work has an error and no restoration."""
    work, path = Work(page), root_of(settings.source) / page.file
    try:
        work.hash = content_hash(path)
        image = _timed(work, "read", read_image, path, page.number)
        work.restoration = _timed(work, "restore", restore_by, image, settings.method)
        work.after = _timed(work, "measure", _measure_again, work.restoration)
    except (ValueError, OSError, MemoryError) as error:
        work.error = str(error).removeprefix(f"{path}: ") or type(error).__name__
    return work


def _measure_again(restoration: Restoration) -> tuple[float, float]:
    if not restoration.steps:
        return restoration.noise, restoration.blur
    measures = measure(restoration.image)
    return measures.noise, measures.spectrum.blur


def _timed(work: Work, step: str, function: Callable, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    work.seconds[step] = time.perf_counter() - start
    return result


def _finish(works: list[Work], settings: Settings) -> list[dict]:
    readable = [work for work in works if work.restoration]
    if readable:
        _share_time(readable, "classify", classify, readable, settings)
    photographs = [work for work in readable if work.label == PHOTO]
    if photographs and settings.captioner:
        _share_time(photographs, "caption", _caption, photographs, settings.captioner)
    for work in readable:
        try:
            _timed(work, "write", _write, work, settings)
        except (ValueError, OSError) as error:
            work.error, work.output = str(error), ""
    return [_entry(work) for work in works]


def _share_time(works: list[Work], step: str, function: Callable, *arguments) -> None:
    start = time.perf_counter()
    function(*arguments)
    for work in works:
        work.seconds[step] = (time.perf_counter() - start) / len(works)


def classify(works: Sequence[Work], settings: Settings) -> None:
    """Say of each restored page which class it has, and how probably it is a photograph.

    A photograph is what reaches the threshold; else it is the most probable class, and `unsure` where that is Photo.
    """
    bundle = _classifier(settings.classifier)
    size = input_size(bundle)
    images = [squeeze(work.restoration.image, *size) for work in works]
    scores = forward(bundle.model, images, BATCH_SIZE)
    photo = bundle.labels.index(PHOTO)
    for work, row in zip(works, scores, strict=True):
        work.scores, work.probability = row, round(float(row[photo]), DECIMALS)
        best = bundle.labels[int(row.argmax())]
        work.label = PHOTO if work.probability >= settings.threshold else UNSURE if best == PHOTO else best


@cache
def _classifier(name: str) -> Bundle:
    bundle = load_bundle(name)
    if PHOTO not in bundle.labels:
        raise ValueError(f"{bundle.folder}: knows no class {PHOTO}; name a model that imagecourse train photo made")
    return bundle


@lru_cache(maxsize=1)
def _captioner(name: str) -> Callable[[Sequence[np.ndarray]], list[str]]:
    return find_captioner(name)


def _caption(works: Sequence[Work], captioner: str) -> None:
    captions = _captioner(captioner)([work.restoration.image for work in works])
    for work, caption in zip(works, captions, strict=True):
        work.caption = caption


def _write(work: Work, settings: Settings) -> None:
    folder = "photos" if work.label == PHOTO else f"other/{work.label}"
    source = root_of(settings.source) / work.page.file
    changed = work.restoration.image if work.restoration.steps or work.page.several else None
    name = write_copy(settings.output, work.page.below(folder), source, changed)
    if settings.embed_captions and work.caption:
        from imagecourse.pipeline.metadata import embed_caption

        embed_caption(settings.output / name, work.caption)
    work.output = name


def _entry(work: Work) -> dict:
    row = {"file": work.page.file, "page": work.page.shown_number, "error": work.error}
    if work.restoration:
        noise, blur = work.restoration.noise, work.restoration.blur
        measures = dict(
            zip(("noise_before", "blur_before", "noise_after", "blur_after"), (noise, blur, *work.after), strict=True)
        )
        row |= {name: round(value, 2) for name, value in measures.items()}
        row |= {"output": work.output, "class": work.label, "probability": work.probability, "caption": work.caption}
        row |= {"plan": work.restoration.explanation}
    row["seconds"] = round(sum(work.seconds.values()), 3)
    return {"hash": work.hash, "number": work.page.number, "row": row, "steps": work.seconds}
