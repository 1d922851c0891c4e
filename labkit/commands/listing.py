"""``labkit list``: what is in the registries."""

from __future__ import annotations

import click

from labkit.registry import nearest

_PRUNING = {"scores": "score", "policies": "policy", "selectors": "selector", "methods": "dynamic"}
_KINDS = ("claims", "datasets", "forms", "models", "notebooks", *_PRUNING)


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
  labkit list datasets --json""",
)
@click.argument("kind")
@click.option("--json", "as_json", is_flag=True, help="Print every column as JSON.")
def listing(kind, as_json):
    """List the entries of one KIND: claims, datasets, forms, models, notebooks; to prune with: scores, policies,
    selectors, methods (dynamic)."""
    if kind not in _KINDS:
        raise click.UsageError(f"unknown kind {kind!r}: {nearest(kind, _KINDS)}")
    frame = _frame(kind)
    if as_json:
        click.echo(frame.to_json(orient="records", indent=2, default_handler=str))
        return
    click.echo(frame.iloc[:, :4].to_string(index=False, max_colwidth=60))
