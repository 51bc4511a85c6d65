"""The compiled test kernels, once per session."""

import pytest

from snnrun.kernels.arithmetic import Math, Precision

from .kernels import HOST, PLAINEST, Kernels


@pytest.fixture(scope="session", params=list(Precision))
def kernels(request):
    return Kernels(request.param, Math.STRICT, HOST)


@pytest.fixture(scope="session")
def plainest(kernels):
    """The same for the plainest processor of this architecture."""
    return Kernels(kernels.precision, Math.STRICT, PLAINEST)


@pytest.fixture(scope="session", params=list(Precision))
def fast(request):
    return Kernels(request.param, Math.FAST, HOST)
