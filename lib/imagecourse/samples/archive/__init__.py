"""A generated archive for the question "photograph or not?": photographs among paintings, cartoons, drawings and text.

Everything is drawn from a seed and from the few photographs that other packages carry, so it needs no network.
"""

from imagecourse.samples.archive.sources import SOURCES
from imagecourse.samples.archive.writer import KINDS, draw, write_archive
