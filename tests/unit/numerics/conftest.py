"""The compiled test kernels, once per session."""

import pytest

from snnrun.numerics.arithmetic import Math, Precision

from .kernels import Kernels


@pytest.fixture(scope="session", params=list(Precision))
def kernels(request, tmp_path_factory):
    return Kernels(tmp_path_factory.mktemp("kernels"), request.param, Math.STRICT)
