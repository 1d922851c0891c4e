"""The lessons as a course: the page that lists them, a thumbnail of each, and the links from one to the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.lessons.notebook_files import read, to_text

PAGE = "README.md"
"""The page of all lessons, in the folder of the notebooks, where JupyterLab and code hosts show it."""

MAX_THUMBNAIL = 60_000
THUMBNAIL_TAG = "thumbnail"
_WIDTH, _HEIGHT = 260, 190  # pixels that a thumbnail takes on the page at most
_PAPER, _INK = "#ffffff", "#1f2328"
_HEAD = """# The lessons

Each is a notebook: predict, run, explain. Start at the top; every one works alone as well. The picture or the title
opens it.

| | Lesson | Reading |
|---|---|---|
"""


@dataclass(frozen=True)
class Entry:
    """One lesson: its file, ``00 · Start here``, the question it answers, and the minutes it takes to read."""

    path: Path
    title: str
    question: str
    minutes: int | None


def entries(folder: str | Path) -> list[Entry]:
    """The numbered lessons of a folder, in order. Raises ``ValueError`` for a file that is no notebook."""
    return [entry(path) for path in sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))]


def entry(path: str | Path) -> Entry:
    """What the first cells of a lesson say about it."""
    path = Path(path)
    prose = [cell["source"] for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    first = prose[0] if prose else ""
    title = re.match(r"# (.+)", first)
    asked = re.search(r"\*\*The question: (.+?)\*\*", first, flags=re.DOTALL)
    minutes = re.search(r"Reading time: (\d+) minutes", "\n".join(prose))
    said = title[1] if title else path.stem
    question = " ".join(asked[1].split()) if asked else said.partition(":")[2].strip()
    question = question[:1].upper() + question[1:]
    return Entry(path, said.partition(":")[0].strip(), question, int(minutes[1]) if minutes else None)


def neighbours(path: str | Path) -> tuple[Path | None, Path | None]:
    """The lesson before and the lesson after one, among those of its folder; none for a file without a number."""
    path = Path(path)
    lessons = sorted(path.parent.glob("[0-9][0-9]_*.ipynb"))
    if path not in lessons:
        return None, None
    place = lessons.index(path)
    return (lessons[place - 1] if place else None), (lessons[place + 1] if place + 1 < len(lessons) else None)


# ---- links between lessons -------------------------------------------------------------------------------------------


def link(path: str | Path) -> bool:
    """Write the links to the lesson before and after into the last cell; False when they stood there already.

    They are the last paragraph of a section *Next*, which is added where there is none; its other text stays.
    """
    path = Path(path)
    notebook = read(path)
    before = to_text(notebook)
    names = zip(("Previous", "Next"), neighbours(path), strict=True)
    said = " · ".join(f"{name}: [{entry(one).title}]({one.name})" for name, one in names if one)
    last = notebook["cells"][-1]
    if last["cell_type"] != "markdown" or not re.match(r"#+ Next\b", last["source"]):
        last = {"cell_type": "markdown", "id": "next", "metadata": {}, "source": "## Next"}
        notebook["cells"].append(last)
    kept = [part for part in re.split(r"\n{2,}", last["source"].strip()) if not re.match(r"(Previous|Next): \[", part)]
    last["source"] = "\n\n".join([*kept, said] if said else kept)
    after = to_text(notebook)
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


# ---- the page --------------------------------------------------------------------------------------------------------


def page(lessons: Iterable[Entry], thumbnails: Mapping[str, str]) -> str:
    """The page as Markdown. ``thumbnails`` are the addresses of the pictures by the names of the notebooks."""
    rows = []
    for one in lessons:
        name = one.path.name
        words = f"{one.title}: {one.question}".replace("|", "\\|").replace("]", "\\]")
        picture = f"[![{words}]({thumbnails[name]})]({name})" if name in thumbnails else ""
        title, question = (text.replace("|", "\\|") for text in (one.title, one.question))
        minutes = f"{one.minutes} min" if one.minutes else ""
        rows.append(f"| {picture} | **[{title}]({name})**<br>{question} | {minutes} |")
    return _HEAD + "\n".join(rows) + "\n"


def found(folder: str | Path, pictures: str | Path) -> dict[str, str]:
    """The addresses of the thumbnails there are, as `page` takes them, seen from the folder of the notebooks."""
    import os

    addresses = {}
    for lesson in entries(folder):
        for picture in sorted(Path(pictures).glob(f"{lesson.path.stem}.*")):
            addresses[lesson.path.name] = Path(os.path.relpath(picture, folder)).as_posix()
    return addresses


# ---- thumbnails ------------------------------------------------------------------------------------------------------


def thumbnail(lesson: Mapping[str, Any], executed: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """The picture of a lesson, small: its kind (svg or png) and its bytes; None where there is none.

    It is what the cell tagged ``thumbnail`` drew when the lesson was executed, else the first picture. A drawing too
    large for a page becomes a raster. Raises ``ValueError`` where that is too large as well.
    """
    tagged = {cell["id"] for cell in lesson["cells"] if THUMBNAIL_TAG in cell.get("metadata", {}).get("tags", [])}
    drawn = [picture for name, picture in _pictures(executed) if name in tagged] or [
        picture for _, picture in _pictures(executed)
    ]
    if not drawn:
        return None
    picture = _on_paper(drawn[0])
    if len(picture.encode()) <= MAX_THUMBNAIL:
        return "svg", picture.encode()
    import vl_convert

    rasters = (vl_convert.svg_to_png(picture, scale=scale) for scale in (1.5, 1.2, 1.0, 0.8))
    small = next((raster for raster in rasters if len(raster) <= MAX_THUMBNAIL), None)
    if small is None:
        raise ValueError(f"the picture takes over {MAX_THUMBNAIL:,} bytes however small; tag another one")
    return "png", small


def _pictures(notebook: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            drawn = output.get("data", {}).get("image/svg+xml")
            if drawn:
                yield cell["id"], drawn if isinstance(drawn, str) else "".join(drawn)


def _on_paper(svg: str) -> str:
    """The drawing small, with ink on paper: a picture cannot know whether the page around it is dark."""
    width, height = (float(re.search(rf'<svg[^>]*? {name}="([\d.]+)"', svg)[1]) for name in ("width", "height"))
    head, body = re.match(r"(<svg.*?>)(.*)", svg, flags=re.DOTALL).groups()
    head = re.sub(r' (width|height|style)="[^"]*"', "", head)
    factor = min(_WIDTH / width, _HEIGHT / height)
    size = f' width="{factor * width:.0f}" height="{factor * height:.0f}">'
    body = re.sub(r"<style>.*?</style>", "", body, count=1, flags=re.DOTALL).replace("currentColor", _INK)
    return f'{head[:-1]}{size}<rect width="{width:g}" height="{height:g}" fill="{_PAPER}"/>{body}\n'
