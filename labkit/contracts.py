"""One suite of checks for every kind of registry entry: ours must pass it, and so must a reader's own."""

from __future__ import annotations

from typing import Any


def check(entry: Any, **options: Any) -> None:
    """Hold a form, a dataset entry, a model, or anything to prune with to the contract of its kind.

    Arguments:
        entry: a ``labkit.laws.Form``, a ``labkit.datasets.Entry``, a model class or specification, or a
            ``labkit.pruning.Score``, ``Policy``, ``Selector`` or ``Dynamic``.
        options: for a dataset entry, the options to load it with; for anything to prune with, its options.

    Raises ``AssertionError`` with a plain sentence for the first promise that is not kept, ``TypeError`` for something
    that has no contract.

    >>> from labkit import laws
    >>> check(laws.get("power"))
    >>> check("power")
    Traceback (most recent call last):
    TypeError: 'power' has no contract: expected a law's form, a dataset entry, a model, or a score, policy, selector or
    dynamic method of pruning
    """
    from labkit import laws

    # Laws and datasets load without torch, so they are asked first.
    if isinstance(entry, laws.Form):
        from labkit.laws import contract as laws_contract

        return laws_contract.check(entry, **options)
    from labkit import datasets

    if isinstance(entry, datasets.Entry):
        from labkit.datasets import contract as datasets_contract

        return datasets_contract.check(entry, **options)
    from labkit import models

    if isinstance(entry, models.Model) or (isinstance(entry, type) and issubclass(entry, models.Model)):
        from labkit.models import contract as models_contract

        return models_contract.check(entry, **options)
    from labkit import pruning

    if isinstance(entry, pruning.Score):
        from labkit.pruning import contract as pruning_contract

        return pruning_contract.check(entry, **options)
    if isinstance(entry, pruning.Policy | pruning.Selector):
        from labkit.pruning import rules_contract

        return rules_contract.check(entry, **options)
    if isinstance(entry, pruning.Dynamic):
        from labkit.pruning.methods import contract as methods_contract

        return methods_contract.check(entry, **options)
    raise TypeError(
        f"{entry!r} has no contract: expected a law's form, a dataset entry, a model, or a score, policy, selector or "
        "dynamic method of pruning"
    )
