"""The vocabulary of the experiment file as pydantic models.

Every key has its description here; the JSON Schema and the format reference are made from them. The models check
shapes and fixed choices only. Units, names and expressions are the business of later stages, which also say when
something the vocabulary knows is not supported yet.

Where a key has several forms, the form is chosen by what the value looks like (a text, a list, its `kind`, its keys),
so that a mistake gives one message about the form that was meant.
"""

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Union

from pydantic import ConfigDict, Discriminator, Field, Tag
from typing_extensions import TypeAliasType

from snnrun.equations.methods.table import METHODS
from snnrun.plot_kinds import PLOT_KINDS
from snnrun.spec.values import (
    LIST_TAG,
    MAP_TAG,
    ONE_TAG,
    SPACED,
    Anything,
    AxisName,
    AxisNames,
    Column,
    Count,
    DottedPath,
    Expression,
    Expressions,
    FileStem,
    Flag,
    Identifier,
    Index,
    License,
    Linspace,
    Logspace,
    Names,
    Orcid,
    Order,
    Range,
    Reference,
    References,
    Section,
    SeedNumber,
    Sentence,
    Sentences,
    Series,
    Signature,
    Statements,
    Table,
    form_by_key,
    form_by_kind,
    shape_of,
)

# --- Choices ---------------------------------------------------------------------------------------------------------


class Method(StrEnum):
    """How differential equations are integrated: `auto`, or a method of `equations/methods/table.py`."""

    _ignore_ = "name"

    AUTO = "auto"
    for name in METHODS:
        vars()[name.upper()] = name


_TOLERANCE: Final = "Of `method: rkf45`: the relative error that each part of a step may have; 1e-6 where it is absent."

Slot = Literal["start", "groups", "thresholds", "synapses", "resets", "end"]
"""The parts of one step, in their order."""

Precision = Literal["double", "single"]
"""Floating-point numbers of the state."""

MathMode = Literal["strict", "fast"]
"""Whether the compiler may reorder arithmetic."""

Channel = Literal["red", "green", "blue", "alpha", "luminance"]
"""Which values of a picture count."""

Flip = Literal["vertical", "horizontal", "both"]
"""How a picture is mirrored."""

TimeAxis = Literal["rows", "columns", "frames"]
"""Which axis of a table is time."""

Between = Literal["previous", "linear"]
"""What a timed array is between two of its times."""


class SampleMethod(StrEnum):
    """How points are drawn from a space of parameters."""

    SOBOL = "sobol"
    LHS = "lhs"
    RANDOM = "random"


Number = Literal["float64", "float32"]
"""Floating-point numbers of recorded samples."""

Compression = Literal["none", "gzip"]
"""How recorded data are compressed."""

Keep = Literal["metrics", "results"]
"""What a sweep stores of each point."""

Duplicates = Literal["error", "merge"]
"""What becomes of two given spikes of a neuron in one step."""


class PlotKind(StrEnum):
    """The kinds of picture."""

    _ignore_ = "name"

    for name in PLOT_KINDS:
        vars()[name.upper()] = name


# --- Arrays ----------------------------------------------------------------------------------------------------------


_DT_OF_ENTRIES: Final = "Length of one entry, whole steps of the run."
_BETWEEN: Final = (
    "Values between two times: `previous` (each holds until the next time) or `linear` (on a straight line, at the "
    "stages of a method too). Before the first time and after the last one, the first and the last value hold."
)


class ValuesArray(Section):
    """A timed array written in the file."""

    values: Table = Field(
        description="Values in time order; a list of lists has one row a time, one column a neuron: `name(t, i)`. "
        "A column that does not exist is refused; one that the run computes is held to the first and the last."
    )
    unit: Expression | None = Field(None, description="Unit of the values, such as `nA`; absent: they carry their own.")
    dt: Expression | None = Field(None, description=_DT_OF_ENTRIES)
    times: Series | None = Field(
        None,
        description="Instead of `dt`: the time of each value, ascending: `[0 ms, 3 ms, 50 ms]`. A value holds from the "
        "first step at its time or after.",
    )
    between: Between = Field("previous", description=_BETWEEN)


_NUMBERS: Final = "File of numbers (csv, tsv, txt, npy, npz, parquet, h5), relative to this file."
_DATASET: Final = "Path of the dataset inside an h5 file. Its attribute `unit` or `units` counts as `unit`."
_COLUMN: Final = "Column of a table: its name, or its number from 0 where the file has no names."
_POPULATION: Final = "Population of a SONATA file; needed when it has several."
_TYPES: Final = "Table of types of a SONATA file (csv): what the file does not say of each {0}, by `{0}_type_id`."


class NodesFile(Section):
    """The number of nodes of a SONATA file."""

    file: Statements = Field(description="SONATA file of nodes (h5), relative to this file.")
    population: Statements | None = Field(None, description=_POPULATION)


SizeForm = TypeAliasType(
    "SizeForm",
    Annotated[Annotated[Expression, Tag(ONE_TAG)] | Annotated[NodesFile, Tag(MAP_TAG)], Discriminator(shape_of)],
)


class FileArray(Section):
    """A timed array from a file of numbers."""

    file: Statements = Field(description=_NUMBERS)
    dataset: Statements | None = Field(None, description=_DATASET)
    column: Column | None = Field(None, description=_COLUMN)
    unit: Expression | None = Field(
        None, description="Unit of the numbers, such as `nA`; absent: that of the dataset, or none."
    )
    transpose: Flag = Field(False, description="Whether rows and columns are exchanged.")
    scale: Expression | None = Field(None, description="Factor for all values, with its unit.")
    time_axis: TimeAxis = Field("rows", description="Which axis is time.")
    dt: Expression | None = Field(None, description=_DT_OF_ENTRIES)
    time_column: Column | None = Field(
        None,
        description="Instead of `dt`: the column of a table with the time of each row, ascending. Without `column` all "
        "other columns are values: one `name(t)`, several `name(t, i)`.",
    )
    time_unit: Expression | None = Field(None, description="Unit of the times, such as `ms`.")
    between: Between = Field("previous", description=_BETWEEN)


class ImageArray(Section):
    """A timed array from a picture."""

    image: Statements = Field(description="Picture (png, jpg, tif, gif), relative to this file.")
    channel: Channel = Field("luminance", description="Which channel counts; values are 0 to 1.")
    invert: Flag = Field(False, description="Whether dark is 1 and bright is 0.")
    flip: Flip | None = Field(None, description="How the picture is mirrored.")
    transpose: Flag = Field(False, description="Whether rows and columns are exchanged.")
    resize: list[Count] | None = Field(
        None, min_length=2, max_length=2, description="`[rows, columns]` the picture is resized to."
    )
    scale: Expression | None = Field(None, description="Factor for all values, with its unit.")
    time_axis: TimeAxis = Field("rows", description="Which axis is time; the other one counts neurons.")
    dt: Expression | None = Field(None, description=_DT_OF_ENTRIES)


class FormulaArray(Section):
    """A timed array by formula: frozen noise, a ramp, a chirp."""

    formula: Expression = Field(
        description="Value of each entry: an expression of its time `t`, the column `i` and random numbers, which are "
        "drawn once: `0.2*nA*randn()`."
    )
    dt: Expression = Field(description=_DT_OF_ENTRIES)
    duration: Expression = Field(description="Length of all entries together; the last one holds afterwards.")
    columns: Expression | None = Field(
        None, description="How many columns, one a neuron: `name(t, i)`; absent: one value for all, `name(t)`."
    )
    between: Between = Field("previous", description=_BETWEEN)


