"""Studies of multi-task learning on alloy properties, each by name: does it help, and which remedy does?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.study.base import Study, StudyContext, StudyResult
from training.study.custom import CUSTOM
from training.study.fds import FDS
from training.study.main import MAIN
from training.study.mitigation import MITIGATION
from training.study.relations import RELATIONS
from training.study.soft import SOFT

STUDIES: Mapping[str, Study] = MappingProxyType(
    {study.name: study for study in (MAIN, RELATIONS, MITIGATION, FDS, SOFT, CUSTOM)}
)
"""Every study, in the order in which `all` runs them; `custom` only by its name."""

__all__ = ["STUDIES", "Study", "StudyContext", "StudyResult"]
