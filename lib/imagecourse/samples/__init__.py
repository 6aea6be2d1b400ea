"""Pictures that need no network: drawn by the course, or inside installed packages."""

from imagecourse.samples.photographs import (
    packaged_photographs,
    reference_photographs,
    sample_photographs,
    unseen_photographs,
)
