"""The interpreter of a benchmark: the one that runs it, or Debian's where that lacks a module."""
import importlib.util
import os
import subprocess
import sys

DEBIAN = "/usr/bin/python3"


def _has(interpreter, modules):
    command = [interpreter, "-c", "import " + ", ".join(modules)]
    return os.access(interpreter, os.X_OK) and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def needs(*modules):
    """Goes on where all modules are, or ends with the name of one that is missing."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if not missing:
        return
    if os.path.realpath(sys.executable) != os.path.realpath(DEBIAN) and _has(DEBIAN, modules):
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    sys.exit(f"{os.path.basename(sys.argv[0])}: python3 lacks {missing[0]}; on Debian: apt-get install "
             f"python3-{missing[0]}, elsewhere pip install {missing[0]}")
