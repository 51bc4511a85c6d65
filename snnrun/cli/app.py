"""Typer as this program uses it: help that cuts no sentence, and completion that reads no value."""

from __future__ import annotations

from collections.abc import Callable
from itertools import dropwhile
from typing import Any

import typer
import typer.core


class App(typer.Typer):
    """Commands whose help names arguments by their metavar alone."""

    def command(  # type: ignore[override]
        self, name: str | None = None, **settings: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a command, as `typer.Typer.command` does."""
        return super().command(name, **{"cls": Command, **settings})


class Command(typer.core.TyperCommand):
    """One command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Sort words into arguments and options; to complete one, they are kept as they are, which needs no types."""
        if not ctx.resilient_parsing:
            ctx.obj.command = ctx.command_path.partition(" ")[2]
            return super().parse_args(ctx, args)
        ctx._opt_prefixes.update(("-", "--"))  # noqa: SLF001 - how the beginning of an option is told from a value
        ctx.args = args
        return args

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line after the name of the command."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(name if p.required else f"[{name}]" for p in arguments if (name := _name(p)))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and parameter.param_type_name == "argument":
                rows["Arguments"].append((_name(parameter), record[1]))
            elif record is not None:
                rows["Options"].append(record)
        for title, found in rows.items():
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)


def _name(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return f"{name}..." if argument.nargs == -1 else str(name)


class Commands(typer.core.TyperGroup):
    """The commands, listed with whole sentences however narrow the terminal is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the options before the command, all of them flags; to complete a word, they are left out."""
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        ctx.args = list(dropwhile(lambda word: word.startswith("-"), args))
        return args

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.help or "") for name, c in commands if c is not None and not c.hidden])
