"""``libdnmf.so``: where it is, the MPI it runs on, and calls that fail with exceptions."""

from __future__ import annotations

import atexit
import ctypes as c
import functools
import itertools
import os
import pathlib
import signal
import sys
import threading
import warnings
from typing import Any, Callable, NamedTuple

from . import _abi, _structs
from ._errors import LibraryError, error_of

# --- The file --------------------------------------------------------------------------------------------------


def _candidates() -> list[str]:
    """What to load, in this order: ``DNMF_LIBRARY``, the dynamic linker's choice, the folders above this package."""
    given = os.environ.get("DNMF_LIBRARY")
    if given:
        return [given]
    here = pathlib.Path(__file__).resolve().parent
    beside = [folder / _abi.SONAME for folder in (here, *here.parents)]
    return [_abi.SONAME, *(str(path) for path in beside if path.exists())]


@functools.lru_cache(maxsize=None)
def load() -> c.CDLL:
    """The shared library, loaded once."""
    reasons = []
    for name in _candidates():
        try:
            library = c.CDLL(name)
        except OSError as error:
            reasons.append(str(error))
            continue
        _check_version(library, name)
        _abi.declare(library)
        _check_layout(library, name)
        return library
    raise ImportError(
        f"{_abi.SONAME} cannot be loaded: {'; '.join(reasons)}. "
        "Set DNMF_LIBRARY to its path, or LD_LIBRARY_PATH to its folder."
    )


def _check_version(library: c.CDLL, name: str) -> None:
    """Structs belong to one minor version."""
    library.dnmf_version.restype = c.c_char_p
    found = library.dnmf_version().decode()
    if found.split(".")[:2] != _abi.VERSION.split(".")[:2]:
        raise ImportError(f"{name} is version {found}, and this package is for {_abi.VERSION}")


def _check_layout(library: c.CDLL, name: str) -> None:
    """Between releases the settings of a fit may have grown: as many bytes are set as the library's struct has."""
    size = c.sizeof(_structs.FitSettings)
    room = c.create_string_buffer(b"\xaa" * 4 * size, 4 * size)
    library.dnmf_fit_settings_init(c.cast(room, c.POINTER(_structs.FitSettings)))
    if len(room.raw.rstrip(b"\xaa")) != size:
        raise ImportError(
            f"{name} was built from another dnmf.h than this package; install both from one source, after a change "
            "of the header with scripts/python/make_structs.py"
        )


def library_version() -> str:
    """The version of the shared library that is used, for example ``"0.1.0"``."""
    return load().dnmf_version().decode()


# --- MPI -------------------------------------------------------------------------------------------------------

_LAUNCHED = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
# Without a launcher Open MPI would start a daemon, and share a folder with all other programs of the same person.
_ALONE = {"OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_orte_create_session_dirs": "0"}
_THREAD_SERIALIZED = 2


def _is_open_mpi() -> bool:
    return hasattr(load(), "ompi_mpi_comm_world")


def _handle_type() -> Any:
    """What an ``MPI_Comm`` is: a pointer in Open MPI, an int in MPICH and its relatives."""
    return c.c_void_p if _is_open_mpi() else c.c_int


def _predefined(name: str) -> Any:
    """``MPI_COMM_SELF`` or ``MPI_COMM_WORLD``."""
    if _is_open_mpi():
        return c.c_void_p(c.addressof(c.c_char.in_dll(load(), f"ompi_mpi_comm_{name}")))
    return c.c_int({"world": 0x44000000, "self": 0x44000001}[name])


def _flag(function: str) -> bool:
    flag = c.c_int()
    getattr(load(), function)(c.byref(flag))
    return bool(flag.value)


@functools.lru_cache(maxsize=None)
def start_mpi() -> None:
    """Starts MPI where nobody has, and then ends it with the interpreter."""
    if _flag("MPI_Finalized"):
        raise LibraryError("MPI has been finalized in this process; dnmf needs it")
    if _flag("MPI_Initialized"):
        return
    alone = {} if any(name in os.environ for name in _LAUNCHED) else _ALONE
    ours = [name for name in alone if name not in os.environ]
    os.environ.update({name: alone[name] for name in ours})
    provided = c.c_int()
    failed = load().MPI_Init_thread(None, None, _THREAD_SERIALIZED, c.byref(provided))
    for name in ours:
        del os.environ[name]
    if alone:
        _clean_environment()
    if failed:
        raise LibraryError("MPI_Init_thread failed")
    atexit.register(_end_mpi)


def _clean_environment() -> None:
    """Takes away what Open MPI has put into the environment, since an mpirun started from here would follow it."""
    process = c.CDLL(None)
    entries = c.POINTER(c.c_char_p).in_dll(process, "environ")
    names = []
    for at in itertools.count():
        entry = entries[at]
        if not entry:
            break
        names.append(entry.split(b"=")[0])
    for name in names:
        if name.startswith((b"OMPI_", b"PMIX_", b"ORTE_")) and name not in os.environb:
            process.unsetenv(name)


def _end_mpi() -> None:
    own_library.cache_clear()
    if not _flag("MPI_Finalized"):
        load().MPI_Finalize()


