"""The list of commands, and the one place where an ending becomes an exit code.

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     done, and the answer is the one asked about: a limit of ``--fail-if`` is
      exceeded, ``reproduce`` got other bytes, a proof or log does not verify,
      a monitor has something to look at, ``law decide`` does not permit, or
      ``law check``, ``law scenarios``, ``law recheck`` or ``desk check``
      found something
2     the input or the command is not what it must be; the message says what to do
3     a defect in Countenance
130   interrupted; nothing half-written is left
====  ==========================================================================
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import typer
from typer.exceptions import TyperException

from countenance.cli import (
    audit,
    cache,
    compare,
    datasets,
    demo,
    demodesk,
    desk,
    engines,
    law,
    plan,
    record,
    report,
    reproduce,
    schema,
    serve,
    verify,
)
from countenance.cli.options import Debug, Version

DONE, LIMITS_EXCEEDED, BAD_INPUT, DEFECT, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="countenance",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="Start with `countenance demo`. Exit codes: 0 done, 1 limits exceeded, 2 bad input, "
    "3 a defect in Countenance, 130 interrupted.",
)


@app.callback()
def root(debug: Debug = False, version: Version = False) -> None:
    """Measure how often a face-recognition system is wrong, and for whom."""


_brief = {  # one line each in `countenance --help`, short enough for 80 columns
    "demo": "Audit two real engines on scores that come along.",
    "audit": "Measure a system: images or scores in, a report out.",
    "compare": "Compare two images; say what the audit says of it.",
    "plan": "Say how many people a finding needs.",
    "report": "Write the report of an audit anew.",
    "reproduce": "Make an audit again; say whether every byte agrees.",
    "engines": "List the engines: hashes, thresholds, licences.",
    "datasets": "List the known data sets, or bring one.",
    "cache": "Show or clear what is kept on this machine.",
    "law": "Decide by the rules of a place, with citations.",
    "record": "Keep a log that nobody can quietly edit.",
    "serve": "Serve the desk: the only door to a search.",
    "desk": "Operate a desk: back up, put back, check.",
    "demo-desk": "Walk through a desk of invented people.",
    "verify": "Check a proof file, offline.",
    "schema": "Print the JSON schema of audit.json.",
}
app.command("demo", short_help=_brief["demo"])(demo.demo)
app.command("audit", short_help=_brief["audit"], no_args_is_help=True)(audit.audit)
app.command("compare", short_help=_brief["compare"], no_args_is_help=True)(compare.compare)
app.command("plan", short_help=_brief["plan"], no_args_is_help=True)(plan.plan)
app.command("report", short_help=_brief["report"], no_args_is_help=True)(report.report)
app.command("reproduce", short_help=_brief["reproduce"], no_args_is_help=True)(reproduce.reproduce)
app.command("engines", short_help=_brief["engines"])(engines.engines)
app.add_typer(datasets.app, name="datasets", short_help=_brief["datasets"])
app.add_typer(cache.app, name="cache", short_help=_brief["cache"])
app.add_typer(law.app, name="law", short_help=_brief["law"])
app.add_typer(record.app, name="record", short_help=_brief["record"])
app.command("serve", short_help=_brief["serve"], no_args_is_help=True)(serve.serve)
app.add_typer(desk.app, name="desk", short_help=_brief["desk"])
app.command("demo-desk", short_help=_brief["demo-desk"])(demodesk.demo_desk)
app.command("verify", short_help=_brief["verify"], no_args_is_help=True)(verify.verify)
app.command("schema", short_help=_brief["schema"])(schema.schema)


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command: its exit code, with the message on stderr where it did not end well."""
    given = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in given  # taken anywhere on the line
    arguments = [word for word in given if word != "--debug"]
    if argv is None:
        signal.signal(signal.SIGTERM, _terminated)
    try:
        command = typer.main.get_command(app)
        with command.make_context("countenance", arguments) as context:
            code = command.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except typer.Exit as ending:
        return ending.exit_code
    except KeyboardInterrupt:
        _say("\nInterrupted. Nothing half-written was left behind.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say on stderr what went wrong, and return the exit code for it."""
    from countenance.core import CountenanceError

    if isinstance(error, TyperException):
        _say(_usage(error))
        return BAD_INPUT
    if isinstance(error, CountenanceError):
        _say(error.diagnostics())
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None:
        _say(f"{os.fspath(error.filename)}: {error.strerror or error}")
        return BAD_INPUT
    _say(
        f"This is a defect in Countenance: {type(error).__name__}: {error}\n"
        "  to do:    run the same command with --debug and report what it prints"
    )
    return DEFECT


def _usage(error: TyperException) -> str:
    """A usage error in the form of every other message: what, what was expected, what to do."""
    context = getattr(error, "ctx", None)
    if context is None or type(error).__name__ == "NoArgsIsHelpError":
        return error.format_message()
    usage = " ".join(context.get_usage().split()).removeprefix("Usage: ")
    see = f"see {context.command_path} --help"
    return f"{error.format_message()}\n  expected: {usage}\n  to do:    {see}"


def _say(text: str) -> None:
    """One message on stderr, without colour or wrapping, so that it can be searched for."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _terminated(_signum: int, _frame: FrameType | None) -> None:
    """A polite end (SIGTERM) is treated as Ctrl-C, so that temporary files are cleaned up."""
    raise KeyboardInterrupt
