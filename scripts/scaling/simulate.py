"""Strong and weak scaling of the loop on thousands of simulated processes: SimGrid's SMPI on a fat tree.

The loop and the communication layer are the program's own, compiled with smpicc; local work takes the time that the
rates of a machine say (dnmf plan --measure, of this machine, unless --machine names one; core.json beside this file is
that of src/doc/scaling.md), and is not done. Collectives are made of messages as Open MPI's are, and the all-reduce of
Gram matrices moves on where the loop lets it: between the pieces of a product and in other collectives. Nodes of
--cores cores, a process a core, hang on a two-level fat tree of full bisection bandwidth. What SMPI adds of its own
calibration is switched off: a message takes the links' latencies and its share of their bandwidth.

This is a simulation: cores run at one speed whatever their neighbours do, and nothing else is on the network. Strong:
a square matrix. Weak: its area grows with the processes. Ratings: a generated sample whose rows and columns have
entries by power laws; each process fetches the factor rows of its own entries. `planned` is what dnmf plan says for
the same rates, with the latency of the four links of the longest way and a core's share of its node's link; its words
of ratings are a bound.

Beside the efficiencies stand those that were published for other programs on other machines (PUBLISHED).

Results are kept in simulated.jsonl and not simulated again. 256 processes take seconds, 1024 half a minute of a core,
4096 two minutes and 0.6 GB of memory.
"""
import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

import pictures
from programs import run

RATES = ("dense", "dense_transposed", "gram", "hals", "observed")
PUBLISHED = ((4096, 55, "PLANC, dense, n = 156401, k = 48"), (4096, 70, "SymNMF"))  # processes, % efficiency, of what

# Gathers and scatters as Open MPI's decisions have them. The all-reduce is named: it is the one (Rabenseifner's) that
# they take for sums of this length, but for short ones, and for barriers and broadcasts, outside of the loop, they take
# others that cost minutes of real time from 4096 processes on. Every sender waits for its message to arrive: SMPI
# searches a list of all that were sent without waiting whenever one arrives.
SETTINGS = ("smpi/simulate-computation:no", "smpi/coll-selector:ompi", "smpi/allreduce:rab_rdb",
            "smpi/barrier:ompi_bruck", "smpi/bcast:binomial_tree", "smpi/send-is-detached-thresh:0",
            "smpi/bw-factor:0:1", "smpi/lat-factor:0:1", "smpi/os:0:0:0", "smpi/or:0:0:0", "smpi/ois:0:0:0",
            "smpi/test:0", "network/TCP-gamma:0", "maxmin/precision:1e-3")

PLATFORM = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="fat_tree" prefix="n" suffix="" radical="0-{last}" speed="1Gf" core="{cores}"
           bw="{link:.0f}Bps" lat="{latency:.9f}s" loopback_bw="{inside:.0f}Bps" loopback_lat="{inside_latency:.9f}s"
           topology="FAT_TREE" topo_parameters="2;{leaf},{leaf};1,{leaf};1,1"/>
</platform>
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", default="strong,weak,ratings", help="default strong,weak,ratings")
    parser.add_argument("--processes", default="16,64,256,1024", help="default 16,64,256,1024; up to 4096")
    parser.add_argument("--ratings", default="138493x26744:20000000",
                        help="rows x columns : entries to draw of the ratings, default 138493x26744:20000000")
    parser.add_argument("--rating-components", type=int, default=32, help="inner dimension of ratings, default 32")
    parser.add_argument("--most-rating-processes", type=int, default=256,
                        help="of ratings, where each process sends to each other one and 1024 take hours; default 256")
    parser.add_argument("--side", type=int, default=156401, help="rows and columns, default 156401; weak: of 256 processes")
    parser.add_argument("-k", "--components", type=int, default=48, help="default 48")
    parser.add_argument("--iterations", type=int, default=1, help="simulated ones are all alike: default 1")
    parser.add_argument("--machine", type=Path, help="rates of a core, as dnmf plan --save writes them")
    parser.add_argument("--nodes", type=int, default=256, help="a square number, default 256")
    parser.add_argument("--cores", type=int, default=16, help="processes of a node, default 16")
    parser.add_argument("--link", type=float, default=12.5e9, help="bytes a second of a link, default 12.5e9")
    parser.add_argument("--latency", type=float, default=5e-7, help="seconds of a link, default 5e-7")
    parser.add_argument("--inside", type=float, default=10e9, help="bytes a second inside a node, default 10e9")
    parser.add_argument("--inside-latency", type=float, default=3e-7, help="seconds inside a node, default 3e-7")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--simulate", default="build/simulation/simulate", help="default build/simulation/simulate")
    parser.add_argument("--output", type=Path, default=Path("build/scaling"), help="folder, default build/scaling")
    options = parser.parse_args()
    options.studies = options.studies.split(",")
    options.processes = [int(p) for p in options.processes.split(",")]
    leaf = math.isqrt(options.nodes)
    if leaf * leaf != options.nodes:
        parser.error("--nodes must be a square number")
    if max(options.processes) > options.nodes * options.cores:
        parser.error(f"{max(options.processes)} processes do not fit on {options.nodes} nodes of {options.cores} cores")
    return options


