"""Drawn scenes with captions in English, French and Spanish: who, how many, of which colour, and where.

Every picture comes with the facts, the masks of what is in it, and sentences that a small grammar makes of the facts.
"""

from imagecourse.samples.captioned.drawing import CaptionedScene, Facts, any_facts, draw_captioned
from imagecourse.samples.captioned.grammar import LANGUAGES, READ, describe, read_facts
from imagecourse.samples.captioned.writer import write_captioned
