"""The package of scripts/python on the library that was built."""

import os
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DNMF_BUILD", ROOT / "build"))
PROGRAM = BUILD / "dnmf"
MPIRUN = shlex.split(os.environ.get("DNMF_MPIRUN", "mpirun --oversubscribe --bind-to none"))
PACKAGE = ROOT / "scripts/python"
LIBRARY = BUILD / "libdnmf.so"

os.environ.setdefault("DNMF_LIBRARY", str(LIBRARY))
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(PACKAGE))
sys.dont_write_bytecode = True


def run(*command, **environment):
    """What a command printed; it has to succeed."""
    settings = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "PYTHONPATH": str(PACKAGE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | settings | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def planted():
    """A product of nonnegative factors with a little noise."""
    random = np.random.RandomState(3)
    return random.rand(40, 4) @ random.rand(4, 25) + 0.05 * random.rand(40, 25)


@pytest.fixture
def ratings():
    """Users, items and ratings, each pair once; ids are no positions."""
    random = np.random.RandomState(5)
    pairs = random.choice(50 * 40, 900, replace=False)
    return pairs // 40 * 3 + 7, pairs % 40 + 1000, random.randint(1, 6, 900).astype(float)
