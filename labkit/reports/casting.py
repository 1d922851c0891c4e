"""Values given as text or as Python objects, cast to what an annotation says.

Annotations are read as syntax and never evaluated, so a notebook's parameters cell cannot run code here. Known:
``int float bool str None Any list[...] tuple[...] dict[...] Literal[...]``, their unions, ``Optional`` and ``Union``.
"""

from __future__ import annotations

import ast
import math
from typing import Any

_YES, _NO, _NONE = ("true", "yes", "1", "on"), ("false", "no", "0", "off"), ("none", "null", "")
_BRACKETS = {"list": "[]", "tuple": "()"}


class Mismatch(ValueError):
    """A value does not fit its annotation."""


def literal(text: str) -> Any:
    """A Python literal; ``nan`` and ``inf`` count as numbers.

    >>> literal("[1e-3, nan]")
    [0.001, nan]
    """
    tree = ast.parse(text.strip(), mode="eval")
    return _value(tree.body)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id.lower() in ("nan", "inf"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.List | ast.Tuple):
        values = [_value(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "float" and len(node.args) == 1:
        return float(ast.literal_eval(node.args[0]))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise Mismatch(f"{ast.unparse(node)!r} is not a literal") from None


def source(value: Any) -> str:
    """The value as Python source that needs no import, ``nan`` and ``inf`` included.

    >>> source([1e-3, float("nan"), ("a",)])
    "[0.001, float('nan'), ('a',)]"
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(source, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{source(key)}: {source(item)}' for key, item in value.items())}}}"
    return repr(value)


def cast(given: Any, annotation: str) -> Any:
    """The given value as the annotation wants it; text is parsed, anything else is checked.

    Raises ``Mismatch`` when it does not fit.

    >>> cast("false", "bool"), cast("1e-3", "float"), cast("1_000", "int | None"), cast("3,4", "list[int]")
    (False, 0.001, 1000, [3, 4])
    >>> cast("oops", "int | None")
    Traceback (most recent call last):
    labkit.reports.casting.Mismatch: expected int | None, got 'oops'
    """
    node = ast.parse(annotation, mode="eval").body
    try:
        return _cast(given, node)
    except (Mismatch, SyntaxError, OverflowError, RecursionError):
        raise Mismatch(f"expected {annotation}, got {given!r}") from None


def example(annotation: str) -> str:
    """A text that ``cast`` takes for the annotation, for error messages.

    >>> example("int | None"), example("list[float]"), example("Literal['sgd', 'adam']")
    ('3', '0.1,0.1', 'sgd')
    """
    return _example(ast.parse(annotation, mode="eval").body)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return "None" if node.value is None else repr(node.value)
    base = node.value if isinstance(node, ast.Subscript) else node
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", ast.unparse(base))


def _arguments(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _members(node: ast.expr) -> list[ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*(_members(node.left) or [node.left]), *(_members(node.right) or [node.right])]
    if _name(node) == "Union":
        return _arguments(node)
    if _name(node) == "Optional":
        return [*_arguments(node), ast.Constant(None)]
    return None


def _cast(given: Any, node: ast.expr) -> Any:
    members = _members(node)
    if members is not None:
        return _cast_union(given, members)
    name = _name(node)
    if name == "Literal":
        return _cast_literal(given, node)
    if name in ("list", "List", "tuple", "Tuple"):
        return _cast_sequence(given, name.lower(), _arguments(node))
    if name in ("dict", "Dict"):
        return _cast_dict(given, _arguments(node))
    try:
        return _SCALARS[name](given)
    except KeyError:
        raise Mismatch(f"annotation {name} is not known") from None


def _cast_union(given: Any, members: list[ast.expr]) -> Any:
    # Text says what it is only by its look: try what is narrow first and str, which takes anything, last.
    order = ["None", "int", "float", "bool"]
    key = lambda node: order.index(_name(node)) if _name(node) in order else 5 + (_name(node) == "str")  # noqa: E731
    for member in sorted(members, key=key) if isinstance(given, str) else members:
        try:
            return _cast(given, member)
        except Mismatch:
            continue
    raise Mismatch("no member fits")


def _cast_literal(given: Any, node: ast.expr) -> Any:
    options = [_value(option) for option in _arguments(node)]
    for option in options:
        if (given == option and type(given) is type(option)) or (isinstance(given, str) and given == str(option)):
            return option
    raise Mismatch("not one of the options")


def _cast_sequence(given: Any, kind: str, arguments: list[ast.expr]) -> Any:
    items = _split(given, kind) if isinstance(given, str) else given
    if not isinstance(items, list | tuple):
        raise Mismatch("not a sequence")
    if kind == "tuple" and arguments and not (len(arguments) == 2 and _name(arguments[1]) == "Ellipsis"):
        if len(items) != len(arguments):
            raise Mismatch("wrong length")
        return tuple(_cast(item, argument) for item, argument in zip(items, arguments, strict=True))
    element = arguments[0] if arguments else ast.Name("Any")
    return (list if kind == "list" else tuple)(_cast(item, element) for item in items)


def _split(text: str, kind: str) -> Any:
    """The items of ``[1, 2]``, of ``1,2`` and of ``a,b``."""
    try:
        value = literal(text)
        return value if isinstance(value, list | tuple) else [text]
    except (Mismatch, SyntaxError, ValueError):
        inner = text.strip()
        if inner[:1] + inner[-1:] in ("[]", "()"):
            inner = inner[1:-1]
        return [item.strip() for item in inner.split(",") if item.strip()]


def _cast_dict(given: Any, arguments: list[ast.expr]) -> dict:
    value = _parsed(given)
    if not isinstance(value, dict):
        raise Mismatch("not a dict")
    key, item = arguments if len(arguments) == 2 else (ast.Name("Any"), ast.Name("Any"))
    return {_cast(name, key): _cast(content, item) for name, content in value.items()}


def _parsed(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return literal(given)
    except (SyntaxError, ValueError):
        raise Mismatch("not a literal") from None


def _int(given: Any) -> int:
    value = _number(given)
    if isinstance(value, float):
        if not math.isfinite(value) or value != int(value) or not isinstance(given, str):
            raise Mismatch("not a whole number")
        return int(value)  # the text 1e5 is a whole number too
    return value


def _float(given: Any) -> float:
    return float(_number(given))


def _number(given: Any) -> int | float:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise Mismatch("not a number")
    if not isinstance(given, str):
        return given
    for parse in (int, float):
        try:
            return parse(given)
        except ValueError:
            continue
    raise Mismatch("not a number")


def _bool(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.strip().lower() in _YES + _NO:
        return given.strip().lower() in _YES
    raise Mismatch("not true or false")


def _str(given: Any) -> str:
    if not isinstance(given, str):
        raise Mismatch("not text")
    return given


def _none(given: Any) -> None:
    if given is not None and not (isinstance(given, str) and given.strip().lower() in _NONE):
        raise Mismatch("not None")


def _any(given: Any) -> Any:
    try:
        return _parsed(given)
    except Mismatch:
        return given


_SCALARS = {"int": _int, "float": _float, "bool": _bool, "str": _str, "None": _none, "Any": _any, "object": _any}


def _example(node: ast.expr) -> str:
    members = _members(node)
    if members:
        node = next((member for member in members if _name(member) != "None"), members[0])
    arguments, name = _arguments(node), _name(node)
    if name == "Literal":
        return str(_value(arguments[0]))
    if name.lower() in _BRACKETS:
        element = _example(arguments[0]) if arguments else "1"
        return f"{element},{element}"
    if name.lower() == "dict":
        return '{"name": 1}'
    return {"int": "3", "float": "0.1", "bool": "true", "str": "text", "None": "None"}.get(name, "1")
