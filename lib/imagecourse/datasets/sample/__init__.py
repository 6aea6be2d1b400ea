"""Sample data that needs no network: what the installed packages carry."""

from imagecourse.datasets.sample.photographs import sample_photographs

__all__ = ["sample_photographs"]
