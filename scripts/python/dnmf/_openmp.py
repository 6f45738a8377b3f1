"""GCC's OpenMP, loaded before anything else does so.

Its threads turn for milliseconds while they wait for each other, and on a machine with other work they wait for threads
that are off their core because of that. ``dnmf`` the program has them sleep after some microseconds; a library is told
so by the environment alone, when it is loaded.
"""

from __future__ import annotations

import ctypes
import os

_SPINS = "1000"


def load() -> None:
    """Loads it, unless a person has decided how threads wait; without effect where it is loaded already."""
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        pass  # another compiler's
    finally:
        del os.environ["GOMP_SPINCOUNT"]


load()
