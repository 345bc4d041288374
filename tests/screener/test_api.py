"""The public names: lazy, few, and enough for the main job."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

import screener


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


def test_errors_carry_message_and_hint() -> None:
    with pytest.raises(screener.ScreenerError) as caught:
        screener.screen(screener.CompositionSpace.build("Al,Ti", 50), models="nowhere")
    assert caught.value.message == "no models in `nowhere`"
    assert str(caught.value).startswith("no models in `nowhere`\n\nhint: ")
