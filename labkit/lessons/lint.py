"""House rules for the committed notebooks, checked without running them.

Not covered: whether the code runs, and whether the text is true.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from labkit.lessons.course import neighbours
from labkit.lessons.notebook_files import CELL_METADATA, read, strip, strip_text
from labkit.lessons.solutions import TAG

__all__ = ["Finding", "lint", "strip", "strip_text"]

MAX_BYTES = 60_000
MAX_CELL_LINES = 15
MAX_DEFINITION_LINES = 6
MAX_STUB_LINES = 12
ALLOWED_IMPORTS = {"labkit", "numpy", "pandas", "altair"} | sys.stdlib_module_names
SECTIONS = {
    "what you will be able to do": r"you will be able to",
    "what we found": r"what we found",
    "limits": r"limits\b",
    "records and claims": r"records?\b",
}
Findings = Iterator[tuple[str, int | None, str]]


@dataclass(frozen=True)
class Finding:
    """One broken rule: its name, the position of the cell (from 0; None for the whole file), and what to do."""

    rule: str
    cell: int | None
    message: str

    def __str__(self) -> str:
        where = "" if self.cell is None else f"cell {self.cell}: "
        return f"{where}{self.message} [{self.rule}]"


def lint(path: str | Path) -> list[Finding]:
    """Every broken rule of one notebook file, in the order of its cells; an empty list is what CI wants.

    Raises ``FileNotFoundError`` for a missing file; a file that is no notebook is a finding.
    """
    path = Path(path)
    try:
        notebook = read(path)
    except ValueError as error:
        return [Finding("format", None, str(error))]
    found = [Finding(*one) for rule in _RULES for one in rule(path, notebook)]
    return sorted(found, key=lambda finding: -1 if finding.cell is None else finding.cell)


def _cells(notebook: dict[str, Any], kind: str) -> list[tuple[int, dict[str, Any]]]:
    return [(i, cell) for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == kind]


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def _parsed(notebook: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any], ast.Module]]:
    for i, cell in _cells(notebook, "code"):
        try:
            yield i, cell, ast.parse(cell["source"])
        except SyntaxError:
            continue  # reported by _syntax


def _clean(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, cell in _cells(notebook, "code"):
        if cell.get("outputs"):
            yield "outputs", i, "holds outputs; run labkit notebooks strip"
        if cell.get("execution_count") is not None:
            yield "execution-count", i, "holds an execution count; run labkit notebooks strip"
    for i, cell in enumerate(notebook["cells"]):
        extra = set(cell.get("metadata", {})) - set(CELL_METADATA)
        if extra:
            yield "metadata", i, f"holds metadata {', '.join(sorted(extra))}; run labkit notebooks strip"
        if cell.get("attachments"):
            yield "attachments", i, "holds an attached file; put the picture beside the notebook and link to it"
    if "widgets" in notebook.get("metadata", {}):
        yield "widgets", None, "holds the state of widgets; run labkit notebooks strip"


def _kernel(path: Path, notebook: dict[str, Any]) -> Findings:
    name = notebook.get("metadata", {}).get("kernelspec", {}).get("name")
    if name != "python3":
        yield "kernel", None, f"names the kernel {name!r}, expected 'python3'; run labkit notebooks strip"


def _size(path: Path, notebook: dict[str, Any]) -> Findings:
    size = path.stat().st_size
    if size > MAX_BYTES:
        yield "size", None, f"is {size / 1000:.0f} kB, at most {MAX_BYTES // 1000} kB; move code into the package"


def _ids(path: Path, notebook: dict[str, Any]) -> Findings:
    seen: dict[str, int] = {}
    for i, cell in enumerate(notebook["cells"]):
        name = cell.get("id")
        if not name or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            yield "cell-id", i, f"has the id {name!r}; give it a short name of letters, digits and dashes"
        elif name in seen:
            yield "cell-id", i, f"has the id {name!r} of cell {seen[name]}; ids must be unique"
        else:
            seen[name] = i


def _tagged(path: Path, notebook: dict[str, Any]) -> Findings:
    for tag in ("parameters", "setup"):
        where = [i for i, cell in _cells(notebook, "code") if tag in _tags(cell)]
        if len(where) != 1:
            cells = f" (cells {', '.join(map(str, where))})" if where else ""
            yield "tags", None, f"has {len(where)} cells tagged {tag!r}{cells}, expected exactly one"


def _parameters(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, cell, tree in _parsed(notebook):
        if "parameters" not in _tags(cell):
            continue
        lines = cell["source"].splitlines()
        for statement in tree.body:
            line = lines[statement.lineno - 1].strip()
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                yield (
                    "parameters",
                    i,
                    f"{line!r} is not annotated; write name: int | None = None  # what it is",
                )
                continue
            try:
                ast.literal_eval(statement.value)
            except (ValueError, TypeError):
                yield "parameters", i, f"{line!r} is computed; a derived value would ignore what a report passes in"
            if "#" not in lines[statement.end_lineno - 1]:
                yield "parameters", i, f"{line!r} has no comment; it becomes the help of the parameter"


def _syntax(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, cell in _cells(notebook, "code"):
        try:
            ast.parse(cell["source"])
        except SyntaxError as error:
            hint = "magic and shell lines are not allowed" if re.search(r"(?m)^\s*[%!]", cell["source"]) else error.msg
            yield "syntax", i, f"is not plain Python: {hint}"


def _lengths(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, cell in _cells(notebook, "code"):
        count = len(cell["source"].splitlines())
        if count > MAX_CELL_LINES:
            yield (
                "cell-length",
                i,
                f"has {count} lines, at most {MAX_CELL_LINES}; split it or shorten it",
            )
    for i, cell, tree in _parsed(notebook):
        stub = any(tag.startswith(TAG) for tag in _tags(cell))
        most = MAX_STUB_LINES if stub else MAX_DEFINITION_LINES
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                count = node.end_lineno - min([node.lineno, *(one.lineno for one in node.decorator_list)]) + 1
                if count > most:
                    yield (
                        "definition",
                        i,
                        f"defines {node.name} in {count} lines, at most {most}; it belongs in labkit",
                    )


def _imports(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, _cell, tree in _parsed(notebook):
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.split(".")[0] not in ALLOWED_IMPORTS:
                    yield (
                        "imports",
                        i,
                        f"imports {name}; a lesson has labkit, numpy, pandas, altair, stdlib",
                    )


def _hidden_errors(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, _cell, tree in _parsed(notebook):
        for node in ast.walk(tree):
            name = getattr(node, "attr", getattr(node, "id", None))
            if name in ("interact", "interactive", "Output") and isinstance(node, (ast.Attribute, ast.Name)):
                yield "hidden-errors", i, f"uses {name}, which swallows exceptions; use a panel"


def _exercises(path: Path, notebook: dict[str, Any]) -> Findings:
    code = _cells(notebook, "code")
    for place, (i, cell) in enumerate(code):
        for tag in _tags(cell):
            if tag.startswith(TAG):
                name = re.escape(tag.removeprefix(TAG))
                nearby = "\n".join(other["source"] for _, other in code[place : place + 2])
                if not re.search(rf"check\(\s*[\"']{name}[\"']", nearby):
                    yield (
                        "exercise",
                        i,
                        f"is tagged {tag!r}, but no check of it stands there or in the next cell",
                    )
                if "..." not in cell["source"]:
                    yield "exercise", i, f"is tagged {tag!r} but leaves nothing out (...)"


def _title(path: Path, notebook: dict[str, Any]) -> Findings:
    first = notebook["cells"][0] if notebook["cells"] else {"cell_type": "none", "source": ""}
    if first["cell_type"] != "markdown" or not first["source"].startswith("# "):
        yield "title", 0, "is not a title; the first cell starts with '# ' and asks the notebook's question"
    elif "?" not in first["source"]:
        yield "title", 0, "asks no question; the title says which question the notebook answers"


def _sections(path: Path, notebook: dict[str, Any]) -> Findings:
    text = "\n".join(_prose(cell["source"]) for _, cell in _cells(notebook, "markdown"))
    headings = re.findall(r"(?m)^#{1,6}\s+(.*)$", text)
    for name, pattern in SECTIONS.items():
        if not any(re.search(pattern, heading, flags=re.IGNORECASE) for heading in headings):
            yield "sections", None, f"has no section {name!r}"


def _links(path: Path, notebook: dict[str, Any]) -> Findings:
    for i, cell in _cells(notebook, "markdown"):
        text = _prose(cell["source"])
        for alt in re.findall(r"!\[([^\]]*)\]\(", text):
            if not alt.strip():
                yield "alt-text", i, "shows a picture without alt text; write ![what it shows](file)"
        for tag in re.findall(r"<img\b[^>]*>", text, flags=re.IGNORECASE):
            if not re.search(r"alt\s*=\s*(\"\s*[^\"\s]|'\s*[^'\s])", tag):
                yield "alt-text", i, 'shows a picture without alt text; write alt="what it shows"'
        targets = re.findall(r"\]\(\s*<?([^)\s>]+)", text) + re.findall(r"(?:href|src)\s*=\s*[\"']([^\"']+)", text)
        for target in targets:
            if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|#|//", target):
                continue
            if not (path.parent / unquote(target.split("#")[0])).exists():
                yield "links", i, f"links to {target!r}, which does not exist"


def _navigation(path: Path, notebook: dict[str, Any]) -> Findings:
    near = [one for one in neighbours(path) if one is not None]
    if not near:
        return
    place = len(notebook["cells"]) - 1
    last = notebook["cells"][place] if place >= 0 else {"cell_type": "none", "source": ""}
    if last["cell_type"] != "markdown" or not re.match(r"#+ Next\b", last["source"]):
        yield "navigation", place, "is not the section 'Next' that leads on; run labkit notebooks index"
        return
    for one in near:
        if f"]({one.name})" not in last["source"]:
            yield "navigation", place, f"does not link to {one.name}; run labkit notebooks index"


def _prose(source: str) -> str:
    """Markdown without code blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^(```|~~~).*?^\1", "", source))


_RULES: tuple[Callable[[Path, dict[str, Any]], Findings], ...] = (
    _clean,
    _kernel,
    _size,
    _ids,
    _tagged,
    _parameters,
    _syntax,
    _lengths,
    _imports,
    _hidden_errors,
    _exercises,
    _title,
    _sections,
    _links,
    _navigation,
)
