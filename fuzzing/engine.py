"""A search in a process of its own, with atheris (libFuzzer): `python -m fuzzing.engine NAME SECONDS CORPUS FOUND`."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from fuzzing.targets import TARGETS, Target


def main() -> None:
    """Search until the time is up, or something breaks a contract."""
    import atheris

    name, seconds, corpus, found = sys.argv[1:]
    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.guided), exclude=_compiled() if target.compiled else []):
        check = target.check
        for seed in target.seeds:  # what is imported on first use is instrumented as well
            with suppress(Exception):
                check(seed.read_bytes())
    atheris.Setup([sys.argv[0], *_flags(target, seconds, Path(corpus), Path(found))], check)
    atheris.Fuzz()


def _flags(target: Target, seconds: str, corpus: Path, found: Path) -> list[str]:
    """Write the options of libFuzzer.

    Args:
        target: what is fuzzed.
        seconds: how long.
        corpus: folder that receives inputs which reach something new.
        found: folder that receives inputs which break a contract.
    """
    words = found / "words.dict"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in dict.fromkeys(target.tokens)), encoding="ascii")
    return [
        str(corpus),
        str(target.seeds[0].parent),
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-timeout={target.patience}",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        "-verbosity=1",
        f"-dict={words}",
        f"-artifact_prefix={found}/",
    ]


def _compiled() -> list[str]:
    """List the modules with kernels: what is compiled cannot be instrumented."""
    package = Path(__file__).parents[1] / "screener"
    paths = [path for path in package.rglob("*.py") if "@kernel" in path.read_text(encoding="utf-8")]
    return ["screener._jit", *(".".join(path.relative_to(package.parent).with_suffix("").parts) for path in paths)]


def _escaped(token: str) -> str:
    """Write a token as libFuzzer's dictionaries do."""
    return "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in token.encode())


if __name__ == "__main__":
    main()
