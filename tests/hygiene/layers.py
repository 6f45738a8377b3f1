"""The layers stay layers: each file includes only its own layer and those below it; no modules include each other, and
no sources call each other, in a circle.

    layers.py [ROOT]

Lists what breaks the rules below, a line each, and fails if there is any.
"""
import re

from sources import c_files, report, root_from_arguments, without_comments

# Lowest first; layers of one line are peers, which know nothing of each other.
ORDER = [["base"], ["comm", "page"], ["matrix"], ["factor"], ["store", "init", "solve"], ["cost"], ["fit"], ["model"], ["api"],
         ["cli"]]
LEVEL = {layer: level for level, layers in enumerate(ORDER) for layer in layers}

# Words (outside comments) and the only places that may say them.
CONFINED = [
    (r"\bMPI_COMM_WORLD\b", ["src/cli/main.c"]),
    (r"#\s*include\s*<hdf5(_hl)?\.h>", ["src/store/"]),
    (r"\bC?blacs_\w+|\b[Pp][sd][a-z]{4,6}_\b", ["src/init/", "src/comm/", "src/model/"]),
    (r"#\s*(if|elif|ifdef|ifndef)\b(?!\s+\w+_H\b)", ["src/base/", "src/store/hdf5/hdf5_file.c", "src/store/hdf5/hdf5_driver.c", "include/dnmf.h"]),
    (r"#\s*pragma omp (?!simd\b).*", ["src/base/"]),  # threads are a team's: base/team.h
    (r"\bjson_(v?s?n?pack\w*|string(n|_nocheck|n_nocheck)?|real|(array_(append|set|insert)|object_(set|update))\w*)\(",
     ["src/cli/json.c"]),
    (r"^(static|_Thread_local) (?!const\b|inline\b|volatile sig_atomic_t\b|\w+ \*const\b)[^()\n]*([=;]|\{\s*$)",
     ["src/cli/crash_guard.c", "src/base/team.c"]),  # the threads that wait for a caller's next call
    (r"^static volatile sig_atomic_t\b", ["src/cli/signals.c"]),
]
DEFINITION = re.compile(r"^(?!static\b)\w[\w \t*]*?\b((?:dnmf|cli)_\w+)\([^;{]*\) \{$", re.MULTILINE)
WORD = re.compile(r"\b(?:dnmf|cli)_\w+")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    """The layer that a file of src/ belongs to; the door, include/dnmf.h, is below all of them."""
    return path.parts[1] if path.parts[0] == "src" else "door"


def resolve(root, path, name):
    """The project file that an #include names, relative to the root; None for a system header."""
    for folder in (path.parent, root.__class__("src"), root.__class__("include")):
        if (root / folder / name).is_file():
            return folder / name
    return None


def may_include(layer, other):
    return other in (layer, "door") or (layer != "door" and LEVEL[other] < LEVEL[layer])


def check_includes(root, path, text):
    layer = layer_of(path)
    if layer != "door" and layer not in LEVEL:
        yield f"{path}: belongs to no layer; place it in tests/hygiene/layers.py"
        return
    for kind, name in INCLUDE.findall(text):
        target = resolve(root, path, name) if kind == '"' else None
        if kind == '"' and target is None:
            yield f'{path}: includes "{name}", which is not in the tree'
        elif target is not None:
            other = layer_of(target)
            if (other == "door" or other in LEVEL) and not may_include(layer, other):
                yield f"{path}: layer {layer} includes {target} of layer {other}"


def check_confined(path, text):
    for pattern, places in CONFINED:
        if any(str(path).startswith(place) for place in places):
            continue
        for match in re.finditer(pattern, text, re.MULTILINE):
            line = text.count("\n", 0, match.start()) + 1
            where = f"belongs only in {', '.join(places)}" if places else "is a mutable global"
            yield f"{path}:{line}: `{match.group().strip()}` {where}"


def reached(root, path, texts, seen):
    """Every header, of the project or the system, that a file includes directly or through another."""
    for kind, name in INCLUDE.findall(texts[path]):
        target = resolve(root, path, name) if kind == '"' else None
        if (target or name) not in seen:
            seen.add(target or name)
            if target in texts:
                reached(root, target, texts, seen)
    return seen


def check_solve_is_local(root, path, texts):
    for name in ("mpi.h", "hdf5.h"):
        if path.parts[:2] == ("src", "solve") and name in reached(root, path, texts, set()):
            yield f"{path}: reaches {name}; a solver is local arithmetic"


def modules_included(root, texts):
    """For each module, a header with its source, the other modules that either of them includes."""
    graph = {}
    for path, text in texts.items():
        module = path.with_suffix("")
        graph.setdefault(module, set())
        for kind, name in INCLUDE.findall(text):
            target = resolve(root, path, name) if kind == '"' else None
            if target is not None and target.with_suffix("") != module:
                graph[module].add(target.with_suffix(""))
    return graph


def reachable(graph, start):
    seen, waiting = set(), [start]
    while waiting:
        for other in graph.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def functions_used(texts):
    """For each source, the other sources whose functions it names."""
    sources = {path: text for path, text in texts.items() if path.suffix == ".c"}
    defined_in = {name: path for path, text in sources.items() for name in DEFINITION.findall(text)}
    return {path: {defined_in[word] for word in set(WORD.findall(text)) if word in defined_in} - {path}
            for path, text in sources.items()}


def check_circles(graph, what):
    """Members of a graph that lead to each other, directly or through others."""
    reach = {module: reachable(graph, module) for module in graph}
    told = set()
    for module in sorted(graph):
        circle = {module} | {other for other in reach[module] if module in reach.get(other, ())}
        if len(circle) > 1 and module not in told:
            told |= circle
            yield f"{what} each other in a circle: " + ", ".join(str(other) for other in sorted(circle))


def findings(root):
    texts = {path: without_comments((root / path).read_text()) for path in c_files(root, "src", "include")}
    for path, text in texts.items():
        yield from check_includes(root, path, text)
        yield from check_confined(path, text)
        yield from check_solve_is_local(root, path, texts)
    yield from check_circles(modules_included(root, texts), "include")
    yield from check_circles(functions_used(texts), "call")


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
