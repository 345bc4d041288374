"""Studies of multi-task learning on alloy properties, each by name: does it help, and which remedy does?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.study.autoscale import AUTOSCALE
from training.study.base import Study, StudyContext, StudyResult
from training.study.clusters import CLUSTERS
from training.study.curriculum import CURRICULUM
from training.study.custom import CUSTOM
from training.study.derived import DERIVED_STUDY
from training.study.fds import FDS
from training.study.forms import FORMS_STUDY
from training.study.gradients import GRADIENTS
from training.study.imbalance import IMBALANCE
from training.study.main import MAIN
from training.study.mitigation import MITIGATION
from training.study.pretrain import PRETRAIN
from training.study.relations import RELATIONS
from training.study.soft import SOFT
from training.study.transfer import TRANSFER

STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        study.name: study
        for study in (
            *(MAIN, RELATIONS, IMBALANCE, GRADIENTS, TRANSFER, CURRICULUM, MITIGATION, FDS, SOFT),
            *(FORMS_STUDY, DERIVED_STUDY, CLUSTERS, AUTOSCALE, PRETRAIN, CUSTOM),
        )
    }
)
"""Every study, in the order in which `all` runs them; `custom` only by its name."""

__all__ = ["STUDIES", "Study", "StudyContext", "StudyResult"]
