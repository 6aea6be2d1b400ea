"""Any image file as (h, w, 3) uint8 RGB and back, folders of image files, and what a network sees of them."""

from imagecourse.images.errors import ImageReadError, ImageWarning
from imagecourse.images.kinds import EXTENSIONS, FORMATS, identify, kind_by_content, kind_by_name
from imagecourse.images.listing import input_files, list_images
from imagecourse.images.reading import MAX_PIXELS, page_numbers, read_image
from imagecourse.images.resizing import read_square_image, read_squares, squeeze
from imagecourse.images.writing import can_write, copy_name, write_image, write_pages
