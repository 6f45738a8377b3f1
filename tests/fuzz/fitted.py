"""Models and checkpoints as the program writes them, and what it makes of damaged ones."""
import functools
import json
import pathlib
import signal
import tempfile

import h5py
import numpy as np

import samples
from program import run

ROWS, COLS, COMPONENTS = 12, 9, 2
# What a checkpoint remembers is different in each.
FITS = {
    "zeros": ["--missing", "zero", "--tol", 0],
    "kullback": ["--missing", "zero", "--solver", "mu", "--loss", "kullback-leibler"],
    "ratings": ["--missing", "unobserved"],
    "held_out": ["--missing", "unobserved", "--validation", 0.3, "--patience", 50],
}


def triples():
    """Every row and column has a rating, and the ids are texts."""
    numbers = np.random.default_rng(8).integers(1, 6, (ROWS, COLS))
    kept = np.random.default_rng(9).random((ROWS, COLS)) < 0.7
    kept[:, 0] = kept[0] = True
    return "user,item,rating\n" + "".join(f"u{i},m{j},{numbers[i, j]}\n" for i, j in np.argwhere(kept))


@functools.lru_cache(maxsize=None)
def everything():
    """Bytes by name: fitted/FIT.model.h5 and fitted/FIT.part.h5, the checkpoint after iteration 4."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        source, model, part = (pathlib.Path(folder) / name for name in ("in.csv", "model.h5", "part.h5"))
        source.write_text(triples())
        for name, options in FITS.items():
            run(["fit", source, "-o", model, "-k", COMPONENTS, "--checkpoint", part, "--checkpoint-every", 4,
                 "--max-iter", 6, *options])
            files[f"fitted/{name}.model.h5"], files[f"fitted/{name}.part.h5"] = model.read_bytes(), part.read_bytes()
            part.unlink()
    return files


def fault_of_factors(output):
    with h5py.File(output) as file:
        for name, shape in (("W", (ROWS, COMPONENTS)), ("H", (COMPONENTS, COLS))):
            values = file[name][:]
            if values.shape != shape or not np.isfinite(values).all() or values.min() < 0:
                return f"{name} is\n{values}"
    return None


def uses(name, path, folder):
    """Command lines that read the file: all of it, and what it is for."""
    source = folder / "in.csv"
    source.write_text(triples())
    use = ["predict", path, "--row", "u3", "--col", "m4", "--json"]
    if name.endswith(".part.h5"):
        use = ["fit", source, "--resume", path, "-o", folder / "out.h5", "--max-iter", 6, "--json"]
    return [["info", path, "--json"], use]


def is_refused(result, path):
    """One message that names the file, and exit status 1; or a crash of HDF5's, told in one message."""
    crashed = result.returncode in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGABRT)
    told = len(result.messages) == 1 and path.name in result.messages[0]
    return told and (result.returncode == 1 or (crashed and "crashed: it is damaged" in result.messages[0]))


def fault(name, data, folder, prefix=()):
    """What is wrong with the way the program takes a file with these bytes; None when nothing is."""
    folder = pathlib.Path(folder)
    path = folder / pathlib.Path(name).name
    output = folder / "out.h5"
    path.write_bytes(data)
    for command in uses(name, path, folder):
        output.unlink(missing_ok=True)
        try:
            result = run(command, expect=None, timeout=60, prefix=prefix)
        except (AssertionError, UnicodeDecodeError) as hang_or_noise:
            return str(hang_or_noise)
        if is_refused(result, path):
            if output.exists():
                return f"{output} is there\n{result}"
            continue
        if result.returncode != 0:
            return str(result)
        found = json.loads(result.stdout)
        if command[0] == "predict" and not isinstance(found["score"], (int, float)):
            return str(result)
        wrong = fault_of_factors(output) if command[0] == "fit" else None
        if wrong:
            return wrong
    return None
