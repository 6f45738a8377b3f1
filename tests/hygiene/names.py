"""Names of static functions say what they do, also where only the name is seen: in a profile, a debugger, a search.

    names.py [ROOT]
"""
import re

from sources import c_files, report, root_from_arguments, without_comments

MOST_FILES = 2  # that define static functions of one name
BARE = {"run", "take", "look", "share", "keep", "tell", "part", "put", "do", "lay_out"}  # verbs without a noun
DEFINITION = re.compile(r"^static\b[^;={}()]*?\b(\w+)\([^;{]*\) \{", re.MULTILINE)


def findings(root):
    files = {}
    for path in c_files(root, "src"):
        for name in DEFINITION.findall(without_comments((root / path).read_text())):
            if name in BARE:
                yield f"{path}: a static function is called {name}; say what of"
            files.setdefault(name, set()).add(str(path))
    for name, places in sorted(files.items()):
        if len(places) > MOST_FILES:
            yield f"{name}: static functions of this name are in {', '.join(sorted(places))}; give each its noun"


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
