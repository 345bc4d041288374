"""The documentation holds what it says: blocks run and show the same, references are the help, links lead on."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
LINK = re.compile(r"\]\((?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def _writer() -> ModuleType:
    """The program that writes pages; the folder is no package."""
    spec = importlib.util.spec_from_file_location("write_pages", DOCS / "write_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = _writer()


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def commands_of(app: object, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command below one, by its words."""
    below = getattr(app, "commands", None)
    if below is None:
        yield words, app
        return
    for name, command in below.items():
        yield from commands_of(command, (*words, name))


def all_commands() -> list[tuple[tuple[str, ...], object]]:
    import typer

    from screener.cli import app as screener
    from training.cli import app as training

    apps = (("screener", screener), ("training", training))
    return [each for name, app in apps for each in commands_of(typer.main.get_command(app), (name,))]


def options_of(command: object) -> set[str]:
    return {option for each in command.params for option in (*each.opts, *each.secondary_opts) if option[:1] == "-"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", writer.references(), ids=lambda path: path.name)
def test_references_are_those_of_the_help(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == writer.references()[path], "run: python docs/write_pages.py"


@pytest.mark.parametrize(
    ("words", "command"), all_commands(), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_every_command_has_help_an_example_and_its_options_in_the_reference(words, command) -> None:
    page = text_of("reference.md" if words[0] == "screener" else "reference-training.md")
    section = page.partition(f"## {' '.join(words)}\n")[2].partition("\n## ")[0]
    assert len(section.partition("| argument")[0].strip()) > 20
    for option in options_of(command) - {"--help"}:
        assert f"`{option}`" in section, option
    for parameter in command.params:
        assert parameter.name == "help" or getattr(parameter, "help", ""), parameter.name
    (example,) = (text for kind, text in FENCE.findall(section) if kind == "sh")
    calls = [shlex.split(line.rpartition(" | ")[2], comments=True) for line in example.splitlines()]
    assert calls
    for call in calls:
        assert tuple(call[: len(words)]) == words, call
        for option in (word.partition("=")[0] for word in call if re.match(r"--?[a-z]", word)):
            assert option in options_of(command), option


def test_numbers_at_the_command_line_say_their_unit() -> None:
    """An option that takes a number says in its value or its help what it counts or in what unit."""
    said = re.compile(
        r"at\.%|AT%|seconds|\bs\b|mm\b|from 0 to|recall|probability|share|candidates|rows|port|seed|processes|how many|"
        r"regroupings|times|repeats|epochs|fold|default|columns?|threads|unit|workers|minutes|bytes|hours|days",
        re.IGNORECASE,
    )
    for words, command in all_commands():
        for parameter in command.params:  # type: ignore[attr-defined]
            annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
            if annotation in (int, float):
                text = f"{parameter.metavar or ''} {parameter.opts[0]} {getattr(parameter, 'help', '') or ''}"
                assert said.search(text), f"{' '.join(words)} {parameter.opts}: {text}"


def tokens(shown: str) -> tuple[list[str], list[float]]:
    """Words and numbers of what a terminal shows, apart; memory is that of this process, whatever ran in it before."""
    shown = re.sub(r"about \d+ MB", "about … MB", shown)
    words = re.sub(r"\s+", " ", NUMBER.sub("#", shown)).split(" ")
    return words, [float(each) for each in NUMBER.findall(shown)]


@pytest.mark.parametrize("path", writer.pages(), ids=lambda path: path.name)
def test_blocks_run_and_show_what_stands_there(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    written = re.search(r"<!-- models: (\w*) -->", text)
    same = written is not None and written[1] == writer.models_digest()
    for block in writer.CONSOLE.finditer(text):
        shown = writer.shown(block["command"], tmp_path)
        assert bool(shown) == bool(block["shown"]), block["command"]
        if same:  # the numbers of other models are others
            words, numbers = tokens(shown)
            assert words == tokens(block["shown"])[0], "run: python docs/write_pages.py"
            assert numbers == pytest.approx(tokens(block["shown"])[1], rel=5e-3, abs=1e-6)


def test_the_tutorial_is_of_three_real_systems_and_says_which_models_wrote_it() -> None:
    text = text_of("tutorial.md")
    for elements in ("Cu,Zr,Al", "Al,Ti,Cr", "Nb,Mo,Ta,W"):
        assert f"--elements {elements}" in text
    assert all(re.search(r"<!-- models: \w{16} -->", path.read_text(encoding="utf-8")) for path in writer.pages())


def test_python_of_the_tutorial_runs(capsys) -> None:
    (code,) = (text for kind, text in FENCE.findall(text_of("tutorial.md")) if kind == "python")
    exec(compile(code, "tutorial.md", "exec"), {})
    assert "p_bulk_glass" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("reference")])
def test_commands_of_the_pages_exist(name: str) -> None:
    known = {words: options_of(command) for words, command in all_commands()}
    lines = [line for kind, text in FENCE.findall(text_of(name)) if kind == "sh" for line in text.splitlines()]
    for line in lines:
        call = shlex.split(line, comments=True)
        if call[:1] in (["screener"], ["training"]):
            words = next(each for each in (tuple(call[:3]), tuple(call[:2])) if each in known)
            used = {word.partition("=")[0] for word in call if re.match(r"--?[a-z]", word)}
            assert used <= known[words], line


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as mkdocs makes them."""
    from markdown.extensions.toc import slugify

    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {slugify(re.sub(r"[`*]", "", each), "-") for each in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page = DOCS / name
    for link in LINK.finditer(FENCE.sub("", text_of(name))):
        target, anchor = link["target"], link["anchor"]
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        aim = (page.parent / target).resolve() if target else page
        assert aim.is_file(), f"{name}: {link[0]}"
        assert aim.is_relative_to(REPOSITORY)
        if anchor:
            pytest.importorskip("markdown", reason="the extra `docs` is not installed")
            assert anchor in anchors(aim), f"{name}: {link[0]}"


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "tutorial" / "index.html").is_file()
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
        assert not [url for url in loaded if not url.startswith("https://github.com")], page


def test_every_page_is_in_the_navigation() -> None:
    listed = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for name in PAGES if f": {name}" not in listed] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_names_this_machine(name: str) -> None:
    assert not re.search(r"/(?:root|home/(?!screener)|work/|opt|tmp)/", text_of(name))


def test_the_notebook_runs_and_its_tables_show_themselves() -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra `docs` is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra `docs` is not installed")
    notebook = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "keep outputs out of the repository"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(REPOSITORY)}}).execute()
    shown = [each for cell in notebook.cells for each in cell.get("outputs", ()) if "data" in each]
    tables = [each["data"]["text/html"] for each in shown if "text/html" in each["data"]]
    assert len(tables) == 3
    assert "nearest_training_alloy" in tables[1]


def test_the_declaration_and_the_methods_of_the_page_read(tmp_path: Path) -> None:
    from training.declaration import read_declaration
    from training.multitask.config import read_config

    declared, methods = (text for kind, text in FENCE.findall(text_of("howto/own-data.md")) if kind == "toml")
    (tmp_path / "my.toml").write_text(declared, encoding="utf-8")
    (target,) = read_declaration(tmp_path / "my.toml")
    assert (target.name, target.unit, target.kind) == ("yield_strength_mpa", "MPa", "regression")
    (tmp_path / "methods.toml").write_text(methods, encoding="utf-8")
    assert read_config(tmp_path / "methods.toml").aggregator.name == "pcgrad"
