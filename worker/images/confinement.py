"""Confine a decoder process: after `enter` it can compute and answer, and nothing else.

Two layers. Resource limits, on every system: it opens no file, socket or pipe, writes to no file,
starts no process. On Linux (x86-64, ARM64) also a seccomp filter, a list of the calls that remain
(threads may be started there, processes not); it holds for root too, and for what is done to other
processes. SECURITY.md says what is left where one is missing. Knows no picture.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_THREAD = 0x10900  # flags of `clone`: memory and signals are shared, and so is the filter
_CALLS = {  # allowed: name: (its number on x86-64, on ARM64)
    "read": (0, 63),
    "readv": (19, 65),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "getcwd": (79, 17),  # Pillow asks, and makes nothing of it
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "times": (100, 153),
    "getrandom": (318, 278),
    "set_robust_list": (273, 99),  # of a thread that begins
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_TGKILL = (234, 131)  # allowed where the first argument is 0 or this process
_PRLIMIT64 = (302, 261)  # as well; a limit may be changed if it is one of `_CHANGED`
_SETRLIMIT = (160, 164)
_CHANGED = (resource.RLIMIT_CPU, resource.RLIMIT_DATA)  # limits that are set for each picture
_CLONE = (56, 220)  # allowed for threads, which libde265 does nothing without
_CLONE3 = (435, 435)  # its flags can't be seen: said not to exist, `clone` is used instead
_SECCOMP = {"x86_64": 317, "aarch64": 277}

_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06  # of BPF, the filter's language
_KILL, _ALLOW, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050001  # the last: with EPERM
_UNKNOWN = 0x00050026  # with ENOSYS
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # where they stand in what a filter is shown
_SECOND_ARGUMENT, _THIRD_ARGUMENT = 24, 32

PROCESSOR_SECONDS = 1200  # that a decoder may take of the processor in all


def _step(code: int, value: int, else_skip: int = 0, then_skip: int = 0) -> bytes:
    """Return one instruction; a comparison is followed by one of two skips."""
    return struct.pack("HBBI", code, then_skip, else_skip, value)


def _allow_if(argument: int, *values: int) -> list[bytes]:
    """Return the steps that allow a call whose argument is one of these."""
    compared = [(_step(_IF_EQUAL, value, 1), _step(_RETURN, _ALLOW)) for value in values]
    return [_step(_LOAD, argument), *(step for pair in compared for step in pair)]


def _refuse_unless(argument: int, *values: int) -> list[bytes]:
    """Return the filter steps that refuse a call unless its argument is one of these."""
    compared = [
        _step(_IF_EQUAL, value, then_skip=len(values) - place) for place, value in enumerate(values)
    ]
    return [_step(_LOAD, argument), *compared, _step(_RETURN, _REFUSE)]


def _for(number: int, steps: list[bytes]) -> list[bytes]:
    """Return the steps for one call, after which it is refused."""
    return [_step(_IF_EQUAL, number, len(steps) + 1), *steps, _step(_RETURN, _REFUSE)]


def _filter(machine: str, process: int) -> bytes:
    """Return the filter for a kind of machine: what is not named is refused."""
    column = list(_ARCHITECTURE).index(machine)
    steps = [
        _step(_LOAD, _MACHINE),
        _step(_IF_EQUAL, _ARCHITECTURE[machine], then_skip=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    for numbers in _CALLS.values():
        steps += [_step(_IF_EQUAL, numbers[column], 1), _step(_RETURN, _ALLOW)]
    limits_are_read = [
        *_refuse_unless(_FIRST_ARGUMENT, 0, process),
        *_allow_if(_SECOND_ARGUMENT, *_CHANGED),
        *_refuse_unless(_THIRD_ARGUMENT, 0),  # no new limit: both halves of the address are 0
        *_allow_if(_THIRD_ARGUMENT + 4, 0),
    ]
    steps += [
        *_for(_TGKILL[column], _allow_if(_FIRST_ARGUMENT, 0, process)),
        *_for(_PRLIMIT64[column], limits_are_read),
        *_for(_SETRLIMIT[column], _allow_if(_FIRST_ARGUMENT, *_CHANGED)),
        *(_step(_IF_EQUAL, _CLONE3[column], 1), _step(_RETURN, _UNKNOWN)),
        *(_step(_IF_EQUAL, _CLONE[column], 4), _step(_LOAD, _FIRST_ARGUMENT)),
        *(_step(_AND, _THREAD), _step(_IF_EQUAL, _THREAD, 1), _step(_RETURN, _ALLOW)),
    ]
    steps.append(_step(_RETURN, _REFUSE))
    return b"".join(steps)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def limit() -> None:
    """Forbid opening anything; open files stay open."""
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
        resource.setrlimit(what, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    if most == resource.RLIM_INFINITY or most > PROCESSOR_SECONDS:
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))


def drop_capabilities() -> None:
    """Have root no more rights than others; without effect where the kernel knows none."""
    if sys.platform == "linux":
        version_3, this_process = 0x20080522, 0
        head, none = (ctypes.c_uint32 * 2)(version_3, this_process), (ctypes.c_uint32 * 6)()
        ctypes.CDLL(None).capset(ctypes.byref(head), ctypes.byref(none))


def start_nothing() -> None:
    """Start no process and no thread any more, which is one limit."""
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def filter_calls() -> bool:
    """Have the kernel refuse every other call, to all threads; False where it can't."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURE or sys.maxsize < 1 << 32:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    steps = _filter(machine, os.getpid())
    given = _Program(len(steps) // 8, steps)
    no_new_privileges, with_a_filter, for_all_threads = 38, 1, 1
    if libc.prctl(no_new_privileges, 1, 0, 0, 0):
        return False
    call = ctypes.c_long(_SECCOMP[machine]), ctypes.c_ulong(with_a_filter)
    return not libc.syscall(*call, ctypes.c_ulong(for_all_threads), ctypes.byref(given))


def enter() -> str:
    """Confine this process for good; return by what, for the log."""
    limit()
    drop_capabilities()
    if filter_calls():  # which lets threads alone be started
        return "seccomp"
    start_nothing()
    return "limits"
