"""The compiled test kernels, once per session."""

import pytest

from snnrun.numerics.arithmetic import Math, Precision

from .kernels import Kernels


@pytest.fixture(scope="session", params=list(Precision))
def kernels(request):
    return Kernels(request.param, Math.STRICT)
