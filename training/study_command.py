"""`training study`: run studies by name, print their tables, write CSV, Markdown and figures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from screener.errors import InputError, OutputError
from training import dates
from training.cell_store import cell_folder
from training.fit_command import clock
from training.given_files import require_readable
from training.imbalance.choices import require_choice
from training.publish import check_writable, write_whole

if TYPE_CHECKING:
    from training.multitask.config import MultiTaskConfig
    from training.study.base import StudyContext, StudyResult
    from training.study.data import StudyRows
    from training.study.records import Record

ALL, CUSTOM = "all", "custom"
FOLDER = Path("study")
LEAST_SEEDS = 2


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What `training study` was asked for.

    Attributes:
        names: of studies, or `all` alone.
        quick: few rows, epochs, seeds and folds.
        data: a user's table, or the paper's export.
        targets: TOML file with targets of the user's own.
        units: how formulas of the table are meant.
        out: folder of the reports; `study` where None.
        seeds: separated by commas; the paper's where None.
        workers: processes.
        cache: folder of earlier outcomes; the user's cache where None.
        no_cache: neither look outcomes up nor keep them.
        config: TOML file of methods, for `custom`.
        answer: Markdown file of the written answer.
        as_json: print one JSON document in the place of tables.
    """

    names: tuple[str, ...]
    quick: bool = False
    data: Path | None = None
    targets: Path | None = None
    units: Literal["at", "wt"] | None = None
    out: Path | None = None
    seeds: str | None = None
    workers: int = 2
    cache: Path | None = None
    no_cache: bool = False
    config: Path | None = None
    answer: Path | None = None
    as_json: bool = False


def run_study(request: StudyRequest) -> None:
    """Run some studies or all; tables go to standard output, progress to standard error, reports into a folder.

    Raises:
        InputError: an unknown study, options or rows that cannot be used; before anything is trained.
        OutputError: a place that cannot be written.
    """
    from training.study.base import Effort
    from training.study.records import record_of, write_record
    from training.study.report import one_line, printed, stamp_of, write_report

    names, seeds, config = _names(request), _seeds(request.seeds), _config(request)
    folder = request.out or FOLDER
    _check_places(request, folder)
    say = clock()
    context = _context(request, _rows(request, say), seeds, config, say)
    records: list[Record] = []
    for name in _possible(names, context, say):
        start, before = time.monotonic(), replace(context.effort)
        say(f"study {name}")
        try:
            result = _run_one(name, context)
        except InputError as error:
            if len(names) == 1:
                raise
            say(f"study {name} left out: {error.message}")
            continue
        spent = Effort(context.effort.fits - before.fits, context.effort.seconds - before.seconds)
        stamp = stamp_of(context, dates.today(), (time.monotonic() - start) / 60.0, spent)
        print((one_line if request.as_json else printed)(result, stamp), flush=True)
        write_report(result, stamp, folder)
        records.append(record_of(result, stamp, own=not context.rows.standard))
        write_record(records[-1], folder)
    if not records:
        raise InputError("no study can be run on these rows", "ask for one by its name to see what it lacks")
    if request.answer:
        _write_answer(request.answer, records, folder, say)
    say(f"wrote {len(records)} report{'s' if len(records) > 1 else ''} to {folder}")


def _write_answer(place: Path, records: Sequence[Record], folder: Path, say: Callable[[str], None]) -> None:
    """Write the answer of this run's studies and of those whose reports lie beside them, of the same rows and seeds."""
    from training.study import STUDIES
    from training.study.answer import answer
    from training.study.records import records_beside

    own = {record.name for record in records}
    told = records_beside(records, folder, STUDIES if own != {CUSTOM} else own)
    missing = [name for name in STUDIES if name not in (CUSTOM, *(record.name for record in told))]
    earlier = [record.name for record in told if record.name not in own]
    if earlier:
        say(f"the answer counts reports that were there already: {', '.join(earlier)}")
    reports = Path(os.path.relpath(folder, place.parent)).as_posix()
    write_whole(place, answer(told, missing if own != {CUSTOM} else [], reports).encode())


