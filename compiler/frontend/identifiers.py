"""C identifiers from names in the user's model.

A model's name becomes files (NAME.c, NAME.h), functions (NAME_init), macros (NAME_TIME_STEPS),
targets of build systems and a library; a module's path becomes variables. A name that C, C++,
Python, a system header, a C library or our own files use already is renamed, always to the same.
"""

from __future__ import annotations

import hashlib
import keyword
import re

from snnc.errors import BAD_OPTION, SnncError

LONGEST = 48
"""Characters of a name. With what is added to it, the 63 that C99 tells apart are hardly passed."""

C_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|"
    "inline|int|long|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|"
    "union|unsigned|void|volatile|while"
)

_OTHER_KEYWORDS = re.compile(
    # C11, C23, C++20 and what compilers add to them
    "alignas|alignof|and|and_eq|asm|bitand|bitor|bool|catch|char8_t|char16_t|char32_t|class|"
    "co_await|co_return|co_yield|compl|concept|consteval|constexpr|constinit|const_cast|decltype|"
    "delete|dynamic_cast|explicit|export|false|friend|mutable|namespace|new|noexcept|not|not_eq|"
    "nullptr|operator|or|or_eq|private|protected|public|reinterpret_cast|requires|static_assert|"
    "static_cast|template|this|thread_local|throw|true|try|typeid|typename|typeof|typeof_unqual|"
    "using|virtual|wchar_t|xor|xor_eq"
)

_LOWER_MACROS = re.compile(
    # of GNU C, of the C library's headers, and of the format macros of inttypes.h
    "linux|unix|i386|errno|complex|imaginary|noreturn|offsetof|assert|stdin|stdout|stderr|va_arg|"
    "va_copy|va_end|va_start|setjmp|(PRI|SCN)[diouxX].*"
)

_USED = re.compile(
    "end|framing|i|mem(cpy|set)|net|part|row|size_t|t|task|u?int[0-9ptr]+_t|snn|snn_.*"
)
"""What the generated functions themselves call something by."""

_HEADERS = re.compile(
    # <NAME.h> of C, POSIX, C compilers and C libraries: ours would be found in its place
    "aio|aliases|alloca|argp|argz|arduino|a?rpa|byteswap|complex|cpio|cpuid|crypt|ctype|dirent|"
    "dlfcn|elf|endian|envz|err|error|execinfo|fcntl|features|fenv|fmtmsg|fnmatch|fstab|fts|ftw|"
    "getopt|glob|grp|iconv|ieeefp|ifaddrs|inttypes|iso646|langinfo|lastlog|libgen|libintl|limits|"
    "link|locale|malloc|math|memory|monetary|mqueue|ndbm|netdb|newlib|nl_types|nss|obstack|paths|"
    "poll|printf|process|pthread|pty|pwd|quadmath|reent|regex|regexp|resolv|sched|search|semaphore|"
    "setjmp|sgtty|shadow|signal|spawn|std(align|arg|atomic|bit|bool|ckdint|def|fix|int|io|io_ext|"
    "lib|noreturn)|strings?|stropts|syscall|sysexits|syslog|syslimits|tar|termios?|tgmath|threads|"
    "time|trace|ttyent|uchar|ucontext|ulimit|unistd|unwind|utime|utmpx?|values|varargs|wait|wchar|"
    "wctype|wordexp|altivec|openacc|omp|mm3dnow|mm_malloc|arm_\\w+|riscv_\\w+|\\w*intrin"
)

_FUNCTIONS = re.compile(
    # NAME_init and the like is a function of a C library
    "aio|cnd|mtx|sem|svc|thrd|tss|\\w*notify|inet6_\\w+|posix_\\w+|pthread_\\w+"
)

_FILES = re.compile(
    # files, programs and targets of what we write, and of build systems
    "example|main|sizes|probe|team_posix|library|firmware|memory|startup|"
    "semihosting|board|vectors|build|manifest|license|notice|all|all_build|app|clean|default_target|"
    "depend|edit_cache|help|install|kernel|list_install_components|package|package_source|"
    "preinstall|rebuild_cache|run_tests|test|uninstall|zephyr|zero_check|"
    # libraries that a linker looks for: libNAME
    "c|m|dl|rt|gcc|gcc_s|stdc|util|g|nosys|rdimon"
)


def node_name(path: str) -> str:
    """A C identifier from a module path, without the words that every path of ours has."""
    words = [word for word in path.split(".") if word not in ("synapse", "layers")]
    name = re.sub(r"[\W_]+", "_", "_".join(words), flags=re.ASCII).strip("_") or "root"
    name = _shortened(name)
    macro = not re.search("[a-z]", name) or _LOWER_MACROS.fullmatch(name)
    taken = macro or _is_word(name) or _USED.fullmatch(name) or name[0].isdigit()
    return f"m_{name}" if taken else name


def model_name(text: str) -> str:
    """A C (and Python) identifier in lower case, of at most :data:`LONGEST` characters; of
    what it gives it gives the same again.

    Raises:
        SnncError: BAD_OPTION where nothing is left of the text.
    """
    name = _lower(text)
    if not re.search("[a-z]", name):
        raise SnncError(
            BAD_OPTION, f"no C identifier can be made of {text!r}", hint="Give one with --name."
        )
    return _shortened(f"model_{name}" if name[0].isdigit() or _taken_by(name) else name)


def why_renamed(text: str) -> str:
    """Why :func:`model_name` gives another name than the text's own letters; empty where not."""
    name = _lower(text)
    if model_name(text) == name:
        return ""
    if len(name) > LONGEST:
        return f"{name} has more than {LONGEST} characters"
    return f"{name} {_taken_by(name) or 'begins with a digit'}"


def _taken_by(name: str) -> str:
    """What else has the name of a model, as the end of a sentence; empty for a free name."""
    if _is_word(name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a word of C, C++ or Python"
    if _LOWER_MACROS.fullmatch(name) or re.fullmatch("snn|snn_.*|u?int[0-9ptr]+_t|size_t", name):
        return "is a name that C headers use"
    if _HEADERS.fullmatch(name):
        return f"is the name of a system header, {name}.h"
    if _FUNCTIONS.fullmatch(name):
        return "begins the name of functions of the C library"
    return "is the name of another file or target" if _FILES.fullmatch(name) else ""


def _is_word(name: str) -> bool:
    return bool(C_KEYWORDS.fullmatch(name) or _OTHER_KEYWORDS.fullmatch(name))


def _lower(text: str) -> str:
    return re.sub(r"\W+", "_", text.lower(), flags=re.ASCII).strip("_")


def _shortened(name: str) -> str:
    """The name, or its beginning and a hash of all of it."""
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9].rstrip('_')}_{digest}"
