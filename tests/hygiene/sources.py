"""What the hygiene checks share: the source files of the tree, and how a finding is reported."""
import pathlib
import re
import sys


def root_from_arguments():
    """The top of the source tree: the first argument, else the tree that holds this file."""
    return pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()


def c_files(root, *folders):
    """The C sources and headers below the folders, as paths relative to the root."""
    return sorted(path.relative_to(root) for folder in folders for path in (root / folder).rglob("*.[ch]"))


def without_comments(text):
    """C text with comments blanked out, line numbers kept."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda comment: re.sub(r"[^\n]", " ", comment.group()), text,
                  flags=re.DOTALL)


def report(findings):
    """Ends the program: status 1 with one line a finding, or 0."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
