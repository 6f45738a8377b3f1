"""README.md and the pages of src/doc as what they are to a reader: commands to paste, one block after another, and what
they print.

A block of `sh` is run as it stands by bash, on a terminal of 80 columns, in the folder that the block before has left;
so is one of `python`. A block of `text` behind it is what it prints, whole, or up to a line `...` and from there to its
end. A block of `sh elsewhere` needs another machine: its commands are looked at, not run.

Compared are words, and numbers within 2 %, which leaves room for processors that round otherwise. Not compared are
numbers before a unit of time or of memory and below a heading `seconds`, the number of threads, and live lines.
"""
import fcntl
import math
import os
import pathlib
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios

from program import MPIRUN, PROGRAM, ROOT, environment

FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LIBRARY = pathlib.Path(PROGRAM).resolve().parent / "libdnmf.so"
MARK = "@@ block @@"
CLOSENESS = 0.02
MEASURED = re.compile(r"[\d.e+-]+(?= (s|ms|min|[kMG]B|GF/s)\b)")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")


class Block:
    """A fenced block: its number, kind (`sh`, `sh elsewhere`, `text`, ...), text, and where that is in the page."""

    def __init__(self, number, match):
        self.number, self.kind, self.text, self.span = number, match[1].strip(), match[2], match.span(2)


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "src" / "doc").glob("*.md"))]


def blocks(page):
    return [Block(*found) for found in enumerate(FENCE.finditer(page.read_text(encoding="utf-8")))]


def make_folder(folder):
    """What a reader has before the first command: a source tree that is built, with an mpirun on the path."""
    for name in ("inputs", "scripts", "src", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "tools").mkdir()
    for name, command in (("mpirun", [shutil.which(MPIRUN[0]), *MPIRUN[1:]]), ("python3", [sys.executable, "-B"])):
        tool = folder / "tools" / name
        tool.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        tool.chmod(0o755)
    (folder / "build").mkdir()
    (folder / "build" / "dnmf").symlink_to(pathlib.Path(PROGRAM).resolve())


def on_a_terminal(command, timeout, **how):
    """Exit status, and what the command prints on a terminal of 80 columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(["timeout", str(timeout), *command], stdin=subprocess.DEVNULL, stdout=its, stderr=its,
                               **how)
    os.close(its)
    printed = b""
    try:
        while piece := os.read(ours, 65536):
            printed += piece
    except OSError:  # no process has the terminal any more
        pass
    os.close(ours)
    return process.wait(), printed.decode()


def visible(printed):
    """The lines that stay on the screen: a live line is written over by what comes next."""
    lines = []
    for line in re.sub(r"\x1b\[[\d;]*[A-JL-Za-z]", "", printed).replace("\r\n", "\n").split("\n"):
        lines.append(re.split(r"\r|\x1b\[K", line)[-1].rstrip())
    return lines


def run_blocks(page, clone, timeout=900):
    """Runs a page's commands, README's at the top of the clone, others where these end; by the number of each block that is run, the lines it prints."""
    run = [block for block in blocks(page) if block.kind in ("sh", "python")]
    script = "set -e\n"
    for block in run:
        text = block.text if block.kind == "sh" else f"python3 - <<'END'\n{block.text}END\n"
        script += f"echo '{MARK}'\n{text}"
    folder, path = clone, f"{clone}/tools:{os.environ['PATH']}"
    if page.name != "README.md":
        folder, path = clone / "build" / "walk", f"{clone}/build:{path}"
    python = {"PYTHONPATH": str(ROOT / "scripts" / "python"), "DNMF_LIBRARY": str(LIBRARY)}
    status, printed = on_a_terminal(["bash", "-c", script], timeout, cwd=folder,
                                    env={**environment(), **python, "PATH": path, "COLUMNS": "80", "TERM": "xterm"})
    parts = "\n".join(visible(printed)).split(f"{MARK}\n")[1:]
    assert status == 0, f"{page.name}, block {len(parts)}:\n{run[len(parts) - 1].text}{parts[-1]}"
    return dict(zip((block.number for block in run), (part.rstrip("\n").split("\n") for part in parts)))


def without_measures(lines):
    """Seconds, memory and threads as a mark."""
    clean, columns = [], None
    for line in lines:
        heading = re.search(r"\bseconds$", line)
        if heading:
            columns = heading.span()
        elif columns and len(line.split()) < 3:
            columns = None
        elif columns:
            line = line[:columns[0]] + "T" + line[columns[1]:]
        line = MEASURED.sub("T", line)
        clean.append(re.sub(r"\b(\d+ threads|a thread|1 thread)( each)?", "T threads", line))
    return clean


def alike(shown, printed):
    """Whether two lines, without what is measured, have the same words and nearly the same numbers."""
    if NUMBER.sub("N", re.sub(r"\s+", " ", shown)) != NUMBER.sub("N", re.sub(r"\s+", " ", printed)):
        return False
    return all(math.isclose(float(a), float(b), rel_tol=CLOSENESS, abs_tol=1e-12)
               for a, b in zip(NUMBER.findall(shown), NUMBER.findall(printed)))


def expected_lines(shown, printed):
    """The lines of a `text` block with `...` filled in from what was printed."""
    if "..." not in shown:
        return shown
    place = shown.index("...")
    behind = len(shown) - place - 1
    return shown[:place] + printed[place:len(printed) - behind] + shown[place + 1:]


def shown_blocks(page):
    """Each `text` block with the block in front of it, whose output it is."""
    found = blocks(page)
    return [(before, block) for before, block in zip(found, found[1:]) if block.kind == "text"]


def differences(block, lines):
    """The lines of a `text` block that are not those that were printed."""
    shown = expected_lines(block.text.splitlines(), lines)
    pairs = list(zip(without_measures(shown), without_measures(lines)))
    lengths = [] if len(shown) == len(lines) else [f"{len(shown)} lines are shown, {len(lines)} printed"]
    return lengths + [f"- {a}\n+ {b}" for a, b in pairs if not alike(a, b)]


def rewrite(page, printed):
    """Puts what was printed into the page, where it differs from what is shown."""
    text = page.read_text(encoding="utf-8")
    for before, block in reversed(shown_blocks(page)):
        lines, shown = printed[before.number], block.text.splitlines()
        if not differences(block, lines):
            continue
        if "..." in shown:
            place = shown.index("...")
            behind = len(shown) - place - 1
            lines = [*lines[:place], "...", *lines[len(lines) - behind:]]
        text = text[:block.span[0]] + "\n".join(lines) + "\n" + text[block.span[1]:]
    page.write_text(text, encoding="utf-8")
