"""Where a reader would ask why: files over 600 lines, functions over 80.

    sizes.py [ROOT]
"""
from sources import c_files, report, root_from_arguments

MOST_FILE_LINES = 600
MOST_FUNCTION_LINES = 80


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
        if len(lines) > MOST_FILE_LINES:
            yield f"{path}: {len(lines)} lines, more than {MOST_FILE_LINES}"
        for name, start, length in functions(lines):
            if length > MOST_FUNCTION_LINES:
                yield f"{path}:{start}: {name} has {length} lines, more than {MOST_FUNCTION_LINES}"


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
