"""Solutions of the exercises: put them into a notebook, and hold each stub against its solution.

``notebooks/solutions/<notebook>.toml`` maps an exercise's id to the code of its cell:
``"01.1" = '''...'''``. The cell of the notebook carries the tag ``exercise-01.1``.
"""

from __future__ import annotations

import copy
import io
import re
import token
import tokenize
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.registry import nearest

TAG = "exercise-"
_IGNORED = {token.COMMENT, token.NL, token.ENCODING, token.ENDMARKER}


def load(notebook: str | Path) -> dict[str, str]:
    """The solutions that belong to a notebook file, empty when it has none.

    Raises ``ValueError`` for a file that is not a flat TOML table of text.
    """
    notebook = Path(notebook)
    path = notebook.parent / "solutions" / f"{notebook.stem}.toml"
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    for name, code in content.items():
        if not isinstance(code, str):
            raise ValueError(
                f'{path}: solution {name!r} is {type(code).__name__}, expected text (quote the id: "01.1")'
            )
    return content


def exercises(notebook: Mapping[str, Any]) -> dict[str, int]:
    """The exercises of a notebook: id to the position of the stub's cell.

    Raises ``ValueError`` when two cells carry the tag of one exercise.
    """
    found: dict[str, int] = {}
    for position, cell in enumerate(notebook["cells"]):
        for tag in cell.get("metadata", {}).get("tags", []):
            if tag.startswith(TAG):
                name = tag.removeprefix(TAG)
                if name in found:
                    raise ValueError(f"cells {found[name]} and {position} are both tagged {tag!r}")
                found[name] = position
    return found


def inject(notebook: Mapping[str, Any], solutions: Mapping[str, str]) -> Any:
    """A copy of the notebook with every stub replaced by its solution.

    Raises ``ValueError`` for an exercise without a solution, and for a solution without an exercise.

    >>> cell = {"cell_type": "code", "metadata": {"tags": ["exercise-01.1"]}, "source": "answer = ..."}
    >>> inject({"cells": [cell]}, {"01.1": "answer = 4"})["cells"][0]["source"]
    'answer = 4'
    """
    stubs = exercises(notebook)
    for name in solutions:
        if name not in stubs:
            raise ValueError(f"solution {name!r} has no cell tagged {TAG + name!r}: {nearest(name, stubs)}")
    unsolved = sorted(set(stubs) - set(solutions))
    if unsolved:
        raise ValueError(f"no solution for exercise {', '.join(unsolved)}; add it to the notebook's file of solutions")
    solved = copy.deepcopy(notebook)
    for name, position in stubs.items():
        solved["cells"][position]["source"] = solutions[name].strip("\n")
    return solved


def verify(notebook: Mapping[str, Any], solutions: Mapping[str, str]) -> list[str]:
    """What is wrong between stubs and solutions: each stub must be its solution with parts replaced by ``...``.

    Comments do not count. Returns one sentence per problem.
    """
    stubs = exercises(notebook)
    problems = [f"solution {name} has no cell tagged {TAG}{name}" for name in solutions if name not in stubs]
    for name, position in stubs.items():
        source = notebook["cells"][position]["source"]
        stub = source if isinstance(source, str) else "".join(source)
        if name not in solutions:
            problems.append(f"exercise {name} has no solution")
        elif "..." not in stub:
            problems.append(f"exercise {name} leaves nothing out: its cell holds no dots")
        elif not elides(stub, solutions[name]):
            problems.append(f"exercise {name}: its cell is not the solution with parts left out")
    return problems


def elides(stub: str, solution: str) -> bool:
    """Whether the stub is the solution with parts replaced by dots.

    >>> elides("def f(x):\\n    return ...", "def f(x):\\n    return x + 1  # one more")
    True
    >>> elides("y = ... + 2", "y = x * 2")
    False
    """
    try:
        words = [_words(stub), _words(solution)]
    except (tokenize.TokenError, SyntaxError):
        return False
    pattern = "".join("(?:.+?\0)" if word == "..." else re.escape(word + "\0") for word in words[0])
    return re.fullmatch(pattern, "".join(word + "\0" for word in words[1]), flags=re.DOTALL) is not None


def _words(source: str) -> list[str]:
    """The code as tokens, with layout that has no meaning left out."""
    tokens = tokenize.generate_tokens(io.StringIO(source.strip("\n") + "\n").readline)
    return [
        token.tok_name[t.type] if t.type in (token.INDENT, token.DEDENT, token.NEWLINE) else t.string
        for t in tokens
        if t.type not in _IGNORED
    ]
