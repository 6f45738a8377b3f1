"""Reading and importing, beside what the machine does with the same bytes."""
import statistics
import subprocess
import time

from peaks import read_file
from programs import run

RATINGS = (138_493, 26_744, 18_800_000)  # rows, columns, entries at full size: a text of about 250 MB


def alternate(repeats, *actions):
    """Median rates of actions that return bytes a second, in turns."""
    rates = [[action() for action in actions] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*rates)]


def print_dense_read(options, path):
    """A dense file read into the partition, warm, beside a plain read of the file."""
    size = path.stat().st_size
    fit = ["mpirun", "--bind-to", "none", "-n", "2", options.dnmf, "fit", str(path), "-o",
           str(options.output / "model.h5"), "-k", "1", "--max-iter", "0", "--threads", "1", "--quiet", "--json"]
    read_file(path)
    ours, plain = alternate(options.repeats, lambda: size / run(fit)["seconds"]["read"], lambda: read_file(path))
    print(f"reading a dense file of {size / 1e6:.0f} MB on 2 processes: {ours / 1e6:.0f} MB/s; a plain read "
          f"{plain / 1e6:.0f} MB/s: {ours / plain:.2f} of it", flush=True)


def print_import(options):
    """Ratings as text into the partition, and on into an HDF5 file, beside counting the text's lines."""
    rows, cols, entries = (max(10, round(size * options.scale ** power)) for size, power in zip(RATINGS, (.5, .5, 1)))
    made, text, out = (options.output / name for name in ("ratings.h5", "ratings.csv", "imported.h5"))
    run([options.dnmf, "generate", "-o", str(made), "--kind", "ratings", "--rows", str(rows), "--cols", str(cols),
              "--nnz", str(entries), "--json", "--quiet"])
    run([options.dnmf, "export", str(made), "-o", str(text), "--json", "--quiet"])
    size = text.stat().st_size
    command = ["mpirun", "--bind-to", "none", "-n", "2", options.dnmf, "import", str(text), "-o", str(out),
               "--threads", "1", "--quiet", "--json"]

    def count_lines():
        began = time.perf_counter()
        subprocess.run(["wc", "-l", str(text)], stdout=subprocess.DEVNULL, check=True)
        return size / (time.perf_counter() - began)

    reading = []

    def import_text():
        told = run(command)
        reading.append(size / told["reading"])
        return size / told["seconds"]

    ours, lines = alternate(options.repeats, import_text, count_lines)
    print(f"ratings, {size / 1e6:.0f} MB of text, on 2 processes, into the partition: "
          f"{statistics.median(reading) / 1e6:.0f} MB/s; written too: {ours / 1e6:.0f} MB/s; wc -l "
          f"{lines / 1e6:.0f} MB/s")
    for path in (made, text, out):
        path.unlink()
