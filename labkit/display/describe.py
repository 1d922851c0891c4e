"""Words for charts: axis titles with units, numbers as people write them, and the one-sentence description."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from labkit.display.axes import SUPERSCRIPTS

_TITLES = {
    "examples": "training examples",
    "params": "parameters",
    "tokens": "training tokens",
    "unique_tokens": "unique training tokens",
    "compute": "training compute (FLOPs)",
    "flops": "training compute (FLOPs)",
    "step": "step (updates)",
    "steps": "steps (updates)",
    "seconds": "time (s)",
    "bytes": "size (bytes)",
    "ratio": "ratio (fraction)",
    "fraction": "fraction kept",
    "width": "width (units)",
    "bits": "precision (bits)",
}
_UNITS = {"error": "fraction wrong", "accuracy": "fraction right", "loss": "nats"}
_COUNTED = {"step", "epoch", "example", "token", "letter", "member"}
_LISTED = 40
_MILLION, _FAR = 1e6, 1e7  # from where on powers of ten are written of two and of three digits
# Characters that XML forbids, and those that would turn a label's direction or hide in it.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def title_of(column: str) -> str:
    """The axis title of a column, with its unit where the name tells it.

    >>> title_of("examples"), title_of("test_error"), title_of("learning_rate")
    ('training examples', 'test error (fraction wrong)', 'learning rate')
    """
    if column in _TITLES:
        return _TITLES[column]
    words = one_line(column).replace("_", " ")
    unit = _UNITS.get(words.rpartition(" ")[2])
    return f"{words} ({unit})" if unit else words


def words_of(column: str) -> str:
    """The words of a column without the unit, for use in a sentence.

    >>> words_of("test_error")
    'test error'
    """
    return title_of(column).partition(" (")[0]


def number(value: float, digits: int = 3) -> str:
    """A number as people write it: three digits, thousands separated, far from one with powers of ten as on axes.

    >>> number(1024), number(0.06149), number(3.2e-7), number(2.5e9), number(float("nan")), number(True)
    ('1,024', '0.0615', '3.2×10⁻⁷', '2.5×10⁹', 'unknown', 'True')
    """
    if isinstance(value, bool):
        return str(value)
    if value is None or not math.isfinite(value):
        return "unknown" if value is None or math.isnan(value) else ("−∞" if value < 0 else "∞")
    if value == int(value) and abs(value) < _FAR:
        return f"{int(value):,}"
    whole = 10**digits - 0.5 <= abs(value) < _FAR - 0.5  # numbers that would round to a power of ten are written out
    return f"{value:,.0f}" if whole else powers(f"{value:,.{digits}g}")


def powers(written: str) -> str:
    """A number that Python wrote with ``e``, with the power of ten that it stands for; any other text as it is.

    >>> powers("2.50e+09"), powers("1e-07"), powers("0.25")
    ('2.50×10⁹', '10⁻⁷', '0.25')
    """
    digits, exponent, power = written.partition("e")
    if not (exponent and power.lstrip("+-").isdigit()):
        return written
    raised = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return f"{digits.removesuffix('1')}{raised}" if digits in ("1", "-1") else f"{digits}×{raised}"


def about(value: float) -> str:
    """A number to two digits, with powers of ten as on axes from a million on and below a ten-thousandth.

    >>> about(3.34e10), about(1e14), about(18_836), about(0.512), about(9.96e6), about(-2e-7)
    ('3.3×10¹⁰', '10¹⁴', '19,000', '0.51', '10⁷', '-2×10⁻⁷')
    """
    written = f"{value:.2g}"
    return number(float(written)) if abs(float(written)) < _MILLION or not math.isfinite(value) else powers(written)


def plural(words: str) -> str:
    """What is counted, for more than one of it.

    >>> plural("step"), plural("training examples")
    ('steps', 'training examples')
    """
    return f"{words}s" if words.rpartition(" ")[2] in _COUNTED else words


def quantity(words: str, *values: float) -> str:
    """Numbers before what they count, or after the name of what they measure.

    >>> quantity("training examples", 32, 1024), quantity("step", 3000), quantity("fraction kept", 0.8)
    ('32 and 1,024 training examples', '3,000 steps', 'fraction kept 0.8')
    """
    told, several = " and ".join(map(number, values)), plural(words)
    if not several.endswith("s") or several.endswith("ss"):
        return f"{words} {told}"
    return f"{told} {several[:-1] if values == (1,) else several}"


def change(first: float, last: float) -> str:
    """How a value moved, as the rest of a sentence.

    >>> change(2, 0.5), change(1, 1)
    ('falls from 2 to 0.5', 'stays at 1')
    """
    if number(first) == number(last):
        return f"stays at {number(last)}"
    return f"{'falls' if last < first else 'rises'} from {number(first)} to {number(last)}"


def count(n: int, noun: str) -> str:
    """A count with its noun.

    >>> count(1, "seed"), count(5, "seed"), count(2, "series")
    ('1 seed', '5 seeds', '2 series')
    """
    return f"{n:,} {noun if n == 1 or noun.endswith('s') else noun + 's'}"


def listing(names: Iterable[Any], limit: int = 5) -> str:
    """Names in a sentence, the rest counted.

    >>> listing(["a", "b", "c"]), listing(range(9), limit=3)
    ('a, b and c', '0, 1, 2 and 6 more')
    >>> listing(["mlp, wide", "mlp, narrow", "softmax"])  # names with commas are told apart
    'mlp, wide; mlp, narrow and softmax'
    """
    names = [short(name, _LISTED) for name in names]
    between = "; " if any("," in name for name in names) else ", "
    if len(names) > limit:
        return f"{between.join(names[:limit])} and {len(names) - limit} more"
    return " and ".join([between.join(names[:-1]), names[-1]] if len(names) > 1 else names)


def one_line(text: Any, limit: int = 400) -> str:
    """Text on one line, without characters that a picture cannot hold, cut at ``limit`` characters.

    >>> one_line("a\\nb\\x00c"), one_line("word " * 9, limit=12)
    ('a bc', 'word word w…')
    """
    line = " ".join(_UNPRINTABLE.sub("", str(text)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def short(text: Any, limit: int = 24) -> str:
    """A label short enough to stand beside a line.

    >>> short("a very long name of a model indeed")
    'a very long name of a m…'
    """
    return one_line(text, limit)


def lines(text: str, width: int) -> list[str]:
    """Text broken into as few lines of at most ``width`` characters as possible, all about equally long.

    >>> lines("error falls with more data and less noise", 36)
    ['error falls with more', 'data and less noise']
    """
    text = one_line(text)
    wrapped = textwrap.wrap(text, width=width)
    # A narrower width with the same number of lines leaves no single word on the last one.
    while len(wrapped) > 1 and len(tighter := textwrap.wrap(text, width=width - 1)) == len(wrapped):
        wrapped, width = tighter, width - 1
    return wrapped or [""]


def filled(text: str, width: int) -> list[str]:
    """Text broken only at plain spaces into lines of at most ``width`` characters, without separators at their ends.

    >>> filled("5\u00a0seeds\u00a0· data:\u00a0digits", 12)
    ['5 seeds', 'data: digits']
    """
    broken = [""]
    for part in text.split(" "):
        longer = f"{broken[-1]} {part}".strip(" ")
        broken[-1:] = [longer] if len(longer) <= width or not broken[-1] else [broken[-1], part]
    return [line.replace("\u00a0", " ").strip(" ·") for line in broken]


def sentence(*parts: str, finding: str = "") -> str:
    """One sentence from parts that may be empty, joined by commas, and what the chart shows after a colon.

    >>> sentence("Test error against examples", "", "2 models", finding="Both fall")
    'Test error against examples, 2 models: both fall.'
    """
    joined = ", ".join(part.rstrip(".") for part in parts if part)
    if finding:
        first = finding.split(" ", 1)[0]
        # A name keeps its capitals (MNIST), the first word of a sentence does not.
        finding = finding if first[1:] != first[1:].lower() else finding[:1].lower() + finding[1:]
        joined = f"{joined}: {finding.rstrip('.')}"
    joined = one_line(joined)
    return joined if joined.endswith("…") else joined + "."
