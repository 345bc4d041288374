"""`training ablation`: what descriptor groups and learners are worth, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError
from training import dates
from training.ablation import (
    CHOICE_SEED,
    GROUPS,
    HEADLINE,
    TREES,
    candidate_trials,
    group_columns,
    group_trials,
    run_trials,
)
from training.candidates import CANDIDATES
from training.fit import table_digest
from training.fit_command import clock
from training.measured import load_measured
from training.publish import check_writable, write_whole
from training.report_tables import Section, Value
from training.stacking import CHOICE, JUDGED, Stack, stack
from training.tasks import TaskRows

_TITLE = "# What descriptors and learners are worth\n"
_SCORE = {"regression": "R²", "classification": "PR-AUC"}


@dataclass(frozen=True, slots=True)
class AblationRequest:
    """What `training ablation` was asked for.

    Attributes:
        targets: result columns; every standing one where empty.
        seed: grouping of chemical systems.
        out: Markdown file.
        workers: processes.
        as_json: print one JSON document in the place of tables.
    """

    targets: tuple[str, ...] = ()
    seed: int = CHOICE_SEED
    out: Path | None = None
    workers: int = 2
    as_json: bool = False


def run_ablation(request: AblationRequest) -> None:
    """Score every variant, print the tables, write them where asked.

    Raises:
        InputError: an unknown target, or data that cannot be learned from.
        OutputError: the file cannot be written.
    """
    if request.out:
        check_writable(request.out.parent)
    say = clock()
    every = load_measured().tables
    for target in request.targets:
        if target not in every:
            raise InputError(f"there is no target `{target}`", f"targets are {', '.join(every)}")
    chosen = request.targets or tuple(every)
    trials = [trial for target in chosen for trial in (*group_trials(target), *candidate_trials(target))]
    scores = run_trials(trials, every, request.seed, request.workers, say)
    stacks = [each for each in stack(every, HEADLINE, request.workers, say) if each.target in chosen]
    tables = {target: every[target] for target in chosen}
    sections = (group_section(tables, scores), candidate_section(tables, scores), learner_section(tables, stacks))
    today, digest = dates.today(), table_digest(every)
    text = report(sections, today, request.seed, digest)
    if request.as_json:
        document = {"date": today, "data_digest": digest, "seeds": [request.seed]}
        told = {**document, "sections": {section.name: section.document() for section in sections}}
        print(json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        print(text)
    if request.out:
        write_whole(request.out, text.encode())


def report(sections: Sequence[Section], today: str, seed: int, digest: str) -> str:
    """Write the tables.

    Args:
        sections: the tables.
        today: date, in ISO format.
        seed: grouping.
        digest: of the data.
    """
    told = (
        f"Five folds by chemical system, grouping {seed} (tables of scores use 0 to 4), out of fold, {today}, data "
        f"{digest}. Written by `training ablation`.\n"
    )
    return "\n".join([_TITLE, told, *(section.markdown() for section in sections)])


def group_section(tables: Mapping[str, TaskRows], scores: Mapping[tuple[str, str], float]) -> Section:
    """Tabulate what is lost without each group of descriptors, and what it gains beside the amounts alone."""
    columns = [("group", "descriptors"), ("count", "columns")]
    first: dict[str, Value] = {"group": "everything"}
    last: dict[str, Value] = {"group": "amounts alone"}
    rows: dict[str, dict[str, Value]] = {g: {"group": g, "count": int(group_columns(g).sum())} for g in GROUPS}
    for target, table in tables.items():
        name = _SCORE[table.recipe.kind]
        columns += [(f"{target} without", f"{target} {name} without"), (f"{target} with", "with amounts")]
        whole, bare = scores[target, "everything"], scores[target, "amounts alone"]
        first |= {f"{target} without": whole}
        last |= {f"{target} with": bare}
        for group, row in rows.items():
            row[f"{target} without"] = scores[target, f"without {group}"]
            row[f"{target} with"] = scores[target, f"with {group}"]
    caption = (
        f"The first learner of each recipe with {TREES:.0%} of its trees: with every descriptor, with all but one "
        "group, and with the amounts of the elements and one group alone."
    )
    return Section("groups", "Groups of descriptors", caption, tuple(columns), [first, *rows.values(), last])


def candidate_section(tables: Mapping[str, TaskRows], scores: Mapping[tuple[str, str], float]) -> Section:
    """Tabulate what descriptors that the set leaves out would add."""
    columns = [("candidate", "descriptors"), *((t, f"{t} {_SCORE[table.recipe.kind]}") for t, table in tables.items())]
    first: dict[str, Value] = {"candidate": "everything"}
    rows = [first | {target: scores[target, "everything"] for target in tables}]
    for name in CANDIDATES:
        told: dict[str, Value] = {"candidate": f"and {name}"}
        rows.append(told | {target: scores[target, f"and {name}"] for target in tables})
    caption = "Descriptors that the set leaves out, each beside every one of it, to the same learner."
    return Section("candidates", "Candidates", caption, tuple(columns), rows)


def learner_section(tables: Mapping[str, TaskRows], stacks: Sequence[Stack]) -> Section:
    """Tabulate the learners of each target and their blends."""
    rows: list[dict[str, Value]] = []
    for each in stacks:
        told: dict[str, Value] = {"target": each.target, "score": _SCORE[tables[each.target].recipe.kind]}
        parts = zip(each.members, each.standing, each.learned, each.alone, strict=True)
        for member, standing, learned, alone in parts:
            name = f"{member.learner}, {member.columns} columns"
            shares: dict[str, Value] = {"standing": f"{standing:.2f}", "learned": f"{learned:.2f}"}
            rows.append({**told, "learner": name, **shares, "value": alone})
        rows += [{**told, "learner": f"blend, {how}", "value": value} for how, value in each.blends.items()]
    columns = (
        ("target", "target"),
        ("learner", "learner"),
        ("standing", "share in the recipe"),
        ("learned", "share learned"),
        ("score", "score"),
        ("value", f"grouping {JUDGED}"),
    )
    caption = (
        "Every learner alone, among them those that the recipe leaves out, and their blends. Shares are learned by "
        f"stacking on out-of-fold predictions of grouping {CHOICE}; everything is scored on grouping {JUDGED}."
    )
    return Section("learners", "Learners", caption, columns, rows)
