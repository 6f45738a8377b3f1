"""The top of the repository holds what a newcomer needs to see, and nothing else.

    top_level.py [ROOT]
"""
import subprocess

from sources import report, root_from_arguments

ALLOWED = {"src", "include", "scripts", "tests", "inputs", "CMakeLists.txt", "README.md", "LICENSE", "CHANGELOG.md"}


def names(root):
    """Tracked names where this is a git checkout; else all but build folders."""
    try:
        tracked = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, check=True)
        return {line.split("/")[0] for line in tracked.stdout.splitlines()}
    except (OSError, subprocess.CalledProcessError):
        return {path.name for path in root.iterdir() if not path.name.startswith("build")}


def findings(root):
    for name in sorted(names(root) - ALLOWED):
        if not name.startswith("."):
            yield f"{name}: does not belong at the top level"


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
