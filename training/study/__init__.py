"""Studies of multi-task learning on alloy properties, each by name: does it help, and which remedy does?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.study.base import Study, StudyContext, StudyResult

STUDIES: Mapping[str, Study] = MappingProxyType({})

__all__ = ["STUDIES", "Study", "StudyContext", "StudyResult"]