def _comm_of(comm: Any) -> Any:
    """The handle of None (this process alone), "world", or a communicator of mpi4py."""
    if comm is None:
        return _predefined("self")
    if isinstance(comm, str):
        if comm != "world":
            raise ValueError(f"comm={comm!r}: give None, 'world' or a communicator of mpi4py")
        return _predefined("world")
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not isinstance(comm, mpi.Comm):
        raise TypeError(f"comm has to be None, 'world' or a communicator of mpi4py, not {comm!r}")
    handle = _handle_type()
    if mpi._sizeof(mpi.Comm) != c.sizeof(handle):
        raise LibraryError(
            f"mpi4py was built with {mpi.Get_library_version().split(',')[0]}, and libdnmf.so with another MPI library"
        )
    return handle.from_address(mpi._addressof(comm))


# --- Calls -----------------------------------------------------------------------------------------------------


class Iteration(NamedTuple):
    """An iteration that is done; what was not computed is NaN."""

    iteration: int
    max_iterations: int
    objective: float
    relative_error: float
    violation: float
    validation_rmse: float
    seconds: float


class Library:
    """The library on a communicator.

    Parameters
    ----------
    comm : None, "world" or mpi4py.MPI.Comm
        None: this process alone.
    """

    def __init__(self, comm: Any = None) -> None:
        self.functions = load()
        start_mpi()
        handle = _comm_of(comm)
        size = c.c_int()
        rank = c.c_int()
        self.functions.MPI_Comm_size(handle, c.byref(size))
        self.functions.MPI_Comm_rank(handle, c.byref(rank))
        self.size = size.value
        self.rank = rank.value
        self.handle = c.c_void_p()
        self._lock = threading.RLock()
        status = self.functions.dnmf_library_create(handle, c.byref(self.handle))
        if status:
            raise error_of(status, "the library cannot be used on this communicator")
        self.default_threads = self.functions.dnmf_library_threads(self.handle)

    def __del__(self) -> None:
        if getattr(self, "handle", None) and not _flag("MPI_Finalized"):
            self.functions.dnmf_library_destroy(c.byref(self.handle))

    def call(self, name: str, *arguments: Any) -> None:
        """``dnmf_<name>(library, *arguments)``; a failure is raised with the library's message."""
        with self._lock:
            status = getattr(self.functions, "dnmf_" + name)(self.handle, *arguments)
            if status:
                text = self.functions.dnmf_library_error(self.handle)
                raise error_of(status, text.decode("utf-8", "replace") if text else "")

    def fit(
        self,
        arguments: tuple,
        *,
        threads: int | None,
        on_iteration: Callable[[Iteration], Any] | None,
        function: str = "model_fit",
    ) -> None:
        """``dnmf_model_fit``, or another ``function`` that fits, with what it tells, and a way to stop it.

        ``on_iteration`` is called on process 0 only; where it returns a true value, the fit ends after one more
        iteration. So it does with Ctrl-C, which is then raised.
        """
        watch = _Watch(on_iteration)
        with self._lock:
            self.call("library_set_threads", threads or self.default_threads)
            self.call("library_set_callbacks", c.byref(watch.callbacks))
            try:
                with watch:
                    self.call(function, *arguments)
            finally:
                self.call("library_set_callbacks", None)
        watch.tell()


class _Watch:
    """What a fit says while it runs, and who stops it. Exceptions cannot pass through C, so they wait here."""

    def __init__(self, on_iteration: Callable[[Iteration], Any] | None) -> None:
        self._on_iteration = on_iteration
        self._texts: list[str] = []
        self._error: BaseException | None = None
        self._signal: tuple | None = None
        self._stop = False
        self._before: Any = None
        self.callbacks = _structs.Callbacks(
            None,
            _structs.WARNING(self._warn),
            _structs.ITERATION(self._iterate) if on_iteration else _structs.ITERATION(),
            _structs.SHOULD_STOP(self._should_stop),
        )

    def __enter__(self) -> _Watch:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if callable(self._before):
                signal.signal(signal.SIGINT, self._note_signal)
        return self

    def __exit__(self, *_: Any) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)
            if self._signal:
                self._before(*self._signal)

    def _note_signal(self, number: int, frame: Any) -> None:
        self._signal = (number, frame)

    def _warn(self, _state: Any, text: bytes) -> None:
        self._texts.append(text.decode("utf-8", "replace"))

    def _iterate(self, _state: Any, told: int) -> None:
        i = _structs.Iteration.from_address(told)
        if i.batch > 0 or self._stop or not self._on_iteration:
            return
        try:
            self._stop = bool(
                self._on_iteration(
                    Iteration(
                        i.iteration,
                        i.max_iterations,
                        i.objective,
                        i.relative_error,
                        i.violation,
                        i.validation_rmse,
                        i.seconds,
                    )
                )
            )
        except BaseException as error:  # raised again by tell
            self._error = error
            self._stop = True

    def _should_stop(self, _state: Any) -> bool:
        return self._stop or self._signal is not None

    def tell(self) -> None:
        """The warnings, and the exception of a callback, once the fit is over."""
        for text in self._texts:
            warnings.warn(text, UserWarning, stacklevel=5)
        if self._error:
            raise self._error


@functools.lru_cache(maxsize=None)
def own_library() -> Library:
    """The library on this process alone, created once."""
    return Library()


def library_on(comm: Any) -> Library:
    """The library on None (this process alone), "world" or a communicator of mpi4py."""
    return own_library() if comm is None else Library(comm)