class FramesArray(Section):
    """Stimuli: frames that are shown one after the other."""

    frames: Statements = Field(
        description="The frames, relative to this file: a file of numbers (npy, csv) with one row, or one picture, a "
        "frame; a gif; or a folder of pictures, in the order of their names (`2.png` before `10.png`)."
    )
    each: Expression = Field(description="How long each frame is shown.")
    pause: Expression | None = Field(
        None,
        description="Time between two frames, in which all values are 0; absent: none. They are 0 after the last frame "
        "too.",
    )
    repeat: Expression | None = Field(
        None,
        description="How often all frames are shown; absent: once. Of an array `x`, `x.frames` and `x.duration` count "
        "the repetitions.",
    )
    labels: Series | None = Field(
        None, description="What each frame shows: a list of whole numbers, or a file of them. Stored with the results."
    )
    unit: Expression | None = Field(None, description="Unit of the numbers; absent: none.")
    scale: Expression | None = Field(None, description="Factor for all values, with its unit: `1/16`.")
    channel: Channel = Field("luminance", description="Of pictures, which channel counts; values are 0 to 1.")
    invert: Flag = Field(False, description="Of pictures, whether dark is 1 and bright is 0.")
    flip: Flip | None = Field(None, description="How pictures are mirrored.")
    resize: list[Count] | None = Field(
        None, min_length=2, max_length=2, description="`[rows, columns]` the pictures are resized to."
    )


Array = TypeAliasType(
    "Array",
    Annotated[
        Annotated[ValuesArray, Tag("<values>")]
        | Annotated[FileArray, Tag("<file>")]
        | Annotated[ImageArray, Tag("<image>")]
        | Annotated[FormulaArray, Tag("<formula>")]
        | Annotated[FramesArray, Tag("<frames>")],
        Discriminator(form_by_key("image", "file", "formula", "frames", otherwise="<values>")),
    ],
)

# --- Values of variables ---------------------------------------------------------------------------------------------


class ValueRule(Section):
    """A value for those neurons or synapses where a condition holds, or for a subgroup."""

    value: Series = Field(description="The value; a list has one for each neuron.")
    where: Expression | None = Field(None, description="Condition, such as `i < 10`; absent: all.")
    subgroup: Identifier | None = Field(
        None,
        description="Only these neurons; `i` in the value and the condition counts them from 0, `N` is their number.",
    )


class ValueFile(Section):
    """Values from a file."""

    file: Statements = Field(description=_NUMBERS)
    dataset: Statements | None = Field(None, description=_DATASET)
    population: Statements | None = Field(None, description=_POPULATION + " `column` names an attribute of its nodes.")
    types: Statements | None = Field(None, description=_TYPES.format("node"))
    column: Column | None = Field(None, description=_COLUMN)
    unit: Expression | None = Field(
        None, description="Unit of the numbers, such as `mV`; needed where the variable has a dimension."
    )


_one_initial_form = form_by_key(*SPACED, "file", otherwise="<rule>")


def _initial_form(value: Any) -> str:
    if isinstance(value, list | tuple) and any(isinstance(item, dict | ValueRule) for item in value):
        return "<rules>"
    return _one_initial_form(value)


InitialValue = TypeAliasType(
    "InitialValue",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)]
        | Annotated[list[Expression], Tag(LIST_TAG)]
        | Annotated[list[ValueRule], Tag("<rules>")]
        | Annotated[ValueRule, Tag("<rule>")]
        | Annotated[ValueFile, Tag("<file>")]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")],
        Discriminator(_initial_form),
    ],
)

# --- Groups ----------------------------------------------------------------------------------------------------------


class Event(Section):
    """A custom event."""

    condition: Expression = Field(
        description="The neurons for which it holds have the event in this step: `v > -50*mV`. It is looked at in each "
        "step after the thresholds, so `not_refractory` and `lastspike` know the spikes of this step, and before "
        "resets. Refractory neurons have it too, unless it says `not_refractory`; it is the event of each step in "
        "which it holds, not only of the first."
    )
    do: Statements | None = Field(
        None,
        description="Statements for these neurons, where resets run; as a reset, they write to variables that are "
        "`unless refractory` too.",
    )
    order: Order = Field(0, description="Place of `do` among the resets of the network, then as in the file.")


class Link(Section):
    """A variable that is another group's: read only, as it is when it is read.

    Groups that integrate read each other's values of the start of the step, whatever their order in the file;
    thresholds read what all of them have become, resets what was there before any reset.
    """

    source: Reference = Field(
        alias="from",
        description="The variable it is, or the subexpression: `group.variable`, `group.subgroup.variable`.",
    )
    index: Expressions | None = Field(
        None,
        description="Which neuron of that group or subgroup each element reads: a list, or an expression of `i` and "
        "`N`, found once before the run. Absent: the neuron in the same place, or the only one.",
    )


def _list_or_one(value: Any) -> str:
    return LIST_TAG if isinstance(value, list | tuple) else ONE_TAG


def _text_or_map(value: Any) -> str:
    return MAP_TAG if shape_of(value) == MAP_TAG else ONE_TAG


