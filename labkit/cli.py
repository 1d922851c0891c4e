"""The command line: verbs are looked up by name, so ``labkit --help`` loads nothing heavy.

Exit codes: 0 fine, 1 a notebook (or a widget in it) raised, 2 wrong arguments or parameters, 3 drift,
4 over budget, 5 interrupted and resumable, 6 no acceptable fit, 138 kernel killed.
"""

from __future__ import annotations

import importlib
import sys

import click

from labkit import __version__, places
from labkit.registry import nearest

_VERBS = {
    "accept": ("labkit.commands.drift", "accept"),
    "check": ("labkit.commands.drift", "check"),
    "doctor": ("labkit.commands.doctor", "doctor"),
    "fit": ("labkit.commands.curves", "fit"),
    "forecast": ("labkit.commands.curves", "forecast"),
    "lab": ("labkit.commands.lab", "lab"),
    "list": ("labkit.commands.listing", "listing"),
    "notebooks": ("labkit.commands.notebooks", "notebooks"),
    "prune": ("labkit.commands.prune", "prune"),
    "report": ("labkit.commands.report", "report"),
    "sweep": ("labkit.commands.sweep", "sweep"),
}
# What others call what is part of another verb here.
_WITHIN = {
    "plan": "labkit forecast FILE --target VALUE plans",
    "compare": "labkit forecast FILE --report compares forms",
    "backtest": "labkit forecast FILE --report tests forms on the file's own end",
    "advise": "labkit prune FILE --advise advises",
    "run": "labkit report NOTEBOOK runs a notebook, labkit sweep FILE a sweep",
}


class Verbs(click.Group):
    """A group that imports a verb's module only when the verb is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        module, attribute = _VERBS[name]
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and not args[0].startswith("-") and args[0] not in _VERBS:
            advice = _WITHIN.get(args[0]) or nearest(args[0], _VERBS)
            raise click.UsageError(f"unknown verb {args[0]!r}: {advice}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Examples:
  labkit report                                     every notebook, as pages that open offline
  labkit forecast errors.csv --x examples --y error --at 1e6
  labkit lab                                        the lessons, in JupyterLab""",
)
@click.version_option(__version__, prog_name="labkit")
def group() -> None:
    """How error falls with data, parameters and compute: run the lessons, fit and forecast your own curves."""


def main() -> None:
    """Run the command line; what the library refuses and what the system denies is a sentence and exit code 2."""
    places.settle()
    try:
        group.main(prog_name="labkit", standalone_mode=False)
    except click.exceptions.Exit as finished:
        sys.exit(finished.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "Interrupted: run the same command again; points and runs that were finished are not done twice.", err=True
        )
        sys.exit(5)
    except (ValueError, TypeError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
