"""A run of the pipeline: which pages are to be done, who does them, and what is written at the end."""

import os
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from tqdm import tqdm

from imagecourse.files import in_groups
from imagecourse.images import copy_name
from imagecourse.networks.answers import check_apart
from imagecourse.networks.model_files import find_model
from imagecourse.pipeline.engines import run_locally, run_on_dask, worker_count
from imagecourse.pipeline.ledger import Ledger, open_ledger
from imagecourse.pipeline.pages import Page, all_pages
from imagecourse.pipeline.report import write_report
from imagecourse.pipeline.results import Results, write_results
from imagecourse.pipeline.settings import Settings
from imagecourse.restoration.choice import check_method

PAGES_PER_BATCH = 16


class Engine(NamedTuple):
    """Who does the work. name: "local" or "dask". jobs: processes, None for one a core. scheduler: of Dask."""

    name: str = "local"
    jobs: int | None = None
    scheduler: str | None = None


LOCAL = Engine()


def run_pipeline(settings: Settings, engine: Engine = LOCAL, resume: bool = False) -> Results:
    """Take every page of a folder through the pipeline; write copies, `results.csv` and `report.html`.

    The table has a row for each page in natural order, columns `settings.COLUMNS`. Returns: what it says in short.
    Raises: FileNotFoundError, ValueError, OSError: what is wrong with the folders, models or settings.
    """
    check_method(settings.method)
    if not 0 <= settings.threshold <= 1:
        raise ValueError(f"threshold: {settings.threshold} is out of range; give a probability from 0 to 1")
    find_model(settings.classifier)
    check_apart(settings.source, settings.output)
    pages = list(all_pages(settings.source))
    _check_names(pages)
    with open_ledger(settings, resume) as ledger:
        _work(pages, ledger, settings, engine)
        results = write_results(pages, ledger, settings)
        write_report(results, settings)
    return results


def _check_names(pages: list[Page]) -> None:
    names = Counter(copy_name(page.below("")) for page in pages)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise ValueError(f"{name}: two pages would get a copy of this name; rename one of the files")


def _work(pages: list[Page], ledger: Ledger, settings: Settings, engine: Engine) -> None:
    todo = list(ledger.unfinished(pages))
    batches = list(in_groups(todo, PAGES_PER_BATCH))
    if not batches:
        return
    jobs = min(worker_count(engine.jobs), len(batches))
    settings = replace(settings, threads=max(1, (os.cpu_count() or 1) // jobs))
    if engine.name == "dask":
        answers = run_on_dask(batches, settings, engine.scheduler, jobs)
    else:
        answers = run_locally(batches, settings, jobs)
    with tqdm(total=len(pages), initial=len(pages) - len(todo), desc="pipeline", unit="page", disable=None) as bar:
        for entries in answers:
            ledger.add(entries)
            bar.update(len(entries))
