"""Each key of the format is followed by the export, or noted: a new one fails here until that is decided."""

import pytest

from snnrun.export import brian2, groups, others, phases, pictures, sweeps, synapses
from snnrun.spec import models

NOTED = [
    ([models.NeuronGroup], groups._KEYS, {"tolerance", "use"}),  # a `use` is resolved before
    ([models.PoissonGroup], groups._KEYS, set()),
    ([models.SpikeGroup], groups._KEYS, set()),
    ([models.PoissonInput], others._INPUT, {"phases"}),
    ([models.Synapses], synapses._KEYS, {"linked", "tolerance", "use"}),
    ([models.Operation], others._OPERATION, {"at", "phases"}),
    ([models.SpikeMonitor], others._MONITOR["spikes"], {"indices", "counts_only", "window"}),
    ([models.EventMonitor], others._MONITOR["events"], {"condition", "indices", "window"}),
    ([models.StateMonitor], others._MONITOR["state"], {"window"}),
    ([models.RateMonitor], others._MONITOR["rate"], {"bin", "smooth", "window"}),
    ([models.Run], phases._RUN, {"start_from", "precision"}),
    ([models.Phase], phases._PHASE, {"at_end", "repeat_until", "stop_when"}),
    ([models.RepeatedPhases], phases._BLOCK, {"repeat_until"}),
    ([models.Sweep], sweeps._KEYS, {"shared"}),
    ([models.Experiment], (*brian2._PARTS, *brian2._ELSEWHERE), {"search"}),
    (
        [models.Plot],
        pictures._FOLLOWED,
        {"neurons", "z", "log", "xlim", "ylim", "bin", "period", "marks", "lines", "vlines", "overlay"}
        | {"zlim", "times", "offset", "scale_bars", "parts"},
    ),
]


@pytest.mark.parametrize(("kinds", "followed", "noted"), NOTED, ids=lambda value: getattr(value, "__name__", ""))
def test_every_key_is_followed_or_noted(kinds, followed, noted):
    for kind in kinds:
        keys = {field.alias or name for name, field in kind.model_fields.items()}
        assert keys - set(followed) == noted
