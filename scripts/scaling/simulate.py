"""Strong and weak scaling of the loop on thousands of simulated processes: SimGrid's SMPI on a fat tree.

The loop and the communication layer are the program's own, compiled with smpicc; local work takes the time that the
rates of a machine say (dnmf plan --measure, of this machine, unless --machine names one; core.json beside this file is
that of src/doc/scaling.md), and is not done. Nodes of --cores cores, a process a core, hang on a two-level fat tree of full bisection
bandwidth. What SMPI adds of its own calibration is switched off: a message takes the links' latencies and its share of
their bandwidth.

This is a simulation: cores run at one speed whatever their neighbours do, and nothing else is on the network. Strong:
a square matrix. Weak: its area grows with the processes. `planned` is what dnmf plan says for the same rates, with
the latency of the four links of the longest way and a core's share of its node's link.

Results are kept in simulated.jsonl and not simulated again. 256 processes take seconds, 1024 half a minute of a core,
4096 some minutes and 9 GB of memory, weak more than 20 GB: SMPI's own buffers are real.
"""
import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

import pictures
from programs import run

RATES = ("dense", "dense_transposed", "gram", "hals")
PUBLISHED = (4096, 55, "PLANC, published (another machine)")

# Gathers and scatters as Open MPI's decisions have them. The all-reduce is named: it is the one (Rabenseifner's) that
# they take for sums of this length, but for short ones, and for barriers and broadcasts, outside of the loop, they take
# others that cost minutes of real time from 4096 processes on. Every sender waits for its message to arrive: SMPI
# searches a list of all that were sent without waiting whenever one arrives.
SETTINGS = ("smpi/simulate-computation:no", "smpi/coll-selector:ompi", "smpi/allreduce:rab_rdb",
            "smpi/barrier:ompi_bruck", "smpi/bcast:binomial_tree", "smpi/send-is-detached-thresh:0",
            "smpi/bw-factor:0:1", "smpi/lat-factor:0:1", "smpi/os:0:0:0", "smpi/or:0:0:0", "smpi/ois:0:0:0",
            "network/TCP-gamma:0")

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
    parser.add_argument("--studies", default="strong,weak", help="default strong,weak")
    parser.add_argument("--processes", default="16,64,256,1024", help="default 16,64,256,1024; up to 4096")
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
        run([options.dnmf, "plan", "--rows", str(options.side), "--cols", str(options.side), "-k",
             str(options.components), "-n", str(options.processes[-1]), "--threads", "1", "--measure", "--save",
             str(source), "--quiet", "--json"])
    machine = json.loads(source.read_text())
    missing = [name for name in RATES if name not in machine.get("measured", {}).get("rates", {})]
    if missing:
        sys.exit(f"{source} has no measured rate of {', '.join(missing)}; write it with dnmf plan --measure --save, "
                 "for a dense matrix and hals")
    machine.update(latency=4 * options.latency, network=options.link / options.cores)
    machine["measured"]["threads"] = 1
    path = options.output / "simulated-machine.json"
    path.write_text(json.dumps(machine))
    return [machine["measured"]["rates"][name] for name in RATES], path


def simulated(options, rates, side, plan):
    """What one simulation printed; one that ran before is not run again."""
    key = {"side": side, "components": options.components, "grid": plan["grid"], "rates": rates,
           "network": [options.nodes, options.cores, options.link, options.latency, options.inside,
                       options.inside_latency], "iterations": options.iterations, "settings": SETTINGS}
    kept = options.output / "simulated.jsonl"
    for line in kept.read_text().splitlines() if kept.exists() else []:
        if json.loads(line)["key"] == json.loads(json.dumps(key)):
            return json.loads(line)["told"]
    grid = plan["grid"].split("x")
    command = ["smpirun", "-np", str(plan["processes"]), "-no-privatize", "-platform", str(platform(options)),
               "-hostfile", str(hosts(options, plan["processes"])), "--log=root.thres:error",
               *(f"--cfg={setting}" for setting in SETTINGS), options.simulate, str(side), str(side),
               str(options.components), *grid, str(options.iterations), *map(repr, rates)]
    told = run(command)
    with open(kept, "a") as file:
        file.write(json.dumps({"key": key, "told": told}) + "\n")
    return told


def row_of(study, side, plan, told):
    other = max(0.0, told["seconds"] - sum(told[part] for part in pictures.PARTS[:4]))
    return {"study": study, "source": "simulated", "processes": told["processes"], "grid": told["grid"], "rows": side,
            "cols": side, "components": told["components"], "seconds": told["seconds"],
            **{part: told[part] for part in pictures.PARTS[:4]}, "other": other, "planned": plan["seconds"],
            "planned_exchange": plan["iteration_seconds"]["exchange"], "efficiency": None, "words": told["words"],
            "formula_words": plan["traffic"]["words"], "messages": told["messages"],
            "formula_messages": plan["traffic"]["messages"], "objective": None, "oversubscribed": False}


def side_of(options, study, processes):
    return options.side if study == "strong" else round(options.side * math.sqrt(processes / 256))


def study_rows(options, study, rates, machine):
    for processes in options.processes:
        side = side_of(options, study, processes)
        plan = run([options.dnmf, "plan", "--rows", str(side), "--cols", str(side), "-k", str(options.components), "-n",
                    str(processes), "--threads", "1", "--machine", str(machine), "--quiet", "--json"])["plans"][0]
        print(f"{study}: {processes} processes, grid {plan['grid']}", file=sys.stderr)
        yield row_of(study, side, plan, simulated(options, rates, side, plan))


def check(rows):
    """The loop must have counted the formula's words and messages; what differs, a line each."""
    for r in rows:
        for counted in ("words", "messages"):
            if not math.isclose(r[counted], r[f"formula_{counted}"], rel_tol=1e-12):
                yield f"{r['processes']} processes: {r[counted]} {counted}, not {r[f'formula_{counted}']}"


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["smpirun", "-version"], capture_output=True, text=True, check=True).stdout
    rates, machine = measured_rates(options)
    print(f"{version.splitlines()[0]}; a core, Gflop/s:", ", ".join(f"{name} {rate / 1e9:.3g}" for name, rate in
                                                                  zip(RATES, rates)))
    print(f"{options.nodes} nodes of {options.cores} cores, links {options.link / 1e9:.3g} GB/s and "
          f"{options.latency * 1e6:.3g} us, inside a node {options.inside / 1e9:.3g} GB/s and "
          f"{options.inside_latency * 1e6:.3g} us")
    rows = []
    for study in options.studies:
        rows += study_rows(options, study, rates, machine)
    pictures.efficiencies(rows)
    pictures.print_table(rows)
    pictures.write_csv(rows, options.output / "simulated.csv")
    published = PUBLISHED if (options.side, options.components) == (156401, 48) else None
    for study in options.studies:
        pictures.draw(rows, study, f"{study} scaling, simulated on a fat tree, k = {options.components}",
                      options.output / f"simulated-{study}.png", published=published if study == "strong" else None)
    wrong = list(check(rows))
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"written: {options.output}/simulated.csv, "
          f"{', '.join(f'simulated-{study}.png' for study in options.studies)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