def platform(options):
    path = options.output / "platform.xml"
    path.write_text(PLATFORM.format(last=options.nodes - 1, cores=options.cores, link=options.link,
                                    latency=options.latency, inside=options.inside,
                                    inside_latency=options.inside_latency, leaf=math.isqrt(options.nodes)))
    return path


def hosts(options, processes):
    path = options.output / "hosts"
    path.write_text("".join(f"n{rank // options.cores}\n" for rank in range(processes)))
    return path


def measured_rates(options):
    """The rates of the machine file, measured if there is none, and a file for plan with the simulated network."""
    source = options.machine or options.output / "core.json"
    if not source.exists():
        sizes = ["--rows", str(options.side), "--cols", str(options.side), "-k", str(options.components)]
        machine = plan(options, sizes, ["--measure", "--save", str(source), "-n", str(options.processes[-1])])
        rows, cols, entries = rating_sizes(options)
        ratings = options.output / "core-ratings.json"
        plan(options, ["--rows", str(rows), "--cols", str(cols), "--nnz", str(entries), "--missing", "unobserved", "-k",
                       str(options.rating_components)], ["--measure", "--save", str(ratings), "-n", "64"])
        machine = json.loads(source.read_text())
        machine["measured"]["rates"]["observed"] = json.loads(ratings.read_text())["measured"]["rates"]["observed"]
        source.write_text(json.dumps(machine))
    machine = json.loads(source.read_text())
    missing = [name for name in RATES if name not in machine.get("measured", {}).get("rates", {})]
    if missing:
        sys.exit(f"{source} has no measured rate of {', '.join(missing)}; write it with dnmf plan --measure --save, "
                 "for a dense matrix and hals, and for ratings")
    machine.update(latency=4 * options.latency, network=options.link / options.cores)
    machine["measured"]["threads"] = 1
    path = options.output / "simulated-machine.json"
    path.write_text(json.dumps(machine))
    return {name: machine["measured"]["rates"][name] for name in RATES}, path


def plan(options, sizes, rest):
    return run([options.dnmf, "plan", *sizes, *rest, "--solver", "hals", "--threads", "1", "--quiet", "--json"])


def rating_sizes(options):
    shape, entries = options.ratings.split(":")
    return *map(int, shape.split("x")), int(entries)


def sample(options):
    """A file of distinct places, as scripts/scaling/simulation/sample.h has it; rows and columns in no order."""
    import numpy as np

    rows, cols, wanted = rating_sizes(options)
    path = options.output / f"sample-{rows}x{cols}-{wanted}.bin"
    if path.exists():
        return path
    rng = np.random.default_rng(1)
    row_weights = 1 + rng.pareto(1.1, rows)
    col_weights = rng.permutation(np.arange(1.0, cols + 1) ** -0.9)
    drawn = int(1.6 * wanted)
    places = np.unique(rng.choice(rows, drawn, p=row_weights / row_weights.sum()) * cols +
                       rng.choice(cols, drawn, p=col_weights / col_weights.sum()))
    places = np.sort(rng.choice(places, min(wanted, len(places)), replace=False))
    of_rows, of_cols = places // cols, places % cols
    with open(path, "wb") as file:
        np.array([rows, cols, len(places)], np.int64).tofile(file)
        for count, mine, other in (rows, of_rows, of_cols), (cols, of_cols, of_rows):
            np.concatenate([[0], np.cumsum(np.bincount(mine, minlength=count))]).astype(np.int64).tofile(file)
            other[np.argsort(mine, kind="stable")].astype(np.int32).tofile(file)
    return path


def simulated(options, processes, key, job):
    """What one simulation printed; one that ran before is not run again."""
    network = [options.nodes, options.cores, options.link, options.latency, options.inside, options.inside_latency]
    key = json.loads(json.dumps({**key, "network": network, "processes": processes, "settings": SETTINGS}))
    kept = options.output / "simulated.jsonl"
    for line in kept.read_text().splitlines() if kept.exists() else []:
        if json.loads(line)["key"] == key:
            return json.loads(line)["told"]
    told = run(["smpirun", "-np", str(processes), "-no-privatize", "-platform", str(platform(options)), "-hostfile",
                str(hosts(options, processes)), "--log=root.thres:error",
                *(f"--cfg={setting}" for setting in SETTINGS), options.simulate, *job])
    with open(kept, "a") as file:
        file.write(json.dumps({"key": key, "told": told}) + "\n")
    return told


