"""Colours that read: text on pages and on maps reaches the contrast that WCAG 2.1 asks of text (level AA)."""

import re
from pathlib import Path

import pytest

from labkit import reports
from labkit.display.theme import COLOURS, ink_on

STYLE = (Path(reports.__file__).parent / "assets" / "page.css").read_text("utf-8")
TEXT = 4.5
INKS = ("labkit-ink", "soft", "accent", "good", "bad", "open", "kw", "str", "num", "com")
PAPERS = ("paper", "panel")


def luminance(colour):
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(of):
    """The colours of the page's style that hold for light, dark or print, by name."""
    start = {"light": ":root", "dark": "@media (prefers-color-scheme: dark)", "print": "@media print"}[of]
    block = STYLE[STYLE.index(start) :]
    return dict(re.findall(r"--([\w-]+): (#\w+)", block[: block.index("}")]))


def test_the_measure_is_the_one_of_the_standard():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("of", ["light", "dark", "print"])
def test_every_ink_of_a_page_reads_on_every_paper(of):
    look = colours(of)
    ratios = {(ink, paper): contrast(look[ink], look[paper]) for ink in INKS for paper in PAPERS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < TEXT} == {}


@pytest.mark.parametrize("paper", COLOURS)
def test_a_name_on_a_colour_reads(paper):
    ink = {"white": "#ffffff", "black": "#000000"}[ink_on(paper)]
    assert contrast(ink, paper) >= TEXT
