"""How a command ends: with its result, one fact and a hint, or a signal."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

from screener.errors import ScreenerError
from screener.visible_text import visible_line

DONE, BUG, USER_ERROR, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
# Typer carries its own copy of Click or imports it, depending on its version; this is its base of usage errors.
_USAGE_ERROR: type[Exception] = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")


class _Terminated(BaseException):
    """The process was asked to end."""


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and turn the way it ends into an exit code, errors shown on standard error."""
    _give_streams()
    try:
        with _terminable():
            command()
            sys.stdout.flush()
        return DONE
    except typer.Exit as end:
        return int(end.exit_code)
    except ScreenerError as error:
        show(error)
    except _USAGE_ERROR as error:
        show(usage_error(error))
    except BrokenPipeError:
        return DONE  # whoever read the output has seen enough
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except Exception:
        with suppress(BrokenPipeError):
            traceback.print_exc()
        return BUG
    finally:
        _settle_streams()
    return USER_ERROR


def _give_streams() -> None:
    """Write nowhere where the caller has closed standard output or standard error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _settle_streams() -> None:
    """Write what is still buffered; where nobody reads any more it goes nowhere, and nothing is said about it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def show(error: ScreenerError) -> None:
    """Print one fact and, after a blank line, what to do about it."""
    hint = f"\n\nhint: {visible_line(error.hint)}" if error.hint else ""
    with suppress(BrokenPipeError):
        print(f"error: {visible_line(error.message)}{hint}", file=sys.stderr)


def usage_error(problem: Exception) -> ScreenerError:
    """Say in one fact and one hint what is wrong with how a command was called."""
    context = getattr(problem, "ctx", None)
    text: str = getattr(problem, "format_message", problem.__str__)()
    fact, suggestion = text, ""
    match = re.search(r"\s*(?:\(Possible options?: (?P<options>.+)\)|Did you mean (?P<one>.+?)\?)\s*$", text)
    if match:
        fact, suggestion = text[: match.start()], match["options"] or match["one"]
    fact = re.sub(r"'([^']*)'", r"`\1`", fact.strip().rstrip("."))
    fact = re.sub(r"^No such option: (\S+)", r"no such option `\1`", fact)
    command = getattr(context, "command_path", "screener")
    names = " or ".join(f"`{each.strip(chr(39))}`" for each in suggestion.split(", ")) if suggestion else ""
    hint = f"did you mean {names}?" if names else f"`{command} --help` lists what there is"
    return ScreenerError(fact[:1].lower() + fact[1:], hint)


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn a request to end into an exception, so that unfinished files are removed on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
