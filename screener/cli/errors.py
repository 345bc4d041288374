"""How a command ends: with its result, one fact and a hint, or a signal."""

from __future__ import annotations

import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from screener.cli.streams import usable_streams
from screener.errors import ScreenerError
from screener.visible_text import visible_line

DONE, BUG, USER_ERROR, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
# Typer carries its own copy of Click or imports it, depending on its version; this is its base of usage errors.
_USAGE_ERROR: type[Exception] = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")


class _Terminated(BaseException):
    """The process was asked to end."""


def exit_code(command: Callable[[], object]) -> int:
    """Run a command and turn the way it ends into an exit code, errors shown on standard error."""
    with usable_streams():
        try:
            with _terminable():
                command()
                sys.stdout.flush()
            return DONE
        except typer.Exit as end:
            return int(end.exit_code)
        except BrokenPipeError:
            return DONE  # whoever read the output has seen enough
        except (Exception, KeyboardInterrupt, _Terminated) as error:
            return _request(error) or _told(error)


def _request(error: BaseException | None) -> int | None:
    """Return the exit code of the request to end behind an error, which a library may have made one of its own."""
    while error is not None:
        if isinstance(error, _Terminated):
            return TERMINATED
        if isinstance(error, KeyboardInterrupt | typer.Abort):
            return INTERRUPTED
        error = error.__cause__ or error.__context__
    return None


def _told(error: BaseException) -> int:
    """Show an error on standard error and return its exit code."""
    if isinstance(error, ScreenerError):
        show(error)
        return USER_ERROR
    if isinstance(error, _USAGE_ERROR):
        show(usage_error(error))
        return USER_ERROR
    traceback.print_exception(error)
    return BUG


def show(error: ScreenerError) -> None:
    """Print one fact and, after a blank line, what to do about it."""
    hint = f"\n\nhint: {visible_line(error.hint)}" if error.hint else ""
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
