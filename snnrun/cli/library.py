"""`snnrun library`."""

from __future__ import annotations

from dataclasses import asdict

from snnrun.cli.render import put, put_json, say
from snnrun.cli.tables import Column, write_table
from snnrun.spec.library import library_model, library_models


def show_library(name: str | None, *, json: bool) -> None:
    """List the models of the library, or print the file of one.

    Raises:
        ExperimentError: There is no such model.
    """
    if json:
        models = library_models() if name is None else [library_model(name)]
        put_json({"models": [asdict(model) for model in models]})
        return
    if name is not None:
        put(library_model(name).text.rstrip("\n"))
        return
    models = library_models()
    write_table(
        [
            Column("model", [model.name for model in models]),
            Column("under", [model.section for model in models]),
            Column("what it is", [model.description.partition(". ")[0].rstrip(".") for model in models]),
        ]
    )
    say("snnrun library NAME prints a model: its equations, parameters and references")
