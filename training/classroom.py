"""The screen tier's nets: which share layers with what, and their lessons, each worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from training.distillation import Lesson, Student, Taught, distill, distill_shared, make_lesson, taught
from training.effort import Effort
from training.ensembles import Ensemble
from training.recipes import TARGET_OF_TASK
from training.sources.table import AMORPHOUS
from training.tasks import TaskRows


@dataclass(frozen=True, slots=True)
class Course:
    """What every student of a fit needs.

    Attributes:
        tables: rows by target.
        teachers: precise ensembles by target, fitted on the same rows.
        seed: of lessons and nets.
        effort: sizes of lesson and schedule.
    """

    tables: Mapping[str, TaskRows]
    teachers: Mapping[str, Ensemble]
    seed: int
    effort: Effort


class Classroom:
    """Teachers of every target and the students they make.

    Args:
        tables: rows by target; the lesson of a target is drawn around its own.
        teachers: precise ensembles by target, fitted on the same rows.
        seed: of lessons and nets.
        effort: sizes of lesson and schedule.
    """

    def __init__(
        self, tables: Mapping[str, TaskRows], teachers: Mapping[str, Ensemble], seed: int, effort: Effort
    ) -> None:
        self._tables, self._teachers, self._seed, self._effort = tables, teachers, seed, effort
        self._heard: tuple[str, Lesson, Taught] | None = None

    def student(self, target: str, *, alone: bool = False) -> Student:
        """Distil the net of one target; students of one target in a row hear the same lesson.

        Args:
            target: what it predicts.
            alone: share no layers with regressors.
        """
        rows, schedule = self._tables[target], replace(self._effort.schedule, seed=self._seed)
        if self._heard is None or self._heard[0] != target:
            lesson = make_lesson(rows.fractions, self._effort.lesson_rows, self._seed)
            self._heard = target, lesson, taught(rows, self._teachers[target], lesson, self._seed)
        _, lesson, answers = self._heard
        others = () if alone else shares_with(self._tables, target)
        if not others:
            return distill(rows, answers, schedule)
        regressors = {name: self._tables[name] for name in others}
        return distill_shared(rows, regressors, self._teachers, lesson, answers, schedule)


def students(course: Course, target: str) -> tuple[Student, ...]:
    """Distil every net of one target: the one that shares layers, if with any, and the one that stands alone.

    Students of one target hear the same lesson.
    """
    room = Classroom(course.tables, course.teachers, course.seed, course.effort)
    shared = (room.student(target),) if shares_with(course.tables, target) else ()
    return (*shared, room.student(target, alone=True))


def shares_with(tables: Mapping[str, TaskRows], target: str) -> tuple[str, ...]:
    """Name the regressors that the amorphous classifier's student shares its hidden layers with."""
    if target != TARGET_OF_TASK[AMORPHOUS]:
        return ()
    return tuple(name for name, rows in tables.items() if rows.recipe.kind == "regression")