def _names(request: StudyRequest) -> tuple[str, ...]:
    """Names of the studies to run, each once, in the order of all."""
    from training.study import STUDIES

    for name in request.names:
        require_choice("study", name, [*STUDIES, ALL])
    asked = set(request.names)
    others = sorted(asked - {CUSTOM})
    if CUSTOM in asked and request.config is None:
        raise InputError("the study `custom` has no configuration", "name a TOML file of methods with `--config`")
    if others and request.config is not None:
        raise InputError(f"the study `{others[0]}` takes no configuration", "run `training study custom --config …`")
    if ALL in asked:
        return tuple(name for name in STUDIES if name != CUSTOM)
    return tuple(name for name in STUDIES if name in asked)


def _seeds(text: str | None) -> tuple[int, ...] | None:
    """Read seeds; None for the usual ones."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not part.isdecimal() or int(part) >= 2**31), None)
    if wrong is not None:
        raise InputError(f"`{wrong}` is no seed", "write whole numbers separated by commas, e.g. --seeds 1,2,3")
    seeds = tuple(dict.fromkeys(map(int, parts)))
    if len(seeds) < LEAST_SEEDS:
        raise InputError(f"{len(seeds)} seed shows no spread", f"give at least {LEAST_SEEDS} different ones")
    return seeds


def _config(request: StudyRequest) -> MultiTaskConfig | None:
    """Read the user's methods."""
    from training.multitask.config import read_config

    if request.config is None:
        return None
    require_readable(request.config, "TOML")
    return read_config(request.config)


def _check_places(request: StudyRequest, folder: Path) -> None:
    """Refuse places that cannot be written before an hour is spent on what goes there."""
    if request.cache and request.no_cache:
        raise InputError("`--cache` and `--no-cache` exclude each other", "leave one of them out")
    if request.answer and request.answer.is_dir():
        raise OutputError(f"`{request.answer}` is a folder", "name a file")
    places = [folder, *([request.answer.parent] if request.answer else [])]
    for place in places if request.no_cache else [*places, request.cache or cell_folder()]:
        check_writable(place)


def _rows(request: StudyRequest, say: Callable[[str], None]) -> StudyRows:
    """Load what is studied."""
    from training.measured import require_table
    from training.study.data import fewer, measured_rows
    from training.study.own_rows import user_rows

    require_table(request.data, request.targets, request.units)
    if request.data is None:
        full = measured_rows()
    else:
        full = user_rows(request.data, request.targets, units=request.units, say=say)
    rows = fewer(full) if request.quick else full
    if len(rows.tasks) < 2:
        raise InputError(
            f"`{rows.tasks[0]}` is a single task", "multi-task learning needs a table with at least two targets"
        )
    say(f"{len(rows):,} compositions, " + ", ".join(f"{task} {count:,}" for task, count in rows.counts().items()))
    return rows


def _context(
    request: StudyRequest,
    rows: StudyRows,
    seeds: Sequence[int] | None,
    config: MultiTaskConfig | None,
    say: Callable[[str], None],
) -> StudyContext:
    """Gather the means to run."""
    from training.study.base import QUICK_SEEDS, SEEDS, StudyContext
    from training.study.store import OutcomeStore

    usual = SEEDS[:QUICK_SEEDS] if request.quick else SEEDS
    store = None if request.no_cache else OutcomeStore(request.cache or cell_folder())
    chosen = usual if seeds is None else tuple(seeds)
    name = "" if request.config is None else request.config.name
    return StudyContext(rows, chosen, request.quick, request.workers, store, say, config, name)


def _possible(names: Sequence[str], context: StudyContext, say: Callable[[str], None]) -> list[str]:
    """Leave out studies that need the paper's tasks, or refuse the one that was asked for."""
    from training.study import STUDIES

    possible = [name for name in names if context.rows.standard or not STUDIES[name].standard_only]
    for name in names:
        if name not in possible:
            if len(names) == 1:
                raise InputError(
                    f"the study `{name}` needs resistivity, hardness and glass formation",
                    "leave out `--data`, or give a table of all three",
                )
            say(f"study {name} left out: it needs the paper's three tasks")
    return possible


def _run_one(name: str, context: StudyContext) -> StudyResult:
    """Run a study on one thread of this process; nothing is quoted beside other tasks than the paper's."""
    from training.nets import single_thread
    from training.study import STUDIES
    from training.study.quoted import unquoted

    single_thread()
    result = STUDIES[name].run(context)
    return result if context.rows.standard else unquoted(result)
