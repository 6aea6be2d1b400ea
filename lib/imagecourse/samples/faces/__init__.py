"""Drawn faces with an age and a gender label, for chapter 06: no real person is in them.

Age and label come only from many overlapping, noisy traits together; each trait and each nuisance is recorded. Two
packages of drawn avatars, dicebear-core and dicebear-styles, were looked at first: their faces are charming, but their
parts are chosen from lists, none of them ages, and they need a renderer of SVG.
"""

from imagecourse.samples.faces.portrait import draw_face
from imagecourse.samples.faces.traits import TONES, FaceTraits, draw_traits
from imagecourse.samples.faces.writer import draw_faces, write_faces
