"""Screen alloy compositions at high throughput.

The public names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from screener.descriptors.specs import FeatureSpec
    from screener.errors import ScreenerError
    from screener.model import Model
    from screener.pipeline import screen
    from screener.ranking import Ranking
    from screener.scoring import score
    from screener.space import CompositionSpace

__all__ = ["CompositionSpace", "FeatureSpec", "Model", "Ranking", "ScreenerError", "score", "screen"]

_HOMES = {
    "CompositionSpace": "screener.space",
    "FeatureSpec": "screener.descriptors.specs",
    "Model": "screener.model",
    "Ranking": "screener.ranking",
    "ScreenerError": "screener.errors",
    "score": "screener.scoring",
    "screen": "screener.pipeline",
}


def __getattr__(name: str) -> object:
    """Load a public name from where it is defined."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names beside the usual ones."""
    return sorted({*globals(), *__all__})
