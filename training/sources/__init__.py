"""Loaders: one function per data set, from the path of its file to the long table of its measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from screener.errors import InputError
from training.catalogue import locate
from training.sources import conventional, glasses, handbook, high_entropy, indentation, resistivity, solid_solutions
from training.sources.collector import SourceRows

Loader = Callable[[Path], SourceRows]

LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "kim_lee_2025_films": resistivity.kim_lee_films,
        "you_2022_literature": resistivity.you_literature,
        "mpea_borg_2020": high_entropy.borg_mpea,
        "hea_tanmay": high_entropy.tanmay_hardness,
        "hea_bert": high_entropy.bert_hardness,
        "hea_dx261": high_entropy.dx261_hardness,
        "hea_gorsse2018": high_entropy.gorsse_hardness,
        "hea_wen2019": high_entropy.wen_hardness,
        "hea_dx261_phase": high_entropy.dx261_phases,
        "hea_ideas": high_entropy.ideas_phases,
        "bajpai_glass_hardness": indentation.bajpai_glass_hardness,
        "brgoch_hardness": indentation.brgoch_compounds,
        "copper_gorsse_2023": conventional.gorsse_copper,
        "landolt_ternary": glasses.landolt_ternary,
        "matbench_glass": glasses.matbench_glass,
        "sun_2017_binary": glasses.sun_binary,
        "mdf_glasses_v5": glasses.mdf_glasses,
        "cerebral_2022": glasses.forrest_greer,
        "ward_2018": glasses.ward_glasses,
        "bajpai_classes": glasses.bajpai_classes,
        "dmax_anshpoonia": glasses.dmax_anshpoonia,
        "dmax_bmgs2024": glasses.dmax_bmgs2024,
        "dmax_usc_fe": glasses.dmax_usc_fe,
        "steel_strength": conventional.steels,
        "aluminium_1150": conventional.aluminium_alloys,
        "formation_enthalpy_2017": conventional.enthalpy_compounds,
    }
)
GENERATED: Mapping[str, Callable[[], SourceRows]] = MappingProxyType(
    {
        "pure_metals": solid_solutions.pure_metals,
        "dilute_solutions": solid_solutions.dilute_solutions,
        handbook.KEY: handbook.handbook_metals,
    }
)


def load_source(key: str, *, download: bool = False) -> SourceRows:
    """Load one data set, or one family of alloys and metals that are in no file.

    Raises:
        InputError: unknown key, file missing, damaged or of another form.
    """
    if key in GENERATED:
        return GENERATED[key]()
    path = locate(key, download=download)
    if key not in LOADERS:
        raise InputError(f"data set `{key}` is not read for training", "training data list shows what is read")
    return LOADERS[key](path)


def load_sources(keys: Iterable[str] | None = None, *, download: bool = False) -> list[SourceRows]:
    """Load the named data sets, or everything that is read for training, in catalogue order.

    Raises:
        InputError: as `load_source`.
    """
    wanted = (*LOADERS, *GENERATED) if keys is None else tuple(keys)
    return [load_source(key, download=download) for key in wanted]