def row_of(study, planned, told):
    other = max(0.0, told["seconds"] - sum(told[part] for part in pictures.PARTS[:4]))
    published = [f"{percent}% {name}" for processes, percent, name in PUBLISHED
                 if processes == told["processes"] and study == "strong"]
    return {"study": study, "source": "simulated", "processes": told["processes"], "grid": told["grid"],
            "rows": told["rows"], "cols": told["cols"], "components": told["components"], "seconds": told["seconds"],
            **{part: told[part] for part in pictures.PARTS[:4]}, "other": other, "planned": planned["seconds"],
            "planned_exchange": planned["iteration_seconds"]["exchange"], "efficiency": None,
            "published": "; ".join(published), "words": told["words"], "formula_words": planned["traffic"]["words"],
            "messages": told["messages"], "formula_messages": planned["traffic"]["messages"], "objective": None,
            "oversubscribed": False}


def side_of(options, study, processes):
    return options.side if study == "strong" else round(options.side * math.sqrt(processes / 256))


def zeros_row(options, study, processes, rates, machine):
    side, k, iterations = str(side_of(options, study, processes)), str(options.components), str(options.iterations)
    planned = plan(options, ["--rows", side, "--cols", side, "-k", k],
                   ["-n", str(processes), "--machine", str(machine)])["plans"][0]
    mine = [rates[name] for name in RATES[:4]]
    job = ["zeros", side, side, k, *planned["grid"].split("x"), iterations, *map(repr, mine)]
    return row_of(study, planned, simulated(options, processes, {"job": job}, job))


def ratings_row(options, processes, rates, machine):
    path = sample(options)
    rows, cols, _ = rating_sizes(options)
    with open(path, "rb") as file:
        entries = int.from_bytes(file.read(24)[16:], sys.byteorder)
    k = str(options.rating_components)
    planned = plan(options, ["--rows", str(rows), "--cols", str(cols), "--nnz", str(entries), "--missing", "unobserved",
                             "-k", k], ["-n", str(processes), "--machine", str(machine)])["plans"][0]
    job = ["ratings", str(path), k, str(options.iterations), repr(rates["observed"])]
    return row_of("ratings", planned, simulated(options, processes, {"job": job}, job))


def study_rows(options, study, rates, machine):
    for processes in options.processes:
        if study != "ratings":
            yield zeros_row(options, study, processes, rates, machine)
        elif processes <= options.most_rating_processes:
            yield ratings_row(options, processes, rates, machine)
        else:
            continue
        print(f"{study}: {processes} processes", file=sys.stderr)


def check(rows):
    """The loop must have counted the formula's words and messages, of ratings no more; what differs, a line each."""
    for r in rows:
        for counted in ("words", "messages"):
            formula = r[f"formula_{counted}"]
            as_said = r[counted] <= formula if r["study"] == "ratings" else math.isclose(r[counted], formula,
                                                                                        rel_tol=1e-12)
            if not as_said:
                yield f"{r['study']}, {r['processes']} processes: {r[counted]} {counted}, formula {formula}"


def of_study(rows, study):
    return next(r["components"] for r in rows if r["study"] == study)


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["smpirun", "-version"], capture_output=True, text=True, check=True).stdout
    rates, machine = measured_rates(options)
    print(f"{version.splitlines()[0]}; a core, Gflop/s:", ", ".join(f"{name} {rate / 1e9:.3g}"
                                                                   for name, rate in rates.items()))
    print(f"{options.nodes} nodes of {options.cores} cores, links {options.link / 1e9:.3g} GB/s and "
          f"{options.latency * 1e6:.3g} us, inside a node {options.inside / 1e9:.3g} GB/s and "
          f"{options.inside_latency * 1e6:.3g} us")
    rows = []
    for study in options.studies:
        rows += study_rows(options, study, rates, machine)
    pictures.efficiencies(rows)
    pictures.print_table(rows)
    pictures.write_csv(rows, options.output / "simulated.csv")
    is_published = (options.side, options.components) == (156401, 48)
    for study in options.studies:
        pictures.draw(rows, study, f"{study} scaling, simulated on a fat tree, k = {of_study(rows, study)}",
                      options.output / f"simulated-{study}.png",
                      published=PUBLISHED if study == "strong" and is_published else ())
    if is_published and "strong" in options.studies:
        print("published: other programs on other machines, whose cores, network and noise this simulation does not "
              "have: " + "; ".join(f"{percent}% at {p} processes ({name})" for p, percent, name in PUBLISHED))
    wrong = list(check(rows))
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"written: {options.output}/simulated.csv, "
          f"{', '.join(f'simulated-{study}.png' for study in options.studies)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
