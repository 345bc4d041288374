"""The public names: lazy, few, and enough for the main job."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

import screener
from screener.errors import InputError


def test_public_names_load_on_demand() -> None:
    assert set(screener.__all__) == {
        "CompositionSpace",
        "FeatureSpec",
        "Model",
        "Ranking",
        "ScreenerError",
        "score",
        "screen",
    }
    for name in screener.__all__:
        assert getattr(screener, name).__name__ == name
    assert set(screener.__all__) <= set(dir(screener))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = screener.nothing


def test_screen_gives_what_the_command_gives(run, tiny_models: Path) -> None:
    import io

    frame = screener.screen(
        screener.CompositionSpace.build("Al,Ti,Cr", 5),
        models=tiny_models,
        maximize="hardness_gpa",
        top=7,
        threshold=0.6,
    )
    out = run(
        *("enumerate", "--elements", "Al,Ti,Cr", "--step", "5", "--maximize", "hardness_gpa", "--top", "7"),
        *("--threshold", "0.6"),
    ).out
    assert polars.read_csv(io.StringIO(out)).equals(frame)


def test_score_takes_paths_and_tables(tiny_models: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("alloy\nFe\nTiAl\n")
    first = screener.score(str(path), models=tiny_models)
    assert first.equals(screener.score(polars.DataFrame({"alloy": ["Fe", "TiAl"]}), models=tiny_models))


def test_warnings_reach_python(tiny_models: Path) -> None:
    with pytest.warns(UserWarning, match="outside the training elements: `Nb` of every model") as caught:
        screener.screen(screener.CompositionSpace.build("Al,Nb", 50), models=tiny_models)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ({"units": "wt%"}, "unknown units `wt%`", "use `at` or `wt`"),
        ({"units": "WT"}, "unknown units `WT`", "use `at` or `wt`"),
        ({"units": None}, "unknown units `None`", "use `at` or `wt`"),
        (
            {"sample": 2.5},
            "sample `2.5` is not a whole number",
            "draw so many candidates, for example `sample=1000`",
        ),
        (
            {"max_candidates": "many"},
            "max_candidates `many` is not a whole number",
            "set how many may be scored one by one, for example `max_candidates=10_000_000`",
        ),
        ({"models": 3}, "models `3` is not a path", 'name a folder, for example `models="models"`'),
        ({"seed": "x"}, "seed `x` is not a whole number", "use a seed of 0 or more, for example `seed=1`"),
        ({"where": 5}, "where `5` is not text", 'write an expression, for example `where="hardness_gpa > 5"`'),
        ({"time_limit": "60"}, "time_limit `60` is not a number", "give seconds, for example `time_limit=60`"),
        ({"diverse": "5"}, "diverse `5` is not a number", "give at.%, for example `diverse=5`"),
        (
            {"conditions": {"load_n": "x"}},
            "condition load_n `x` is not a number",
            'give numbers by name, for example `conditions={"load_n": 9.8}`',
        ),
    ],
)
def test_what_a_search_cannot_be_asked_is_refused(asked: dict, message: str, hint: str, tiny_models: Path) -> None:
    with pytest.raises(InputError) as caught:
        screener.screen(screener.CompositionSpace.build("Al,Ti", 50), **{"models": tiny_models, **asked})
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_text_is_no_space(tiny_models: Path) -> None:
    with pytest.raises(InputError) as caught:
        screener.screen("Al,Ti,Cr", models=tiny_models)  # type: ignore[arg-type]
    assert caught.value.message == "the space is a str, not a CompositionSpace"
    assert caught.value.hint == 'make one, for example `CompositionSpace.build("Al,Ti,Cr")`'


def test_errors_carry_message_and_hint() -> None:
    with pytest.raises(screener.ScreenerError) as caught:
        screener.screen(screener.CompositionSpace.build("Al,Ti", 50), models="nowhere")
    assert caught.value.message == "no models in `nowhere`"
    assert str(caught.value).startswith("no models in `nowhere`\n\nhint: ")
