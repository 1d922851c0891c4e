"""``labkit list``: what is in the registries."""

from __future__ import annotations

import click

from labkit.registry import nearest

_PRUNING = {"scores": "score", "policies": "policy", "selectors": "selector", "methods": "dynamic"}
_SHOWN = {  # columns of a kind in words; of the others the first four
    "forms": ["name", "aliases", "columns", "parameters"],
    "laws": ["name", "form", "constants", "source"],
}
_KINDS = ("claims", "datasets", "forms", "laws", "models", "notebooks", *_PRUNING)


class Kind(click.ParamType):
    """One of the kinds of entries."""

    name = "kind"

    def get_missing_message(self, param, ctx):
        return f"Give one of {', '.join(_KINDS)}."

    def convert(self, value, param, ctx):
        if value not in _KINDS:
            raise click.UsageError(f"unknown kind {value!r}: {nearest(value, _KINDS)}", ctx)
        return value


def _frame(kind: str):
    import pandas as pd

    if kind == "datasets":
        from labkit import datasets

        return datasets.available()
    if kind == "models":
        from labkit import models

        return models.available()
    if kind == "forms":
        from labkit import laws

        return laws.forms()
    if kind == "laws":
        from labkit import laws

        return laws.published()[["name", "form", "units", "source", "note", "parameters"]]
    if kind == "claims":
        from labkit import results

        return results.claims()
    if kind in _PRUNING:
        from labkit import pruning

        return pruning.available(_PRUNING[kind]).drop(columns="kind")
    from labkit import places

    names = sorted(path.stem for path in places.notebooks().glob("[0-9]*.ipynb"))
    return pd.DataFrame({"notebook": names})


@click.command(
    "list",
    epilog="""\b
Examples:
  labkit list forms
  labkit list laws
  labkit list datasets --json""",
)
@click.argument("kind", type=Kind())
@click.option("--json", "as_json", is_flag=True, help="Print every column as JSON.")
def listing(kind, as_json):
    """List the entries of one KIND: claims, datasets, forms, laws (published, with their constants), models, notebooks;
    to prune with: scores, policies, selectors, methods (dynamic)."""
    frame = _frame(kind)
    if as_json:
        click.echo(frame.to_json(orient="records", indent=2, default_handler=str))
        return
    if kind == "laws":
        frame["constants"] = frame["parameters"].map(lambda values: " ".join(f"{k}={v:g}" for k, v in values.items()))
    shown = frame[_SHOWN.get(kind, list(frame.columns[:4]))]
    click.echo(shown.to_string(index=False, max_colwidth=60))
