"""Every error a user can meet, once: its stable code, exit status, cause and hint.

A message is one sentence that says *what* is wrong, *where* (module path, file, byte)
and *what to do*. ``docs/reference/errors.md`` is written from :data:`CODES` (``make docs``), and a
test holds the two together.

Exit statuses: 1 the answer is no, 2 wrong usage or unreadable input, 3 our fault; 130 on
interrupt, 141 where nobody reads standard output any more, 143 on termination.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnc.messages import printable

EXIT_DONE = 0
EXIT_NO = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141


@dataclass(frozen=True)
class ErrorCode:
    """One kind of error: stable ``code``, process exit ``status``, title, cause and hint."""

    code: str
    status: int
    title: str
    cause: str
    hint: str


CODES: dict[str, ErrorCode] = {}


def _code(number: int, status: int, title: str, cause: str, hint: str) -> ErrorCode:
    entry = ErrorCode(f"SNNC-E{number:03d}", status, title, cause, hint)
    if entry.code in CODES:
        raise ValueError(f"error code {entry.code} is defined twice")
    CODES[entry.code] = entry
    return entry


# 1xx: the model ------------------------------------------------------------------------
UNSUPPORTED_LAYER = _code(
    101,
    EXIT_NO,
    "unsupported layer",
    "The model holds a layer, or an option of a layer, for which snnc has no operator.",
    "Run `snnc check MODEL`: it lists every such layer at once with a way out.",
)
BAD_CHECKPOINT = _code(
    102,
    EXIT_USAGE,
    "unreadable model",
    "The model file is missing, truncated, not a snnc checkpoint, or holds pickled code.",
    "Write it again with `snnc.save`; never load pickled code from a file you do not trust.",
)
BAD_WEIGHTS = _code(
    103,
    EXIT_USAGE,
    "unusable weights",
    "A parameter is missing, has another shape than its layer, or holds NaN or infinity.",
    "Check the training run that wrote the file; the message names the parameter.",
)
BAD_SHAPE = _code(
    104,
    EXIT_NO,
    "shapes do not fit",
    "A layer cannot take the shape that the layer before it gives for the declared input.",
    "Correct the layer or the input description (sensor size, downsampling) of the model.",
)
NOT_CAUSAL = _code(
    105,
    EXIT_NO,
    "the model cannot stream",
    "Streaming was asked for, but a module needs time steps that have not happened yet.",
    "Use `run` on a whole window, or a network without attention.",
)
TRAINING_DIVERGED = _code(
    106,
    EXIT_NO,
    "training diverged",
    "The loss became NaN or infinite.",
    "Lower the learning rate, or check the data.",
)
NO_COUNT_RULE = _code(
    107,
    EXIT_NO,
    "no counting rule",
    "A counting convention does not say what one of the model's operators costs.",
    "Count by another convention (`executed` knows every operator), or report the operator.",
)
BAD_ATTRIBUTE = _code(
    108,
    EXIT_USAGE,
    "unusable attribute",
    "An importer gave an operator an attribute or a parameter that it does not have, left one out, "
    "or gave it a value that it does not take.",
    "Correct the operator that the importer builds; the message names the attribute.",
)

# 2xx: the data -------------------------------------------------------------------------
BAD_RECORDING = _code(
    201,
    EXIT_USAGE,
    "unreadable recording",
    "The recording is missing, truncated, or not in a format that snnc reads.",
    "The message names the file and, where known, the byte; re-export the recording.",
)
EMPTY_RECORDING = _code(
    202,
    EXIT_USAGE,
    "no events",
    "The recording is valid but holds no events.",
    "Choose another recording.",
)
WRONG_SENSOR = _code(
    203,
    EXIT_USAGE,
    "sensor does not fit the model",
    "The recording's sensor size differs from the one the model was built for.",
    "Use a recording from the model's sensor, or train a model for this one.",
)
BAD_DATA_SPEC = _code(
    204,
    EXIT_USAGE,
    "unknown data set",
    "DATA is not one of the forms `snnc` knows, or its folder is missing or empty.",
    "Write nmnist:DIR, another name of docs/datasets.md, gesture-sim, or the path of a recording.",
)
BAD_ENERGY_TABLE = _code(
    205,
    EXIT_USAGE,
    "unusable energy table",
    "The energy table is missing, is not TOML, or lacks a figure, its unit or its source.",
    "Start from a table that snnc brings: the message names the entry that is wrong.",
)

# 3xx: compiling ------------------------------------------------------------------------
BAD_OUTPUT = _code(
    301,
    EXIT_USAGE,
    "cannot write the output",
    "The output cannot be written (permissions, a full disk), or something would be lost by it.",
    "Nothing half-written is left; free space or choose another folder.",
)
NO_C_COMPILER = _code(
    302,
    EXIT_USAGE,
    "no C compiler",
    "No C compiler was found, or the one that was found fails on an empty program too.",
    "Install gcc or clang, or set CC.",
)
C_COMPILER_FAILED = _code(
    303,
    EXIT_BUG,
    "the generated C did not compile",
    "The C compiler refused code that snnc wrote, and takes an empty program.",
    "This is a bug in snnc: report it with the message.",
)
OVER_BUDGET = _code(
    304,
    EXIT_NO,
    "over the memory budget",
    "The planned RAM or flash is larger than --max-ram or --max-flash.",
    "The message lists the largest consumers and what would help.",
)
BAD_OPTION = _code(
    305,
    EXIT_USAGE,
    "option cannot be used",
    "An option's value, or a combination of options, is not possible.",
    "The message says which values are.",
)
NOT_COMPILED = _code(
    306,
    EXIT_USAGE,
    "not a compiled model",
    "The folder holds no manifest.json written by `snnc compile`, a damaged one, or a library that "
    "is not the one it describes.",
    "Run `snnc compile MODEL -o OUT` first.",
)

# 4xx: running the C --------------------------------------------------------------------
RUNTIME_STATUS = _code(
    401,
    EXIT_BUG,
    "the compiled model returned an error status",
    "The C code answered with a negative snn_status.",
    "The message names the status; report it if the input was valid.",
)

LOST_WORKER = _code(
    402,
    EXIT_NO,
    "a process was lost",
    "Another process of the same run (`torchrun`) ended or stopped answering.",
    "Look for its own message; run the same command again: training resumes with --resume.",
)

# 5xx: optional parts -------------------------------------------------------------------
MISSING_EXTRA = _code(
    501,
    EXIT_USAGE,
    "an optional package is missing",
    "The feature needs a package that is not installed.",
    "Install the extra that the message names.",
)

# 6xx: limits ---------------------------------------------------------------------------
OVER_LIMIT = _code(
    601,
    EXIT_USAGE,
    "larger than snnc's limits",
    "A file, a recording, a model or an option declares more of something than snnc takes.",
    "Check the file or option; the limits can be raised by the environment variable SNNC_LIMITS.",
)

# 9xx: our fault ------------------------------------------------------------------------
INTERNAL = _code(
    901,
    EXIT_BUG,
    "internal error",
    "snnc broke one of its own invariants.",
    "This is a bug in snnc: report it with the message.",
)


class SnncError(Exception):
    """An error a user can meet.

    Control characters of names and files in it are written as escapes.

    Args:
        code: one of the module's :class:`ErrorCode` constants.
        what: one sentence without its full stop: what is wrong, and the numbers.
        where: module path, file or byte; empty where there is no better place.
        hint: what to do now; defaults to the code's own advice.
    """

    def __init__(self, code: ErrorCode, what: str, *, where: str = "", hint: str = "") -> None:
        self.code = code
        self.what = printable(what)
        self.where = printable(where)
        self.hint = printable(hint or code.hint)
        place = f"{self.where}: " if where else ""
        super().__init__(f"{code.code}: {place}{self.what}. {self.hint}")


class InternalError(SnncError):
    """A broken invariant of snnc itself (exit status 3), never the user's mistake."""

    def __init__(self, what: str, *, where: str = "") -> None:
        super().__init__(INTERNAL, what, where=where)
