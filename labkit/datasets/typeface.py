"""Letters drawn once from the fonts that ship with matplotlib, then bent and resampled many at a time."""

from __future__ import annotations

import functools
import importlib.util
import string
from pathlib import Path

import numpy as np

FONTS: tuple[str, ...] = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *(f"cm{style}10" for style in ("r", "b", "ss", "ti", "tt")),
)
"""The fonts letters are drawn from: DejaVu, STIX and Computer Modern, 21 files."""

CHARACTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
"""The characters that all those fonts have."""

_FINER = 4
_MARGIN = 1


@functools.lru_cache(maxsize=4)
def draw(characters: str, size: int) -> np.ndarray:
    """Every character in every font, uint8 (characters, fonts, r, r), drawn at four times ``size``.

    Each is centred, smoothed over one final pixel so that resampling does not alias, and surrounded by an empty
    margin of one pixel: r is ``4 * size + 2``.

    Raises ``FileNotFoundError`` where matplotlib's fonts are missing.

    >>> draw("ab", 12).shape
    (2, 21, 50, 50)
    """
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    side = _FINER * size
    drawn = np.zeros((len(characters), len(FONTS), side + 2 * _MARGIN, side + 2 * _MARGIN), dtype=np.uint8)
    inside = slice(_MARGIN, -_MARGIN)
    for f, font in enumerate(FONTS):
        # The basic layout engine, because the other one is not part of every build of Pillow.
        path = str(_folder() / f"{font}.ttf")
        face = ImageFont.truetype(path, round(0.9 * side), layout_engine=ImageFont.Layout.BASIC)
        for c, character in enumerate(characters):
            left, top, right, bottom = face.getbbox(character)
            image = Image.new("L", (side, side))
            place = ((side - left - right) / 2, (side - top - bottom) / 2)
            ImageDraw.Draw(image).text(place, character, fill=255, font=face)
            drawn[c, f, inside, inside] = np.asarray(image.filter(ImageFilter.BoxBlur(_FINER / 2 - 0.5)))
    drawn.flags.writeable = False
    return drawn


def bend(drawn: np.ndarray, which: np.ndarray, maps: np.ndarray, size: int) -> np.ndarray:
    """Resample drawn letters through affine maps, float32 (n, size * size) in [0, 1].

    Arguments:
        drawn: uint8 (m, r, r), as from ``draw`` with its first axes joined.
        which: int (n,), the drawing that each example shows.
        maps: float32 (n, 2, 3): row and column of the place in the drawing that each place of the image shows, both
            measured from the centre in image widths; the last column is a shift.
        size: pixels along a side of the images.

    >>> upright = np.broadcast_to(np.eye(2, 3, dtype=np.float32), (1, 2, 3))
    >>> bend(draw("a", 12)[0], np.array([0]), upright, 12).shape
    (1, 144)
    """
    side = drawn.shape[-1]
    inner = side - 2 * _MARGIN
    line = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size - np.float32(0.5)
    rows, columns = (grid.ravel() for grid in np.meshgrid(line, line, indexing="ij"))
    flat = drawn.reshape(-1)
    images = np.empty((len(which), size * size), dtype=np.float32)
    for start in range(0, len(which), 1024):
        part = slice(start, start + 1024)
        # Written out, not a matrix product, since those round differently on different machines.
        by_row, by_column, shift = maps[part, :, :, None].transpose(2, 0, 1, 3)
        seen = by_row * rows + by_column * columns + shift
        # From widths to drawn pixels; whatever lies outside is on the empty margin.
        np.clip((seen + np.float32(0.5)) * inner + np.float32(_MARGIN - 0.5), 0, side - 1.001, out=seen)
        corner = np.floor(seen)
        down, right = (seen - corner).transpose(1, 0, 2)
        corner = corner.astype(np.intp)
        at = which[part, None] * (side * side) + corner[:, 0] * side + corner[:, 1]
        upper = flat[at] * (1 - right) + flat[at + 1] * right
        lower = flat[at + side] * (1 - right) + flat[at + side + 1] * right
        images[part] = (upper * (1 - down) + lower * down) / np.float32(255)
    return images


@functools.cache
def _folder() -> Path:
    """The folder of the fonts, found without importing matplotlib."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is not None:
        folder = Path(next(iter(spec.submodule_search_locations)), "mpl-data", "fonts", "ttf")
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the fonts that ship with matplotlib were not found; reinstall it: pip install matplotlib")
