"""Where a reader would ask why: files over 600 lines, functions over 80.

    sizes.py [ROOT]
"""
from sources import c_files, report, root_from_arguments

MOST_FILE_LINES = 600
MOST_FUNCTION_LINES = 80
# The one door of the library stays one file; most of its lines say what the others mean.
LONGER = {"include/dnmf.h": 800}


def functions(lines):
    """Name, first line (from 1) and length of each function definition of a formatted file."""
    start = 0
    for number, line in enumerate(lines, 1):
        if line[:1].isalpha() or line[:1] == "_":
            start = number
        elif line == "}" and start and "(" in lines[start - 1]:
            name = lines[start - 1].split("(")[0].split()[-1].lstrip("*")
            yield name, start, number - start + 1


def findings(root):
    for path in c_files(root, "src", "include", "tests"):
        lines = (root / path).read_text().splitlines()
        most = LONGER.get(str(path), MOST_FILE_LINES)
        if len(lines) > most:
            yield f"{path}: {len(lines)} lines, more than {most}"
        for name, start, length in functions(lines):
            if length > MOST_FUNCTION_LINES:
                yield f"{path}:{start}: {name} has {length} lines, more than {MOST_FUNCTION_LINES}"


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
