"""Cartoon characters drawn from a seed: four invented families, their evolutions, fusions, relatives and breeds.

Families share their colours, so a picture is recognised by body, ears, tail and pattern; every picture comes with its
true labels and a mask of what belongs to whom.
"""

from imagecourse.samples.characters.drawing import (
    Drawing,
    draw_breed,
    draw_character,
    draw_fusion,
    draw_relative,
    draw_scene,
)
from imagecourse.samples.characters.traits import BREEDS, FAMILIES, Traits
from imagecourse.samples.characters.writer import write_characters, write_scenes
