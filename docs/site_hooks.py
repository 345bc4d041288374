"""What mkdocs needs to know of pages that commands write outside this folder: they are shown under `figures/`."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_REPOSITORY = Path(__file__).resolve().parents[1]
_WRITTEN = ("README.md", "EVALUATION.md", "BENCHMARK.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the tables that stand beside the models."""
    for name in _WRITTEN:
        if (_REPOSITORY / "models" / name).is_file():
            source = str(_REPOSITORY / "models" / name)
            files.append(File.generated(config, f"figures/{name}", abs_src_path=source))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links between the two folders find each other on the site."""
    if page.file.src_uri.startswith("figures/"):
        return markdown.replace("](../docs/", "](../")
    up = "../" * page.file.src_uri.count("/")
    return markdown.replace(f"]({up}../models/", f"]({up}figures/")
