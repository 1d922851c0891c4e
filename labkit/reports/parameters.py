"""The parameters of a notebook: read from its ``parameters`` cell, and given values cast or refused.

papermill takes an unknown parameter with a warning and passes ``false`` on as a string that is true; here both are
refused or cast before anything runs.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.registry import nearest

from .casting import Mismatch, cast, example, literal
from .outcome import Reason

TAG = "parameters"


class ParameterError(ValueError):
    """A parameter cannot be given as it was; ``reason`` says whether its name or its value is at fault."""

    exit_code = 2

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell; ``help`` is its trailing comment."""

    name: str
    annotation: str
    default: Any
    help: str = ""


def read(notebook: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters a notebook declares, by name, in their order.

    ``notebook``: the notebook as nbformat or json reads it. A line without annotation has that of its default.
    Raises ``ParameterError`` where two cells are tagged or a line is anything but a literal assignment.

    >>> source = "seeds: int | None = None  # repeats"
    >>> read({"cells": [{"metadata": {"tags": ["parameters"]}, "source": source}]})["seeds"]
    Parameter(name='seeds', annotation='int | None', default=None, help='repeats')
    """
    cells = [cell for cell in notebook["cells"] if TAG in cell.get("metadata", {}).get("tags", [])]
    if len(cells) > 1:
        message = f"{len(cells)} cells are tagged {TAG!r}, expected one: papermill would read the first only"
        raise ParameterError(message, Reason.WRONG_TYPE)
    return _read_cell("".join(cells[0]["source"])) if cells else {}


def _read_cell(source: str) -> dict[str, Parameter]:
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ParameterError(f"the parameters cell is not Python: {error.msg}", Reason.WRONG_TYPE) from None
    comments = _comments(source)
    parameters = [_read_line(statement, comments) for statement in statements if not _is_text(statement)]
    return {parameter.name: parameter for parameter in parameters}


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _read_line(statement: ast.stmt, comments: dict[int, str]) -> Parameter:
    target, annotation = None, None
    if isinstance(statement, ast.AnnAssign):
        target, annotation = statement.target, ast.unparse(statement.annotation)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    try:
        if not isinstance(target, ast.Name) or statement.value is None:
            raise Mismatch
        default = literal(ast.unparse(statement.value))
    except (Mismatch, ValueError):
        message = (
            f"line {statement.lineno} of the parameters cell, {ast.unparse(statement)!r}, is not a literal assignment: "
            "a value derived there would keep its default when another one changes; derive it in a later cell"
        )
        raise ParameterError(message, Reason.WRONG_TYPE) from None
    annotation = annotation or ("Any" if default is None else type(default).__name__)
    return Parameter(target.id, annotation, default, comments.get(statement.end_lineno, ""))


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def resolve(
    declared: Mapping[str, Parameter], given: Mapping[str, Any], in_presets: Collection[str] = (), presets: str = ""
) -> dict[str, Any]:
    """The given values, each cast to its parameter's annotation.

    Raises ``ParameterError`` for a name that is not declared, with the nearest that is, or with the way to change it
    where it is one of those ``in_presets``, the file of which is called ``presets``; and for a value that does not
    fit, with what was expected and an example.

    >>> resolve({"fast": Parameter("fast", "bool", True)}, {"fast": "no"})
    {'fast': False}
    >>> resolve({"seeds": Parameter("seeds", "int", 3)}, {"seed": 3})
    Traceback (most recent call last):
    labkit.reports.parameters.ParameterError: no parameter 'seed': did you mean 'seeds'? Known: seeds
    """
    values = {}
    for name, value in given.items():
        if name not in declared and name in in_presets:
            raise ParameterError(
                f"{name!r} stands in presets/{presets} alone: copy a table there under a name of your own, change "
                f"{name} in it, and run that preset",
                Reason.UNKNOWN_PARAMETER,
            )
        if name not in declared:
            raise ParameterError(f"no parameter {name!r}: {nearest(name, declared)}", Reason.UNKNOWN_PARAMETER)
        annotation = declared[name].annotation
        try:
            values[name] = cast(value, annotation)
        except Mismatch as error:
            message = f"parameter {name}: {error}; for example {name}={example(annotation)}"
            raise ParameterError(message, Reason.WRONG_TYPE) from None
    return values
