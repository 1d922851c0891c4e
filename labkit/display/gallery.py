"""Pictures of examples, as a grid of small images that travel inside the chart."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence

import numpy as np

from labkit.display.assemble import assemble
from labkit.display.describe import count, sentence, short
from labkit.display.theme import WIDTH

MAX_IMAGES = 200


def gallery(
    images,
    *,
    labels: Sequence | None = None,
    image_shape: tuple[int, ...] | None = None,
    across: int | None = None,
    tile: int = 44,
    title: str | None = None,
    preset: str | None = None,
    data: str | None = None,
):
    """A grid of examples with a caption under each.

    ``images`` has shape ``(n, d)`` (flattened; give ``image_shape``, else they are taken as square), ``(n, h, w)``
    or ``(n, h, w, 3)``, on any scale: all images together are stretched to black and white, larger values darker
    for one channel. ``labels`` are ``n`` captions; ``across`` the number of columns; ``tile`` the side of one
    picture in pixels. Raises ``ValueError`` when shapes do not fit or there are more than 200 images.

    >>> gallery([[0, 1, 1, 0]], labels=["diagonal"]).description
    '1 example of 2 × 2 pixels.'
    """
    import altair as alt
    import pandas

    pictures = _pictures(images, image_shape)
    n = len(pictures)
    if labels is not None and len(labels) != n:
        raise ValueError(f"{n} images but {len(labels)} labels; give one label per image")
    across = max(1, min(across or WIDTH // (tile + 12), n))
    captions = [""] * n if labels is None else [short(label, 30) for label in labels]
    # Captions decide how wide a column is: about six pixels a letter, cut beyond three tiles.
    room = max(tile + 12, min(max(map(len, captions)) * 6 + 10, 3 * tile))
    across = max(1, min(across, WIDTH // room)) if room > tile + 12 else across
    down = tile + (24 if labels is not None else 8)
    frame = pandas.DataFrame(
        {
            "picture": [_address(picture, tile) for picture in pictures],
            "caption": [short(caption, room // 6) for caption in captions],
            "x": [(index % across + 0.5) * room for index in range(n)],
            "y": [index // across * down + tile / 2 for index in range(n)],
            "example": range(n),
        }
    )
    width, height = across * room, math.ceil(n / across) * down
    base = alt.Chart(frame).encode(
        x=alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None),
        y=alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None),
    )
    layers = [base.mark_image(width=tile, height=tile).encode(url="picture:N").properties(name="images")]
    if labels is not None:
        text = base.mark_text(baseline="top", dy=tile / 2 + 4, fontSize=10.5, clip=False).encode(text="caption:N")
        layers.append(text.properties(name="captions"))
    rows, wide = pictures.shape[1:3]
    what = f"{count(n, 'example')} of {rows} × {wide} pixels"
    subtitle = [f"data: {data}" if data else "", f"preset {preset}" if preset else ""]
    described = sentence(what, f"from {short(data, 60)}" if data else "", finding=title or "")
    size = {"width": width, "height": height}
    return assemble(layers, title=title or what, subtitle=subtitle, description=described, **size)


def addresses(images, image_shape: tuple[int, ...] | None = None, tile: int = 44) -> list[str]:
    """Each image as an address that holds the picture itself; arguments as in `gallery`.

    >>> addresses([[0, 1, 1, 0]])[0][:22]
    'data:image/png;base64,'
    """
    return [_address(picture, tile) for picture in _pictures(images, image_shape)]


def _pictures(images, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """All images as 8-bit values of shape (n, h, w) or (n, h, w, 3)."""
    images = np.asarray(images, dtype=float)
    if images.ndim < 2 or not images.size:
        raise ValueError(f"expected images of shape (n, d), (n, h, w) or (n, h, w, 3), got {images.shape}")
    if images.ndim == 2 and image_shape is None:
        side = math.isqrt(images.shape[1])
        image_shape = (side, side)
    if images.ndim == 2:
        image_shape = tuple(image_shape[1:]) if len(image_shape) == 3 and image_shape[0] == 1 else tuple(image_shape)
        if math.prod(image_shape) != images.shape[1]:
            raise ValueError(
                f"images of {images.shape[1]} values do not fit image_shape {image_shape}; give their true shape"
            )
        images = images.reshape(len(images), *image_shape)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise ValueError(f"expected one channel or three in the last place, got images of shape {images.shape[1:]}")
    if len(images) > MAX_IMAGES:
        raise ValueError(f"{len(images)} images, at most {MAX_IMAGES} fit one chart; select some")
    images = np.nan_to_num(images, posinf=0.0, neginf=0.0)
    low, high = images.min(), images.max()
    scaled = (images - low) / ((high - low) or 1.0)
    return np.rint(255 * (scaled if images.ndim == 4 else 1 - scaled)).astype(np.uint8)


def _address(picture: np.ndarray, tile: int) -> str:
    from PIL import Image

    image = Image.fromarray(picture)
    # Enlarged here, so that no viewer blurs eight pixels into a cloud; flat squares compress to almost nothing.
    factor = max(1, math.ceil(2 * tile / max(picture.shape[:2])))
    if factor > 1:
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
