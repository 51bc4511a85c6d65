"""A document against the models: codes `FMT2xx`, all problems at once.

FMT201  a key without a value
FMT202  a key is missing
FMT203  an unknown key
FMT204  an unknown choice (`kind`, `method`, ...)
FMT205  the wrong kind of value
FMT206  the wrong number of items
FMT207  a name that cannot be one
FMT208  keys that do not go together
FMT209  an option that this kind of plot does not have
FMT210  an unknown version of the format
FMT211  a value that nothing reads
FMT212  more errors than are shown
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from snnrun.errors import MOST_ERRORS, Diagnostic, Report, did_you_mean
from snnrun.source import Span
from snnrun.spec import connect_advice, foreign_words, nodes
from snnrun.spec.document import Document
from snnrun.spec.forms import Form, field_of, form_at, keys_of, tagged_branches, unwrap
from snnrun.spec.models import Experiment, NamedRule, Rule, Run
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode, describe, dotted
from snnrun.spec.read_values import unread
from snnrun.spec.rules import check_rules
from snnrun.spec.values import ABOUT

_KEY: Final = "[key]"


def parse_experiment(document: Document) -> Experiment:
    """The experiment of a document.

    Raises:
        ExperimentError: With every key that is unknown, missing or holds the wrong kind of value.
    """
    report = Report()
    empty = frozenset(empty_values(document))
    for path in empty_values(document):
        report.error(
            "FMT201", f"`{dotted(path)}` has no value", document.key_span(path), "give it a value or remove it"
        )
    experiment = _validated(document)
    if not isinstance(experiment, Experiment):
        renamed = misspelt(experiment)
        meant = {(*path[:-1], word) for path, word in renamed.items()}
        for problem in experiment:
            # A key that is missing because its name is misspelt is one mistake, not two.
            if problem.kind != "missing" or problem.path not in meant:
                problem.report(report, empty)
        document = document.with_keys(renamed)
    check_rules(document, report)
    Report(sorted(report.items, key=place_of)).stop_if_errors()
    assert isinstance(experiment, Experiment)
    return experiment


def _validated(document: Document) -> Experiment | list[Problem]:
    try:
        return Experiment.model_validate(_without_empty(document.root))
    except ValidationError as failure:
        return [Problem(document, error) for error in failure.errors(include_url=False)[:MOST_ERRORS]]


def misspelt(problems: Sequence[Problem]) -> dict[nodes.Path, str]:
    """The misspelt keys, and what they are taken for."""
    return {problem.path: word for problem in problems if (word := problem.meant())}


def problems_of(document: Document) -> list[Problem]:
    """What is wrong with the form of a document, beside values that are empty."""
    found = _validated(document)
    return [] if isinstance(found, Experiment) else found


_FOR_READERS: Final = frozenset({"version", "name", "extends", *ABOUT})  # and for the results


def refuse_unread(document: Document, experiment: Experiment, *, but: Sequence[str] = (), only: str = "") -> None:
    """Refuse values of the file that were not read while it was checked: they would do nothing.

    Args:
        document: The file.
        experiment: Its models.
        but: Sections that are read later.
        only: The section that has been read; all unless given.

    Raises:
        ExperimentError: FMT211, for each.
    """
    if document.read_values is None:
        return
    report = Report()
    for path in unread(document.read_values, experiment):
        section = str(path[0])
        if section in _FOR_READERS or section in but or (only and section != only) or not document.has(path):
            continue
        message = f"`{dotted(path)}` does nothing here: nothing that runs reads it"
        report.error("FMT211", message, document.key_span(path), "remove it, or give what it belongs to")
    report.stop_if_errors()


def place_of(item: Diagnostic) -> tuple[str, int]:
    """The order of diagnostics: by file, then from top to bottom."""
    return ("", -1) if item.span is None else (item.span.file.name, item.span.start)


def empty_values(document: Document) -> Iterator[nodes.Path]:
    """The places of keys and items without a value."""
    return (path for path, node in document.walk() if isinstance(node, ScalarNode) and node.value is None)


def _without_empty(node: Node) -> Any:
    """Plain data without the keys that have no value (they are reported already)."""
    match node:
        case ScalarNode(value=value):
            return value
        case ListNode(items=items):
            return [_without_empty(item) for item in items]
        case MapNode(entries=entries):
            return {
                key: _without_empty(entry.value)
                for key, entry in entries.items()
                if not (isinstance(entry.value, ScalarNode) and entry.value.value is None)
            }


class Problem:
    """One error of pydantic in the language of the file.

    Args:
        document: The document.
        error: What pydantic says.
    """

    def __init__(self, document: Document, error: ErrorDetails) -> None:
        self.document = document
        self.kind = error["type"]
        self.context: dict[str, Any] = error.get("ctx", {})
        self.message = error["msg"]
        location = error["loc"]
        self.about_key = bool(location) and location[-1] == _KEY
        self.location = location[:-1] if self.about_key else location
        self.path = self._path()
        self.node = document.find(self.path)

    def _path(self) -> nodes.Path:
        """The path in the document: the location without the tags of forms."""
        path: nodes.Path = ()
        last = len(self.location) - 1
        for number, step in enumerate(self.location):
            is_tag = isinstance(step, str) and step.startswith("<") and step.endswith(">")
            if self.document.has((*path, step)) or (not is_tag and number == last):
                path = (*path, step)
        return path

    @property
    def name(self) -> str:
        """The place in words."""
        return f"`{dotted(self.path)}`" if self.path else "the experiment"

    @property
    def form(self) -> Form:
        """What the models say about the place."""
        return form_at(Experiment, self.location)

    @property
    def span(self) -> Span:
        """The place of the value."""
        return _first_line(self.document, self.path)

    def report(self, report: Report, empty: frozenset[nodes.Path]) -> None:
        """Add the error to a report, unless the place has no value, which is reported already."""
        if self.path in empty:
            return
        if self.about_key:
            message = f"`{self.path[-1]}` {self.message}"
            report.error("FMT207", message, self.document.key_span(self.path), self.context.get("help"))
            return
        match self.kind:
            case "missing":
                self._missing(report)
            case "extra_forbidden":
                self._unknown_key(report)
            case "union_tag_invalid" | "union_tag_not_found":
                self._no_such_form(report)
            case "enum" | "literal_error":
                self._unknown_choice(report)
            case "too_short" | "too_long":
                self._wrong_length(report)
            case "snn_empty":
                report.error("FMT201", f"{self.name} is an empty text", self.span, "give it a value or remove it")
            case "snn_name":
                message = f"`{_shown(self.node)}` {self.message}"
                report.error("FMT207", message, self.span, self.context.get("help"))
            case _:
                self._wrong_shape(report)

    def meant(self) -> str | None:
        """The key that an unknown one is probably a misspelling of."""
        if self.kind != "extra_forbidden" or self.form.owner is None:
            return None
        key, known = str(self.path[-1]), keys_of(self.form.owner)
        advice = foreign_words.of_key(key, known) or did_you_mean(key, known)
        return advice.split("`")[1] if advice and advice.startswith("did you mean") else None

    def _missing(self, report: Report) -> None:
        key = str(self.path[-1])
        parent = self.path[:-1]
        field = self.form.field
        advice = f"`{key}`: {field.description}" if field and field.description else f"add `{key}: ...`"
        if key == "version":
            advice = "begin the file with `version: 1`"
        owner = f"`{dotted(parent)}`" if parent else "the experiment"
        span = self.document.key_span(parent) if parent else self.document.top_span()
        report.error("FMT202", f"{owner} needs `{key}`", span, advice)

    def _unknown_key(self, report: Report) -> None:
        key = str(self.path[-1])
        form = self.form
        known = keys_of(form.owner) if form.owner else []
        others = [other for model in form.siblings for other in keys_of(model)]
        of_rule = connect_advice.of_key(key, known) if self.form.owner and issubclass(self.form.owner, Rule) else None
        of_run = f"write `run.{key}`, which holds for the whole run" if key in keys_of(Run) else None
        advice = (
            of_rule
            or foreign_words.of_key(key, known)
            or of_run
            or did_you_mean(key, known)
            or did_you_mean(key, others)
        )
        if key in others and key not in known:
            advice = f"`{key}` belongs to another form of this; here the keys are: {', '.join(known)}"
        where = f"`{dotted(self.path[:-1])}`" if len(self.path) > 1 else "an experiment"
        message = f"`{key}` is not a key of {where}"
        report.error(
            "FMT203", message, self.document.key_span(self.path), advice or f"its keys are: {', '.join(known)}"
        )

    def _no_such_form(self, report: Report) -> None:
        """The value has none of its possible forms: a wrong `kind`, or a map where a text is expected."""
        tags = [tag.strip("<>") for tag in tagged_branches(unwrap(self.form.kind))]
        shapes = {"one": "a text or a number", "list": "a list", "map": "a map"}
        if isinstance(self.node, MapNode) and "file" in self.node.entries and "linspace" in tags:
            message = f"{self.name} cannot be read from a file"
            report.error("FMT205", message, self.document.key_span((*self.path, "file")), self._description())
        elif isinstance(self.node, MapNode) and "kind" in self.node.entries and "one" not in tags:
            self._report_choice(report, (*self.path, "kind"), "kind", tags)
        elif isinstance(self.node, MapNode) and "one" not in tags and "list" not in tags:
            advice = f"add `kind: {tags[0]}`, or one of {', '.join(tags[1:])}"
            report.error("FMT202", f"{self.name} needs `kind`", self.document.key_span(self.path), advice)
        else:
            wanted = [shapes[tag] for tag in tags if tag in shapes]
            if len(wanted) < len(tags) and "map" not in tags:
                wanted.append("a map")
            self._report_shape(report, f"must be {_either(wanted)}")

    def _unknown_choice(self, report: Report) -> None:
        if self.path == ("version",):
            message = f"version {_shown(self.node)} of the format is not known"
            report.error("FMT210", message, self.span, "this program reads `version: 1`")
            return
        kind = unwrap(self.form.kind)
        values = getattr(kind, "__members__", None)
        choices = [str(member.value) for member in values.values()] if values else [str(a) for a in kind.__args__]
        if kind is NamedRule and isinstance(self.node, ScalarNode):
            self._unknown_rule(report, choices)
            return
        self._report_choice(report, self.path, str(self.path[-1]), choices)

    def _unknown_rule(self, report: Report, choices: list[str]) -> None:
        word = _shown(self.node)
        near = connect_advice.of_word(word) or did_you_mean(word, choices)
        if self.path[-1] == "rule" and near is None:
            near = f"`rule` is {' or '.join(f'`{c}`' for c in choices)}; other rules have keys of their own"
        report.error(
            "FMT204", f"`{word}` is not a connection rule", self.span, near or f"a rule is {connect_advice.RULES}"
        )

    def _report_choice(self, report: Report, path: nodes.Path, key: str, choices: list[str]) -> None:
        node = self.document.find(path)
        span = _first_line(self.document, path)
        if node is None or isinstance(node, MapNode | ListNode):
            found = describe(node) if node else "missing"
            report.error("FMT205", f"`{dotted(path)}` must be one of {', '.join(choices)}, this is {found}", span)
            return
        word = _shown(node)
        near = foreign_words.of_value(word, choices) or did_you_mean(word, choices)
        known = f"known: {', '.join(choices)}"
        label = f"item {key}" if key.isdigit() else f"`{key}`"
        report.error("FMT204", f"`{word}` is not a known {label}", span, f"{near} {known}" if near else known)

    def _wrong_length(self, report: Report) -> None:
        wanted = self.context.get("min_length", self.context.get("max_length"))
        found = len(nodes.items(self.node)) if self.node is not None else 0
        most = self.context.get("max_length")
        if found == 0:
            message = f"{self.name} is empty"
        elif "min_length" not in self.context and most is not None and most > 2:
            message = f"{self.name} has {found:,} items, at most {most:,} are possible"
        else:
            items = "1 item" if wanted == 1 else f"{wanted} items"
            message = f"{self.name} must have {items}, this has {found}"
        report.error("FMT206", message, self.span, self._description())

    def _wrong_shape(self, report: Report) -> None:
        match self.kind:
            case "model_type" | "model_attributes_type" | "dict_type":
                wanted = "must be a map of keys"
            case "list_type":
                wanted = "must be a list"
            case "snn_shape" | "snn_flag" | "snn_range":
                wanted = self.message
            case _:
                wanted = "has the wrong kind of value"
        self._report_shape(report, wanted)

    def _report_shape(self, report: Report, wanted: str) -> None:
        found = describe(self.node) if self.node is not None else "missing"
        if isinstance(self.node, ScalarNode) and self.node.value is not None:
            shown = _shown(self.node)
            found = f"`{shown}`" if len(shown) <= 40 and "\n" not in shown else found
        message = f"{self.name} {wanted}, this is {found}"
        report.error("FMT205", message, self.span, self._description())

    def _description(self) -> str | None:
        """What the format says about the key, as help."""
        for end in range(len(self.location), 0, -1):
            form = form_at(Experiment, self.location[:end])
            if form.field is not None and form.field.description:
                key = next((str(s) for s in reversed(self.location[:end]) if _is_key(form, s)), None)
                return f"`{key}`: {form.field.description}" if key else form.field.description
        return None


def _is_key(form: Form, step: str | int) -> bool:
    return isinstance(step, str) and form.owner is not None and field_of(form.owner, step) is form.field


def _first_line(document: Document, path: nodes.Path) -> Span:
    """The place of a value; that of its key when the value is a block on lines of its own."""
    if not document.has(path):
        return document.nearest_span(path)
    span, key = document.span(path), document.key_span(path)
    is_block = "\n" in span.file.text[span.start : span.end] or (key.file is span.file and key.line != span.line)
    return (key if path and isinstance(path[-1], str) else _one_line(span)) if is_block else span


def _one_line(span: Span) -> Span:
    return Span(span.file, span.start, span.start + len(span.file.text[span.start : span.end].split("\n")[0].rstrip()))


def _shown(node: Node | None) -> str:
    """A scalar as it stands in the file, shortened."""
    if not isinstance(node, ScalarNode):
        return "" if node is None else describe(node)
    word = node.literal.replace("\n", " ")
    return word if len(word) <= 60 else word[:57] + "..."


def _either(words: list[str]) -> str:
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"
