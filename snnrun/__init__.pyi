from snnrun.api import Run as Run
from snnrun.api import Sweep as Sweep
from snnrun.api import load as load
from snnrun.api import run as run

__version__: str
