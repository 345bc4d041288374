"""Generated alloys and their formulas, and how one is read or refused."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from screener.elements import element_symbols
from screener.errors import FormulaError
from screener.formula import Composition, parse_formula

LAWS = settings(deadline=None, max_examples=150)
HINT = "write amounts behind symbols as in `Cu50Zr50`, groups as in `(CoCrFeNi)94Al6`, or a balance as in `Ti-6Al-4V`"

symbols_ = st.lists(st.sampled_from(element_symbols()), min_size=1, max_size=8, unique=True)
amounts_ = st.integers(1, 999_999).map(lambda ticks: ticks / 10_000)


@st.composite
def alloys(draw):
    symbols = draw(symbols_)
    return {symbol: draw(amounts_) for symbol in symbols}


def text_of(alloy) -> str:
    return "".join(f"{symbol}{amount:.4f}" for symbol, amount in alloy.items())


def as_dict(composition: Composition) -> dict[str, float]:
    return dict(zip(composition.symbols, composition.fractions, strict=True))


def refusal(formula: str, units=None) -> tuple[str, str]:
    with pytest.raises(FormulaError) as refused:
        parse_formula(formula, units)
    return refused.value.message, refused.value.hint