EventForm = TypeAliasType(
    "EventForm",
    Annotated[Annotated[Expression, Tag(ONE_TAG)] | Annotated[Event, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)
LinkForm = TypeAliasType(
    "LinkForm",
    Annotated[Annotated[Reference, Tag(ONE_TAG)] | Annotated[Link, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)

_SUBGROUPS: Final = (
    'Named parts: a slice `"0:800"`, a list of indices, a condition, or a size; sizes follow one another and the '
    "group's `size` is their sum."
)
_SIZE: Final = (
    "Number of neurons, or `{file: nodes.h5, population: name}`: as many as nodes of a SONATA file. Absent: the sum "
    "of the sizes of its subgroups."
)
_FINITE: Final = (
    " They are finite; only parameters, not variables of differential equations, may be infinite, where the line "
    "writes `inf`."
)
_DT: Final = (
    "Time step of this group, a multiple of `run.dt`; absent: `run.dt`. Its equations, threshold, inputs and sums act "
    "at 0, dt, 2 dt, ...; `dt`, refractory times and delays of its spikes count such steps; monitors sample in each."
)
_ORDER: Final = "Place among others of the same slot."
_WHEN: Final = (
    "Slot of the step: `start`, `groups` (equations), `thresholds`, `synapses` (pathways, inputs), `resets` or `end`. "
    "Values are those of this moment."
)
_PLACE: Final = (
    "Place in the slot, among the orders of groups (0 unless given), of pathways (`on_pre` -1, `on_post` 1) and inputs "
    "(0). With the same order, groups, pathways and inputs come first, then operations, then monitors."
)
_PHASES: Final = "Phases of the run in which it acts, with all repetitions; absent: all of the run."


class Use(Section):
    """A model with other names."""

    model: Statements = Field(description="Name of a model of the library, or a file below the experiment's folder.")
    rename: dict[Identifier, Identifier] | None = Field(
        None, description="Name in the model → name here, of anything that it defines or reads: `{g: g_exc}`."
    )


OneUse = TypeAliasType(
    "OneUse",
    Annotated[Annotated[Statements, Tag(ONE_TAG)] | Annotated[Use, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)
Uses = TypeAliasType(
    "Uses",
    Annotated[
        Annotated[OneUse, Tag(ONE_TAG)] | Annotated[list[OneUse], Tag(LIST_TAG)],
        Discriminator(_list_or_one),
    ],
)
_USE: Final = (
    "Model or models it is made of: a name of the library (`snnrun library`), a file, `{model, rename}`, or a list of "
    "these. What stands here itself counts before what they give."
)


class NeuronGroup(Section):
    """Neurons with equations."""

    kind: Literal["neurons"] = Field("neurons", description="`neurons`, which may be left out.")
    use: Uses | None = Field(None, description=_USE)
    size: SizeForm | None = Field(None, description=_SIZE)
    equations: Statements | None = Field(
        None,
        description="Equations, one a line: `dv/dt = -v/tau : volt`, `x = 2*v : volt`, `w : 1`. A source of spikes "
        "needs none: `threshold: t > 5*ms and t < 6*ms`.",
    )
    threshold: Expression | None = Field(None, description="Condition for a spike: `v > -50*mV`.")
    reset: Statements | None = Field(None, description="Statements after a spike: `v = -70*mV`.")
    refractory: Expression | None = Field(
        None,
        description="How long (a time, in steps `timestep(refractory, dt)`) or while what holds (a condition) "
        "a neuron cannot spike again; for ever when it is longer than the run. A neuron that has not spiked yet is "
        "never refractory, and its `lastspike` reads as -10000 s.",
    )
    method: Method = Field(Method.AUTO, description="Method of integration.")
    tolerance: Expression | None = Field(None, description=_TOLERANCE)
    initial: dict[Identifier, InitialValue] | None = Field(
        None,
        description="Values at the start, in order: `v: expression`, a list, rules `[{where, value}]` or `{file}`."
        + _FINITE,
    )
    events: dict[Identifier, EventForm] | None = Field(
        None,
        description="Custom events: name → condition, or `{condition, do, order}`. Pathways and monitors name them; "
        "`spike` is the event that `threshold` decides.",
    )
    linked: dict[Identifier, LinkForm] | None = Field(
        None,
        description="What variables `(linked)` in the equations are: name → `group.variable`, or `{from, index}`. "
        "A group of one neuron, and a shared variable, are read by all.",
    )
    subgroups: dict[Identifier, Expressions] | None = Field(None, description=_SUBGROUPS)
    dt: Expression | None = Field(None, description=_DT)
    order: Order = Field(0, description=_ORDER)
    constants: dict[Identifier, Expression] | None = Field(None, description="Constants of this group alone.")


class PoissonGroup(Section):
    """Neurons that spike at random, independently."""

    kind: Literal["poisson"] = Field(description="`poisson`.")
    size: SizeForm | None = Field(None, description=_SIZE)
    rates: Series = Field(
        description="Rate: one for all, a list, or an expression of `t` and `i`. Phases and statements may set "
        "`rates` where it does not follow `t`; each neuron then keeps its rate until it is set again."
    )
    subgroups: dict[Identifier, Expressions] | None = Field(None, description=_SUBGROUPS)
    dt: Expression | None = Field(None, description=_DT)
    order: Order = Field(0, description=_ORDER)
    constants: dict[Identifier, Expression] | None = Field(None, description="Constants of this group alone.")


class Train(Section):
    """Spikes at even intervals."""

    every: Expression = Field(
        description="Interval, also an expression of `i` and random numbers: `1/rate`, `10*ms + i*ms`. A neuron whose "
        "interval is infinite does not spike."
    )
    start: Expression | None = Field(
        None, alias="from", description="Time of the first spike, such as `rand()*10*ms`; absent: 0 s."
    )
    until: Expression | None = Field(
        None, description="No spike from this time on; absent: the end of the run, or the `period`."
    )
    jitter: Expression | None = Field(
        None,
        description="Standard deviation of the normal number that moves each spike by itself. Spikes that would leave "
        "the run are left out.",
    )


class Latencies(Section):
    """Spikes by latency code: one a frame and pixel, the earlier the brighter."""

    stimuli: Identifier = Field(
        description="Array of stimuli (`frames`) with a column a neuron; neuron `i` spikes for column `i`."
    )
    latency: Expression = Field(
        description="Time from the beginning of a frame to the spike, an expression of the value `x`, `i` and random "
        "numbers: `50*ms*(1 - x)`. Where `x` is 0, and where the latency is not below `each`, there is no spike."
    )


SpikeTimes = TypeAliasType(
    "SpikeTimes",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)]
        | Annotated[list[Expression], Tag(LIST_TAG)]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")]
        | Annotated[Train, Tag("<every>")]
        | Annotated[Latencies, Tag("<latency>")],
        Discriminator(form_by_key(*SPACED, "latency", otherwise="<every>")),
    ],
)


class SpikeGroup(Section):
    """Neurons that spike at given times."""

    kind: Literal["spikes"] = Field(description="`spikes`.")
    size: SizeForm | None = Field(None, description=_SIZE)
    indices: Series | None = Field(
        None, description="Which neuron spikes, one entry a spike; one for all spikes; `all`: each spikes at all times."
    )
    times: SpikeTimes | None = Field(
        None,
        description="When it spikes, one entry a spike, in any order; the step that holds a time is that of its spike. "
        "Or a formula for each neuron, without `indices`: `{every: 1/rate, from: 5*ms*i, until: 1 s}`, or "
        "`{stimuli: digits, latency: 50*ms*(1 - x)}`.",
    )
    file: Statements | None = Field(
        None,
        description="File of spikes, relative to this file: a table of neurons and times (csv, tsv, txt, npy, npz, "
        "parquet, or a dataset of an h5 file), or SONATA spikes (h5).",
    )
    dataset: Statements | None = Field(None, description=_DATASET + " Absent: it holds SONATA spikes.")
    population: Statements | None = Field(None, description=_POPULATION)
    columns: list[Column] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Columns of neurons and times: names, or numbers from 0 where the file has no names. Absent: "
        "`neuron, time`, `i, t`, `node_ids, timestamps` or `senders, times`, or the first two without names.",
    )
    unit: Expression | None = Field(
        None, description="Unit of the times in the file, such as `ms`; a SONATA file may say it itself."
    )
    period: Expression | None = Field(None, description="The spikes repeat after this time.")
    duplicates: Duplicates = Field(
        "error",
        description="Two spikes of a neuron in one step: an `error`, or taken as one (`merge`).",
    )
    subgroups: dict[Identifier, Expressions] | None = Field(None, description=_SUBGROUPS)
    dt: Expression | None = Field(None, description=_DT)
    order: Order = Field(0, description=_ORDER)


Group = TypeAliasType(
    "Group",
    Annotated[
        Annotated[NeuronGroup, Tag("<neurons>")]
        | Annotated[PoissonGroup, Tag("<poisson>")]
        | Annotated[SpikeGroup, Tag("<spikes>")],
        Discriminator(form_by_kind(otherwise="neurons")),
    ],
)


class PoissonInput(Section):
    """The sum of many Poisson trains, added to a variable."""

    kind: Literal["poisson"] = Field("poisson", description="`poisson`, which may be left out.")
    target: Reference = Field(description="Group or subgroup that receives it.")
    variable: Identifier = Field(description="Variable the weight is added to.")
    size: Expression = Field(description="Number of trains a neuron.")
    rate: Expression = Field(
        description="Rate of each train; an expression may use `t`, `i` and variables of the target."
    )
    weight: Expression = Field(
        description="What one spike adds; an expression may use `t`, `i` and variables of the target."
    )
    phases: list[Identifier] | None = Field(None, min_length=1, description=_PHASES)


# --- Synapses --------------------------------------------------------------------------------------------------------


_NEAREST: Final = "It takes the nearest number of steps, `floor(delay/dt + 0.5 + 0.001)`: a half is the next step."


class DelayParts(Section):
    """The two parts of a delay."""

    axonal: Series | None = Field(
        None, description="From a spike of the source to the synapse, where the statements act; absent: none."
    )
    dendritic: Series | None = Field(
        None,
        description="From the synapse to the target: what statements add to its variables (`v_post += w`) is computed "
        "at the synapse and arrives so much later. From the target to the synapse, of `on_post` pathways without a "
        "delay of their own, too. Absent: none.",
    )


_one_delay_form = form_by_key(*SPACED, "file", otherwise="<linspace>")


def _delay_form(value: Any) -> str:
    names = type(value).model_fields if isinstance(value, Section) else value
    parts = isinstance(names, dict) and not {"axonal", "dendritic"}.isdisjoint(names)
    return "<parts>" if parts else _one_delay_form(value)


DelayForm = TypeAliasType(
    "DelayForm",
    Annotated[
        Annotated[Expression, Tag(ONE_TAG)]
        | Annotated[list[Expression], Tag(LIST_TAG)]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")]
        | Annotated[DelayParts, Tag("<parts>")],
        Discriminator(_delay_form),
    ],
)


class Pathway(Section):
    """What happens at a synapse on an event."""

    do: Statements = Field(description="Statements: `v_post += w`.")
    delay: DelayForm | None = Field(
        None, description="From the event to its effect; one, an expression, a list, or its parts; see `delay` above."
    )
    order: Order | None = Field(None, description="Place among pathways: `on_pre` -1 and `on_post` 1 unless given.")
    event: Identifier = Field(
        "spike",
        description="The event that it follows, of the source (`on_pre`) or the target (`on_post`): `spike`, or a "
        "custom event of the group.",
    )


def _pathways_form(value: Any) -> str:
    if isinstance(value, Pathway) or (isinstance(value, dict) and "do" in value):
        return "<pathway>"
    return MAP_TAG if isinstance(value, dict) else ONE_TAG


PathwayForm = TypeAliasType(
    "PathwayForm",
    Annotated[Annotated[Statements, Tag(ONE_TAG)] | Annotated[Pathway, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)
Pathways = TypeAliasType(
    "Pathways",
    Annotated[
        Annotated[Statements, Tag(ONE_TAG)]
        | Annotated[Pathway, Tag("<pathway>")]
        | Annotated[dict[Identifier, PathwayForm], Field(max_length=1000), Tag(MAP_TAG)],
        Discriminator(_pathways_form),
    ],
)


class NamedRule(StrEnum):
    """Connection rules that need no numbers."""

    ALL = "all"
    ONE_TO_ONE = "one_to_one"


class Rule(Section):
    """Keys that every connection rule may hold beside its own."""

    source: Reference | None = Field(None, description="Subgroup of the source this rule is about.")
    target: Reference | None = Field(None, description="Subgroup of the target this rule is about.")
    delay: Series | None = Field(None, description="Delay of the synapses this rule makes.")
    initial: dict[Identifier, InitialValue] | None = Field(
        None,
        description="Values at the start of the synapses this rule makes; `i` and `j` count in the source and target "
        "of the synapses, here and in `delay`." + _FINITE,
    )


class NamedConnect(Rule):
    """All pairs, or each neuron with the neuron of the same index, between subgroups."""

    rule: NamedRule = Field(description="`all` or `one_to_one`.")


class WhereConnect(Rule):
    """Pairs for which a condition holds, each with a probability."""

    where: Expression | None = Field(None, description="Condition on `i`, `j` and variables with `_pre`, `_post`.")
    p: Expression | None = Field(None, description="Probability, a number or an expression.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class DistanceConnect(Rule):
    """Pairs by the distance between their neurons."""

    positions: Names = Field(
        description="Coordinates: one to three variables of the neurons at both ends, each a length, such as `[x, y]`."
    )
    p: Expression | None = Field(
        None, description="Probability, a number or an expression of the distance `d`: `exp(-d/(200*um))`. Absent: 1."
    )
    max_distance: Expression | None = Field(
        None,
        description="Neurons farther apart are not connected; one at this distance is, whatever the last digits are.",
    )
    period: Expressions | None = Field(
        None,
        description="Length after which space begins again, so that neurons at opposite edges are near (a ring, a "
        "torus): one for all coordinates, or a list; `inf*mm` in a list for a coordinate that does not repeat.",
    )
    autapses: Flag = Field(True, description="Whether a neuron may connect to itself.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class IndexConnect(Rule):
    """Pairs by their indices."""

    i: Expressions = Field(description="Source indices: a number, a list, or an expression.")
    j: Expressions = Field(description="Target indices, one for each `i`; a single one goes with all.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class PairsConnect(Rule):
    """Pairs as a list."""

    pairs: list[list[Index]] = Field(description="List of `[i, j]`.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class TargetsConnect(Rule):
    """Targets of each source by an expression."""

    j: Statements = Field(description="`i + 1`, or `k for k in range(i-3, i+4) if k != i`, or with `sample(...)`.")
    skip_if_invalid: Flag = Field(False, description="Whether targets that do not exist are left out silently.")
    p: Expression | None = Field(None, description="Probability, a number or an expression.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class SourcesConnect(Rule):
    """Sources of each target by an expression."""

    i: Statements = Field(description="`j + 1`, or `k for k in range(j-3, j+4) if k != j`, or with `sample(...)`.")
    skip_if_invalid: Flag = Field(False, description="Whether sources that do not exist are left out silently.")
    p: Expression | None = Field(None, description="Probability, a number or an expression.")
    n: Expression | None = Field(None, description="Number of synapses a pair: a number or an expression, also random.")


class FixedRule(Rule):
    """A random choice with a fixed number."""

    multapses: Flag = Field(False, description="Whether a pair may have several synapses.")
    autapses: Flag = Field(True, description="Whether a neuron may connect to itself.")


class IndegreeConnect(FixedRule):
    """Each target gets the same number of synapses from random sources."""

    fixed_indegree: Expression = Field(description="Synapses a target: a number, or an expression of `j`, also random.")


class OutdegreeConnect(FixedRule):
    """Each source gets the same number of synapses to random targets."""

    fixed_outdegree: Expression = Field(
        description="Synapses a source: a number, or an expression of `i`, also random."
    )


class TotalConnect(FixedRule):
    """A number of synapses between random sources and targets."""

    fixed_total: Expression = Field(description="Synapses in all.")


class MatrixConnect(Rule):
    """A synapse where a matrix is not zero."""

    matrix: Statements = Field(
        description="File of a matrix (npy, csv, tsv, txt, h5), one row a source, one column a target."
    )
    dataset: Statements | None = Field(None, description=_DATASET)
    to: Identifier | None = Field(None, description="What takes the entries: a variable of the synapses, or `delay`.")
    unit: Expression | None = Field(
        None, description="Unit of the entries, such as `nS`; needed where the variable has a dimension."
    )


class FileConnect(Rule):
    """Synapses from a file."""

    file: Statements = Field(
        description="File of edges, relative to this file: a table with a row a synapse (csv, tsv, txt, npy, npz, "
        "parquet, or a dataset of an h5 file), or SONATA edges (h5)."
    )
    dataset: Statements | None = Field(None, description=_DATASET + " Absent: it holds SONATA edges.")
    population: Statements | None = Field(None, description=_POPULATION)
    types: Statements | None = Field(None, description=_TYPES.format("edge"))
    columns: list[Column] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Columns of source and target indices: names, or numbers from 0 where the file has no names. "
        "Absent: `i, j`, `source, target`, `pre, post` or `source_node_id, target_node_id`, or the first two "
        "without names.",
    )
    to: dict[Identifier, Column] | None = Field(
        None, description="What takes other columns: variable of the synapses, or `delay` → column."
    )
    unit: dict[Identifier, Expression] | None = Field(
        None, description="Units of these columns: variable, or `delay` → unit; needed where there is a dimension."
    )


@dataclass(frozen=True, slots=True)
class ConnectForm:
    """A form of connection rule.

    Args:
        model: Its keys.
        needs: The keys that choose it.
        example: A value of its key, for advice.
        others: What other tools call its key, in lower-case letters alone.
    """

    model: type[Rule]
    needs: tuple[str, ...]
    example: str = ""
    others: frozenset[str] = frozenset()

    @property
    def excludes(self) -> bool:
        """Whether its key says all, so that another such key is a second rule."""
        return len(self.needs) == 1 and self.needs[0] not in ("i", "j")

    @property
    def tag(self) -> str:
        """How the forms of `connect` are told apart."""
        return f"<{self.model.__name__.removesuffix('Connect').lower()}>"


CONNECT_FORMS: Final = (
    ConnectForm(NamedConnect, ("rule",)),
    ConnectForm(WhereConnect, ()),
    ConnectForm(
        DistanceConnect,
        ("positions",),
        "[x, y]",
        frozenset({"distance", "distancedependent", "gaussian", "position", "coordinates", "spatial"}),
    ),
    ConnectForm(IndexConnect, ("i", "j")),
    ConnectForm(PairsConnect, ("pairs",)),
    ConnectForm(TargetsConnect, ("j",)),
    ConnectForm(SourcesConnect, ("i",)),
    ConnectForm(
        IndegreeConnect,
        ("fixed_indegree",),
        "80",
        frozenset({"indegree", "kin", "fixedindegree", "fixednumberpre", "nin", "ce", "ci"}),
    ),
    ConnectForm(
        OutdegreeConnect,
        ("fixed_outdegree",),
        "80",
        frozenset({"outdegree", "kout", "fixedoutdegree", "fixednumberpost", "nout"}),
    ),
    ConnectForm(
        TotalConnect,
        ("fixed_total",),
        "1000",
        frozenset({"fixedtotalnumber", "totalnumber", "nsyn", "numsynapses", "ntotal", "total"}),
    ),
    ConnectForm(MatrixConnect, ("matrix",)),
    ConnectForm(FileConnect, ("file",)),
)


def connect_form(keys: Container[str]) -> ConnectForm:
    """The form of connection rule that has some keys: one whose key excludes others, else the one that needs most."""
    found = [form for form in CONNECT_FORMS if all(key in keys for key in form.needs)]
    return max(found, key=lambda form: (form.excludes, len(form.needs)))


def _connect_tag(value: Any) -> str:
    if isinstance(value, Rule):
        return next(form.tag for form in CONNECT_FORMS if type(value) is form.model)
    return connect_form(value).tag if isinstance(value, dict) else shape_of(value)


_Forms: Any = Union[tuple(Annotated[form.model, Tag(form.tag)] for form in CONNECT_FORMS)]  # noqa: UP007 - no fixed list
ConnectRule: Any = TypeAliasType(
    "ConnectRule", Annotated[Annotated[NamedRule, Tag(ONE_TAG)] | _Forms, Discriminator(_connect_tag)]
)


Connect = TypeAliasType(
    "Connect",
    Annotated[
        Annotated[ConnectRule, Tag(ONE_TAG)] | Annotated[list[ConnectRule], Tag(LIST_TAG)],
        Discriminator(_list_or_one),
    ],
)


class Synapses(Section):
    """Synapses from one group to another; an end may also be other synapses, as in neuromodulation.

    Synapses that are an end are counted as they are created: `j` is the number of one, `x_post` its variable, `i_post`
    and `j_post` its own indices. They have no events: what comes from them is `(summed)` or `(clock-driven)`.
    """

    use: Uses | None = Field(None, description=_USE)
    source: Reference = Field(description="Group, subgroup, or another synapses object.")
    target: Reference = Field(description="Group, subgroup, or another synapses object.")
    equations: Statements | None = Field(
        None,
        description="Equations of one synapse: `w : 1`, `dg/dt = -g/tau : siemens`. What is `(event-driven)` is "
        "computed when an event of the synapse, or anything else, needs it.",
    )
    on_pre: Pathways | None = Field(
        None, description="On a spike of the source: statements, or a map of pathways `{do, delay, order, event}`."
    )
    on_post: Pathways | None = Field(None, description="On a spike of the target: the same forms.")
    delay: DelayForm | None = Field(
        None,
        description="Delay of `on_pre` pathways that have none of their own: one, an expression, a list, or its parts "
        f"`{{axonal, dendritic}}`. {_NEAREST}",
    )
    connect: Connect = Field(
        description="Which pairs: `all`, `one_to_one`, a rule such as `{p: 0.1}` or `{fixed_indegree: 80}`, or a list."
    )
    initial: dict[Identifier, InitialValue] | None = Field(None, description="Values at the start, in order." + _FINITE)
    linked: dict[Identifier, LinkForm] | None = Field(
        None,
        description="What variables `(linked)` in the equations are: name → `group.variable` of a group of one neuron, "
        "or shared; or `{from, index}`, where the index may use `i`, `j` and the variables of both ends.",
    )
    multisynaptic_index: Identifier | None = Field(
        None,
        description="Name of a variable that counts the synapses of each pair from 0, as they are created; for values, "
        "delays and equations.",
    )
    method: Method = Field(Method.AUTO, description="Method of integration of its equations.")
    tolerance: Expression | None = Field(None, description=_TOLERANCE)
    constants: dict[Identifier, Expression] | None = Field(None, description="Constants of these synapses alone.")


# --- Monitors --------------------------------------------------------------------------------------------------------

_WINDOW: Final = "`[from, to]`: records while from <= t < to; absent: always."
_INDICES: Final = (
    'Which neurons or synapses: `all`, a list, a slice `"0:10"`, or a condition on `i` (of synapses on `i` and `j`); '
    "absent: all."
)


_COMPRESSION: Final = (
    "How the data are compressed in the file: `none`, or `gzip` without loss, which every reader of HDF5 knows. A core "
    "compresses some 50 MB a second, while the run goes on."
)


class SpikeMonitor(Section):
    """Records spikes."""

    kind: Literal["spikes"] = Field(description="`spikes`.")
    source: Reference = Field(description="Group or subgroup.")
    variables: list[Identifier] | None = Field(None, description="Variables stored with each spike, before the reset.")
    indices: Series | None = Field(None, description=_INDICES)
    counts_only: Flag = Field(
        False,
        description="Whether only the number of spikes of each neuron is stored: enough for `count`, `counts`, "
        "`rates` and `mean_rate`, not for pictures.",
    )
    window: list[Expression] | None = Field(None, min_length=2, max_length=2, description=_WINDOW)
    compression: Compression = Field("none", description=_COMPRESSION)


class StateMonitor(Section):
    """Records variables over time."""

    kind: Literal["state"] = Field(description="`state`.")
    source: Reference = Field(description="Group, subgroup or synapses.")
    variables: list[Identifier] = Field(min_length=1, description="Variables and subexpressions to record.")
    indices: Series | None = Field(None, description=_INDICES)
    dt: Expression | None = Field(None, description="Interval between samples; absent: every step.")
    when: Slot = Field("start", description=_WHEN)
    order: Order = Field(0, description=_PLACE)
    window: list[Expression] | None = Field(None, min_length=2, max_length=2, description=_WINDOW)
    dtype: Number = Field(
        "float64",
        description="Numbers that are recorded: `float64`, or `float32`, which takes half the space and time and has "
        "7 digits. Metrics of the monitor are computed from what it records. Whole numbers are recorded as `float64` "
        "alone.",
    )
    compression: Compression = Field("none", description=_COMPRESSION)


class RateMonitor(Section):
    """Records the mean rate of a group over time."""

    kind: Literal["rate"] = Field(description="`rate`.")
    source: Reference = Field(description="Group or subgroup.")
    bin: Expression | None = Field(None, description="Length of a bin; absent: one step.")
    smooth: Expression | None = Field(None, description="Width (standard deviation) of a Gaussian that smooths it.")
    window: list[Expression] | None = Field(None, min_length=2, max_length=2, description=_WINDOW)


class EventMonitor(Section):
    """Records when neurons have an event, when a condition becomes true, or what events find at synapses."""

    kind: Literal["events"] = Field(description="`events`.")
    source: Reference = Field(description="Group, subgroup or synapses.")
    event: Reference | None = Field(
        None,
        description="An event of the group: `spike`, or a custom event; every step in which a neuron has it is "
        "recorded. Of synapses a pathway: `on_pre`, `on_post`, or `on_pre.x` where there are several; every event that "
        "arrives at a synapse by it is recorded, after its delay. Either this or `condition`.",
    )
    condition: Expression | None = Field(
        None,
        description="Condition on a neuron: `v > -50*mV`. It is looked at in each step after the thresholds, so "
        "`not_refractory` and `lastspike` know the spikes of this step, and before resets. An event is recorded where "
        "it holds and did not hold in the step before; before the first step it holds nowhere.",
    )
    variables: list[Identifier] | None = Field(
        None,
        description="Variables stored with each event, before resets; of synapses their own and those of both neurons "
        "(`w`, `v_post`, `x_pre`), as they are in this step before the pathway acts on any synapse.",
    )
    indices: Series | None = Field(None, description=_INDICES)
    window: list[Expression] | None = Field(None, min_length=2, max_length=2, description=_WINDOW)
    compression: Compression = Field("none", description=_COMPRESSION)


class ConnectivityMonitor(Section):
    """Stores which synapses exist."""

    kind: Literal["connectivity"] = Field(description="`connectivity`.")
    source: Reference = Field(description="Synapses.")
    variables: list[Identifier] | None = Field(
        None,
        description="Variables of the synapses stored at the end; absent: all, without delays. `delay_on_pre` and "
        "`delay_on_post` are the delays of a side with one pathway, `delay_on_pre_x` and `delay_on_post_x` those of "
        "a pathway `x`. In short: `delay` for `delay_on_pre`, `delay_x` where one side alone has a pathway `x`. Of a "
        "delay in parts it is the axonal one.",
    )


Monitor = TypeAliasType(
    "Monitor",
    Annotated[
        Annotated[SpikeMonitor, Tag("<spikes>")]
        | Annotated[StateMonitor, Tag("<state>")]
        | Annotated[RateMonitor, Tag("<rate>")]
        | Annotated[EventMonitor, Tag("<events>")]
        | Annotated[ConnectivityMonitor, Tag("<connectivity>")],
        Discriminator(form_by_kind()),
    ],
)

# --- Operations and the run ------------------------------------------------------------------------------------------


class Operation(Section):
    """Statements carried out at given times."""

    target: Reference = Field(description="Group, subgroup or synapses.")
    every: Expression | None = Field(None, description="Interval; acts at t = 0, d, 2d, ...")
    at: Series | None = Field(None, description="Time, list of times or range of times; instead of `every`.")
    do: Statements = Field(
        description="Statements: `I = rand()*50*nA`. Those on synapses also read and set `delay` (`delay_x` of a "
        "pathway `x`, as in connectivity monitors); a spike takes the delay that counts when it is sent."
    )
    when: Slot = Field("start", description=_WHEN)
    order: Order = Field(0, description=_PLACE)
    phases: list[Identifier] | None = Field(None, min_length=1, description=_PHASES)


class CallOperation(Section):
    """A Python function called at an interval (only with the flag that allows it)."""

    call: Statements = Field(description="`file.py:function`, relative to this file.")
    every: Expression = Field(description="Interval; acts at t = 0, d, 2d, ...")
    phases: list[Identifier] | None = Field(None, min_length=1, description=_PHASES)


OperationForm = TypeAliasType(
    "OperationForm",
    Annotated[
        Annotated[Operation, Tag("<do>")] | Annotated[CallOperation, Tag("<call>")],
        Discriminator(form_by_key("call", otherwise="<do>")),
    ],
)


_REPEAT_UNTIL: Final = (
    "Ends the repetitions when it holds at the end of one, of which there are at most `repeat`: a condition as in "
    "`stop_when`, over what was recorded in this repetition: `mean_rate(out) > 20*Hz`."
)


class Phase(Section):
    """One part of a run."""

    # Paths and conditions of phases are resolved by later stages.

    name: Identifier = Field(description="Name of the phase.")
    duration: Expression = Field(description="How long it lasts.")
    set: dict[DottedPath, InitialValue] | None = Field(
        None,
        description="Changes at its start: a constant (of the file, or `group.constant`), `group.variable`, "
        "`group.subgroup.variable` or `synapses.variable` → value. `synapses.delay` too (and `synapses.on_pre.delay`, "
        "`synapses.on_pre.x.delay`): spikes under way keep theirs; `group.rates` of Poisson groups and `input.rate`. A "
        "constant that is read once, when the network is built, is refused.",
    )
    record: list[Identifier] | None = Field(None, description="Monitors that record in it; absent: all.")
    repeat: Expression | None = Field(
        None,
        description="How often it is carried out. Its repetitions are called `name[0]`, `name[1]`, ...",
    )
    at_end: dict[DottedPath, InitialValue] | None = Field(
        None,
        description="Changes at its end, in the forms of `set`, for the phases after it. A constant may be computed "
        "from what was measured in the phase, as in `metrics`, and from constants as they are: `{I: I + 10*pA}`, "
        "`{drive: drive + gain*(target - mean_rate(out))}`.",
    )
    repeat_until: Expression | None = Field(None, description=_REPEAT_UNTIL)
    stop_when: Expression | None = Field(
        None,
        description="Ends the phase early: a condition over monitors as in `metrics` (over the whole run so far) and "
        "over variables as they are: `count(out) > 100`, `any(cells.v > 2)`.",
    )
    check: Expression | None = Field(None, description="How often `stop_when` is looked at; absent: 10 ms.")


class RepeatedPhases(Section):
    """Phases that are repeated together."""

    name: Identifier | None = Field(None, description="Name of a repetition, such as `trial`.")
    repeat: Expression = Field(
        description="How often the phases are carried out. The repetitions of a phase `test` are called `test[0]`, "
        "`test[1]`, ..., or `test[0][2]` where it is also repeated by itself."
    )
    repeat_until: Expression | None = Field(None, description=_REPEAT_UNTIL)
    phases: list[Phase] = Field(min_length=1, description="The phases, which may be repeated by themselves too.")


PhaseForm = TypeAliasType(
    "PhaseForm",
    Annotated[
        Annotated[Phase, Tag("<phase>")] | Annotated[RepeatedPhases, Tag("<phases>")],
        Discriminator(form_by_key("phases", otherwise="<phase>")),
    ],
)


class Run(Section):
    """Duration, time step and options of the run."""

    duration: Expression | None = Field(None, description="Simulated time; or give `phases`.")
    dt: Expression = Field(description="Time step.")
    phases: list[PhaseForm] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Parts of the run, one after the other: a phase `{name, duration, set, record, stop_when, check, "
        "repeat}`, or phases that are repeated together, `{repeat: 10, phases: [...]}`; at most 10,000, repetitions "
        "counted.",
    )
    start_from: Statements | None = Field(
        None,
        description="Folder of another run, or its `state.npz`, relative to this file: variables begin with the values "
        "they had at its end, instead of `initial`. Time begins at 0; spikes on their way arrive when their delays "
        "end.",
    )
    save_state: Flag = Field(False, description="Whether the state at the end is stored, as `state.npz`.")
    threads: Count = Field(1, description="Threads of one run; the result does not depend on it.")
    precision: Precision = Field("double", description="Floating-point numbers of the state.")
    math: MathMode = Field(
        "strict",
        description="`fast` lets the compiler reorder arithmetic and rounds exponentials less well: other bits.",
    )


class Search(Section):
    """The value of a constant at which a condition begins to hold."""

    constant: Identifier = Field(description="The constant that is looked for.")
    between: list[Expression] = Field(
        min_length=2,
        max_length=2,
        description="`[low, high]`: at one of them the condition holds, at the other it does not.",
    )
    until: Expression = Field(
        description="A condition over monitors as in `metrics`, at the end of a run: `count(out) >= 1`. Where it "
        "changes more than once between the two values, one of these places is found."
    )
    tolerance: Expression = Field(
        description="How near to each other the last two values are. The run has the one at which the condition holds."
    )


class Seeds(Section):
    """Seeds of the single streams of random numbers."""

    connect: SeedNumber | None = Field(None, description="Of connections.")
    initial: SeedNumber | None = Field(None, description="Of initial values.")
    noise: SeedNumber | None = Field(None, description="Of noise and random functions during the run.")
    input: SeedNumber | None = Field(None, description="Of Poisson groups and inputs.")


SeedForm = TypeAliasType(
    "SeedForm",
    Annotated[Annotated[SeedNumber, Tag(ONE_TAG)] | Annotated[Seeds, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)

# --- Sweep -----------------------------------------------------------------------------------------------------------


Axis = TypeAliasType(
    "Axis",
    Annotated[
        Annotated[list[Anything], Tag(LIST_TAG), Field(min_length=1)]
        | Annotated[Linspace, Tag("<linspace>")]
        | Annotated[Logspace, Tag("<logspace>")]
        | Annotated[Range, Tag("<range>")],
        Discriminator(form_by_key("logspace", "range", otherwise="<linspace>")),
    ],
)


Bounds = Annotated[list[Expression], Field(min_length=2, max_length=2)]


class LogBounds(Section):
    """A range in which every ratio is as likely."""

    log: Bounds = Field(description="`[low, high]`, both positive.")


class WholeBounds(Section):
    """A range of whole numbers."""

    whole: Bounds = Field(description="`[low, high]`, both included.")


SampleRange = TypeAliasType(
    "SampleRange",
    Annotated[
        Annotated[Bounds, Tag(LIST_TAG)] | Annotated[LogBounds, Tag("<log>")] | Annotated[WholeBounds, Tag("<whole>")],
        Discriminator(form_by_key("whole", otherwise="<log>")),
    ],
)


class Sample(Section):
    """Points drawn from a space of parameters."""

    method: SampleMethod = Field(
        SampleMethod.SOBOL,
        description="`sobol` (evenly over all parameters), `lhs` (a Latin hypercube: evenly in each) or `random`.",
    )
    size: Count = Field(description="How many points; for `sobol` best a power of 2.")
    ranges: dict[DottedPath, SampleRange] = Field(
        min_length=1, description="Path or constant → `[low, high]`, `{log: [low, high]}` or `{whole: [low, high]}`."
    )
    seed: SeedNumber | None = Field(None, description="Seed of the points; absent: that of the experiment.")


SeedChoice = Literal["common", "each"]
"""Whether points have the same seeds."""


class Repeat(Section):
    """Repetitions of the points of a sweep."""

    num: Count = Field(1, description="Runs of each point.")
    seeds: SeedChoice = Field(
        "common",
        description="`common`: the runs of each point have the seed of the file and the numbers after it; `each`: each "
        "run has a seed of its own, computed from that of the file, the values of the point and the number of the run.",
    )


RepeatForm = TypeAliasType(
    "RepeatForm",
    Annotated[Annotated[Count, Tag(ONE_TAG)] | Annotated[Repeat, Tag(MAP_TAG)], Discriminator(_text_or_map)],
)


class PointsFile(Section):
    """The points of a sweep as the rows of a table."""

    file: Statements = Field(description=_NUMBERS)
    dataset: Statements | None = Field(None, description=_DATASET)
    columns: list[DottedPath] | None = Field(
        None,
        min_length=1,
        description="Constants or paths that the columns are values of: in their order where the file has no names, "
        "otherwise the columns to use; absent: all of them, by their names.",
    )
    unit: dict[DottedPath, Expression] | None = Field(
        None, description="Unit of each column that has one; absent: that in the name of the column, `tau [ms]`."
    )


PointName = Sentence
PointsForm = TypeAliasType(
    "PointsForm",
    Annotated[
        Annotated[list[dict[DottedPath, Anything]], Tag(LIST_TAG), Field(min_length=1)]
        | Annotated[PointsFile, Tag("<file>")]
        | Annotated[dict[PointName, dict[DottedPath, Anything]], Tag(MAP_TAG), Field(min_length=1)],
        Discriminator(form_by_key("file", otherwise=MAP_TAG)),
    ],
)


class Sweep(Section):
    """The same experiment with other values."""

    axes: dict[DottedPath, Axis] | None = Field(
        None,
        description="Path or constant → values; all combinations are run. Values: a list, `{linspace: [a, b], num}`, "
        "`{logspace: [a, b], num}` or `{range: [a, b, step]}`. A value may be whatever stands at the path: a quantity, "
        "equations, a connection rule.",
    )
    zip: dict[DottedPath, Axis] | None = Field(None, description="Path → values that change together.")
    points: PointsForm | None = Field(
        None,
        description="The points one by one: a list of maps path → value; a map name → map of those values that differ "
        "from the file; or the rows of a table, `{file: theta.csv, unit: {tau: ms}}`.",
    )
    sample: Sample | None = Field(None, description="Points drawn from ranges: `{method, size, ranges, seed}`.")
    repeat: RepeatForm = Field(
        1,
        description="Runs of each point, with other seeds: a number, or `{num: 5, seeds: each}`, a seed for each.",
    )
    shared: Identifier | None = Field(None, description="Phase that is run once and that all points continue from.")
    keep: Keep = Field("metrics", description="What is stored of each point: `metrics` or whole `results`.")

    @property
    def repetitions(self) -> Repeat:
        """Runs of each point, and their seeds."""
        return self.repeat if isinstance(self.repeat, Repeat) else Repeat(num=self.repeat)


# --- Plots -----------------------------------------------------------------------------------------------------------


PageWidth = Literal["column", "page"]
"""Widths of a picture in print."""

PlotSize = TypeAliasType(
    "PlotSize",
    Annotated[
        Annotated[PageWidth, Tag(ONE_TAG)]
        | Annotated[list[Expression], Tag(LIST_TAG), Field(min_length=2, max_length=2)],
        Discriminator(_list_or_one),
    ],
)

LinesForm = TypeAliasType(
    "LinesForm",
    Annotated[
        Annotated[Expressions, Tag(ONE_TAG)]
        | Annotated[dict[Annotated[str, Field(min_length=1)], Expression], Tag(MAP_TAG)],
        Discriminator(_text_or_map),
    ],
)


LegendPlace = Literal["above", "below", "right", "none", "upper left", "upper right", "lower left", "lower right"]
"""Where a legend stands: outside the axes, or in one of their corners."""

Foot = Literal["all", "notes", "none"]
"""What stands at the foot of a picture."""


def _list_or_map(value: Any) -> str:
    return MAP_TAG if isinstance(value, dict) else LIST_TAG


Colours = TypeAliasType(
    "Colours",
    Annotated[
        Annotated[list[Sentence], Tag(LIST_TAG), Field(min_length=1)]
        | Annotated[dict[Annotated[str, Field(min_length=1)], Sentence], Tag(MAP_TAG)],
        Discriminator(_list_or_map),
    ],
)

_FOOTER: Final = (
    "What stands at the foot: `all`, that is notes on what is drawn and the hash and seed of the run; `notes` alone; "
    "`none`. That a run was stopped stands there in any case."
)
_TITLE: Final = "Title; `none` for none; absent: the name of the experiment."
_STYLE: Final = (
    "Style of matplotlib such as `dark_background`, a style file `.mplstyle` relative to this file, or a list of "
    "these, of which later ones count before earlier ones."
)


class Plot(Section):
    """One picture."""

    kind: PlotKind = Field(description="What is drawn.")
    monitor: References | None = Field(None, description="Monitor or monitors it is drawn from.")
    source: References | None = Field(
        None, description="Groups or synapses, instead of `monitor`: all monitors of them that this kind can draw."
    )
    variables: Names | None = Field(None, description="Variables to draw; absent: all that were recorded.")
    neurons: Expressions | None = Field(
        None,
        description='Which neurons: `all`, a number of them, a list, a slice `"0:10"`; absent: all, of traces a few.',
    )
    x: AxisName | None = Field(
        None,
        description="What the horizontal axis shows: a swept parameter, a metric, or a recorded variable "
        "`monitor.variable` (scatter).",
    )
    y: AxisNames | None = Field(
        None, description="What the vertical axis shows: a metric or several, or a recorded variable (scatter)."
    )
    z: AxisName | None = Field(
        None,
        description="What colours show: a metric (heatmap, sweep), `time` or a recorded variable (scatter; absent: the "
        "neuron), or a stored value of synapses (connectivity; absent: none).",
    )
    log: Names | None = Field(
        None,
        description="Axes on a logarithmic scale: any of `x`, `y`, `z`; absent: as the values of a sweep are spread; "
        "`[]`: none.",
    )
    xlim: list[Expression] | None = Field(None, min_length=2, max_length=2, description="Limits `[from, to]`.")
    ylim: list[Expression] | None = Field(None, min_length=2, max_length=2, description="Limits `[from, to]`.")
    zlim: list[Expression] | None = Field(
        None, min_length=2, max_length=2, description="Limits `[from, to]` of what colours show."
    )
    size: PlotSize | None = Field(None, description="`column` (85 mm), `page` (full width), or `[width, height]`.")
    labels: dict[Annotated[str, Field(min_length=1)], Sentence] | None = Field(
        None,
        description="Other words for what the picture names: `x`, `y`, `z` for its axes, or a variable, group, "
        "monitor, metric or swept parameter → label.",
    )
    title: Sentence | None = Field(None, description=_TITLE)
    footer: Foot = Field("all", description=_FOOTER)
    legend: LegendPlace = Field(
        "above",
        description="Where the legend stands: `above`, `below` or `right` of the axes, in a corner inside such as "
        "`upper left`, or `none`. Of many small panels it is below or right of all.",
    )
    colours: Colours | None = Field(
        None,
        description="Colours as matplotlib writes them (`#0072B2`, `black`, `tab:blue`): a list, in the order of what "
        "is drawn, or names (as for `labels`) of groups, monitors, variables, neurons or metrics → colour.",
    )
    colourmap: Sentence | None = Field(None, description="Map of colours of matplotlib for values, such as `magma`.")
    style: Sentences | None = Field(None, description=_STYLE)
    bins: Count | None = Field(None, description="Number of bins of a histogram; over time each has whole steps.")
    bin: Expression | None = Field(
        None, description="Width of a bin; between two steps it becomes the nearest, with a warning."
    )
    period: Expression | None = Field(None, description="Time with which spikes are folded into trials (psth).")
    marks: References | None = Field(
        None,
        description="Spike monitor whose spikes are vertical lines (traces; `none`: none) or begin trials (psth); "
        "trials may also be the frames of a stimulus.",
    )
    lines: dict[Annotated[str, Field(min_length=1)], Expression] | None = Field(
        None, description="Horizontal lines: label → value."
    )
    vlines: LinesForm | None = Field(None, description="Vertical lines: value, list of values, or label → value.")
    times: list[Expression] | None = Field(
        None,
        min_length=1,
        max_length=3,
        description="When values are drawn, of a state monitor (weights): each time the last sample before it, all in "
        "one histogram; absent: the last sample.",
    )
    offset: Expression | None = Field(
        None, description="Distance of traces that stand above each other, each with its name at the left (traces)."
    )
    scale_bars: list[Expression] | None = Field(
        None,
        min_length=1,
        max_length=2,
        description="Bars instead of axes: their lengths along x and along y, `[20 ms, 10 mV]`, or along x alone.",
    )
    parts: Names | None = Field(
        None,
        description="Parts that are drawn: `spikes`, `rate` of a raster; `histogram`, `matrix` of weights; `lines`, "
        "`matrix` of connectivity; absent: both.",
    )
    overlay: Flag = Field(False, description="Whether all variables share one pair of axes (they need one unit).")
    name: FileStem | None = Field(None, description="Name of the picture's file, without ending.")


class Panels(Section):
    """Several plots beside each other in one picture."""

    panels: list[Plot] = Field(min_length=1, description="The plots, from left to right.")
    title: Sentence | None = Field(None, description="Title of the whole; `none` for none.")
    footer: Foot = Field("all", description=_FOOTER)
    size: PlotSize | None = Field(None, description="`column` (85 mm), `page` (full width), or `[width, height]`.")
    style: Sentences | None = Field(None, description=_STYLE)
    name: FileStem | None = Field(None, description="Name of the picture's file, without ending.")


PlotForm = TypeAliasType(
    "PlotForm",
    Annotated[
        Annotated[Plot, Tag("<plot>")] | Annotated[Panels, Tag("<panels>")],
        Discriminator(form_by_key("panels", otherwise="<plot>")),
    ],
)
Plots = TypeAliasType(
    "Plots",
    Annotated[
        Annotated[Literal["none"], Tag(ONE_TAG)] | Annotated[list[PlotForm], Tag(LIST_TAG)], Discriminator(_list_or_one)
    ],
)

# --- The whole -------------------------------------------------------------------------------------------------------


class Author(Section):
    """Someone who made the experiment."""

    name: Sentence = Field(description="Given name and family name: `Ada Lovelace`.")
    orcid: Orcid | None = Field(None, description="ORCID iD: `0000-0002-1825-0097`.")
    affiliation: Sentence | None = Field(None, description="University or company.")


AuthorForm = TypeAliasType(
    "AuthorForm",
    Annotated[Annotated[Sentence, Tag(ONE_TAG)] | Annotated[Author, Tag(MAP_TAG)], Discriminator(shape_of)],
)


class Experiment(Section):
    """One whole experiment."""

    model_config = ConfigDict(defer_build=False)

    version: Literal[1] = Field(description="Version of this format: 1.")
    name: FileStem | None = Field(
        None, description="Name of the experiment and of its folder; absent: that of the file."
    )
    description: Sentence | None = Field(None, description="What it shows, in prose.")
    references: Sentences | None = Field(None, description="What it reproduces: papers, with DOI.")
    authors: list[AuthorForm] | None = Field(
        None,
        min_length=1,
        description="Who made it: names, or `{name, orcid, affiliation}`. Exports of results name them.",
    )
    license: License | None = Field(
        None, description="License of the results: an SPDX identifier such as `CC-BY-4.0`, or the address of its text."
    )
    extends: Sentences | None = Field(
        None, description="File or files to start from: maps merge, lists and scalars replace, `null` removes a key."
    )
    seed: SeedForm = Field(1, description="One number, or `{connect, initial, noise, input}` for the single streams.")
    constants: dict[Identifier, Expression] = Field(
        default_factory=dict, description="Name → quantity or expression of other constants; every one can be swept."
    )
    functions: dict[Signature, Expression] = Field(
        default_factory=dict, description="`sigmoid(x): 1/(1 + exp(-x))`, in the language of expressions."
    )
    arrays: dict[Identifier, Array] = Field(
        default_factory=dict, description="Timed arrays, used as functions of time: from values, files or pictures."
    )
    groups: dict[Identifier, Group] = Field(default_factory=dict, description="Neurons.")
    inputs: dict[Identifier, PoissonInput] = Field(
        default_factory=dict, description="Poisson inputs: many trains at once, without neurons of their own."
    )
    synapses: dict[Identifier, Synapses] = Field(default_factory=dict, description="Connections between groups.")
    monitors: dict[Identifier, Monitor] = Field(default_factory=dict, description="What is recorded.")
    operations: dict[Identifier, OperationForm] = Field(
        default_factory=dict, description="What is done at given times during the run."
    )
    run: Run = Field(description="Duration, time step and the like.")
    metrics: dict[Identifier, Expression] = Field(
        default_factory=dict,
        description="Name → number computed from monitors, or from variables and subexpressions of groups and synapses "
        "at the end of the run: `mean_rate(out)`, `count(out) / duration`, `mean(cells.v)`, `max(syn.w)`.",
    )
    search: Search | None = Field(
        None,
        description="Looks for a constant by bisection, in one run after the other, and runs with the value that was "
        "found; a metric `rheobase: I` is this value, of each point of a sweep. Its runs are stored with the results.",
    )
    sweep: Sweep | None = Field(None, description="Runs the experiment with many values.")
    plots: Plots | None = Field(
        None, description="A list of exactly these pictures; `none`; absent: made from the monitors and the sweep."
    )
