"""`snnrun new` and `snnrun units`."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from snnrun.cli.render import put, put_json, say
from snnrun.cli.tables import Column, write_table
from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.errors import Diagnostic, ExperimentError, StorageError, did_you_mean
from snnrun.files.writing import replacing
from snnrun.source import Text
from snnrun.units.quantities import format_quantity

_SCHEMA: Final = Path(".snnrun/experiment.schema.json")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def template_names() -> list[str]:
    """Templates that a new file can start from."""
    folder = files("snnrun.cli") / "templates"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def list_templates(*, json: bool) -> None:
    """Print the templates, each with what it shows."""
    heads = {name: _template(name).partition("\n")[0].removeprefix("# ") for name in template_names()}
    if json:
        put_json({"templates": [{"name": name, "description": head} for name, head in heads.items()]})
        return
    write_table([Column("template", list(heads)), Column("what it is", list(heads.values()))])


def new_experiment(name: str | None, like: str, *, json: bool) -> None:
    """Write NAME.yaml, and beside it the schema that editors check it with; an existing file is never written over.

    Raises:
        ExperimentError: The template is not known, or the name cannot be one.
        StorageError: The file exists.
    """
    if name is None:
        advice = "write `snnrun new NAME`; `snnrun new --list` lists the templates"
        raise ExperimentError(Diagnostic("NEW801", "the new experiment has no name", None, advice))
    stem = name.removesuffix(".yaml")
    if _NAME.fullmatch(Path(stem).name) is None:
        raise ExperimentError(
            Diagnostic(
                "NEW801", f"`{name}` cannot be the name of an experiment", None, "use letters, digits, `_`, `.` or `-`"
            )
        )
    if like not in template_names():
        known = ", ".join(template_names())
        raise ExperimentError(
            Diagnostic(
                "NEW802",
                f"there is no template `{like}`",
                None,
                did_you_mean(like, template_names()) or f"templates: {known}",
            )
        )
    target = Path(f"{stem}.yaml")
    text = re.sub(r"(?m)^name:.*$", f"name: {Path(stem).name}", _template(like), count=1)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(f"# yaml-language-server: $schema={_SCHEMA.as_posix()}\n{text}")
        _install_schema(target.parent / _SCHEMA)
    except FileExistsError:
        raise StorageError(Diagnostic("NEW803", f"`{target}` exists already", None, "choose another name")) from None
    except OSError as problem:
        raise StorageError(Diagnostic("NEW804", f"`{target}` cannot be written: {problem.strerror}")) from None
    say(f"wrote {target}\nnext: snnrun run {target}")
    if json:
        put_json({"file": str(target), "schema": str(target.parent / _SCHEMA)})


def _template(name: str) -> str:
    return (files("snnrun.cli") / "templates" / f"{name}.yaml").read_text(encoding="utf-8")


def _install_schema(path: Path) -> None:
    """Write the schema of this version.

    Raises:
        OSError: It cannot be written.
    """
    from snnrun.spec.schema import schema_text

    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(schema_text(), encoding="utf-8")


def compute_units(expression: str, to: str | None, *, json: bool) -> None:
    """Print the value of an expression of quantities.

    Raises:
        ExperimentError: The expression is wrong, or the unit is of another dimension.
    """
    typed = evaluate_quantity(expression)
    if json:
        put_json({"value": typed.value, "unit": typed.dimension.symbol})
    if to is None and not json:
        put(format_quantity(typed.value, typed.dimension, 12))
        return
    if to is None:
        return
    unit = evaluate_quantity(to)
    if unit.dimension != typed.dimension:
        raise ExperimentError(
            Diagnostic(
                "UNT901", f"`{expression}` is {typed.dimension.describe()}, `{to}` is {unit.dimension.describe()}"
            )
        )
    assert typed.exact is not None
    assert unit.exact is not None
    if unit.exact == 0:
        raise ExperimentError(Diagnostic("UNT903", f"`{to}` is zero, not a unit"))
    value = float(typed.exact / unit.exact)
    if json:
        put_json({"value": value, "unit": to})
    else:
        put(f"{value:.12g} {to}")


def evaluate_quantity(expression: str) -> Typed:
    """A constant expression without names of its own."""
    text = Text.plain(expression, "expression")
    expr = parse_expression(text)
    typed = Checker(Graph(), Scope({}, place="an expression of units")).check(expr)
    if typed.exact is None:
        raise ExperimentError(Diagnostic("UNT902", "this is a condition, not a quantity", expr.span))
    return typed
