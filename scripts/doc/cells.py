"""Makes inputs/cells: counts of 50 genes in 160 cells, drawn at random, in the form in which Cell Ranger writes them.

    scripts/doc/cells.py FOLDER

Four kinds of cells differ in five genes each, which are called by genes that such cells are known by; thirty genes
are the same in all. Every number is made up.
"""
import gzip
import pathlib
import sys

import numpy

KINDS = {"T": ("CD3D", "CD3E", "IL7R", "LTB", "CD2"), "B": ("MS4A1", "CD79A", "CD79B", "BANK1", "HLA-DRA"),
         "NK": ("NKG7", "GNLY", "GZMB", "PRF1", "KLRD1"), "monocyte": ("LYZ", "S100A8", "S100A9", "CST3", "FCN1")}
SHARES = (0.4, 0.2, 0.15, 0.25)
COMMON = ("ACTB", "B2M", "MALAT1", "TMSB4X", "EEF1A1", "FTL", "FTH1", "GAPDH", "RPL3", "RPL10", "RPL13", "RPS2",
          "RPS6", "RPS12", "RPS27", "TPT1", "PTMA", "UBA52", "NACA", "H3F3B", "PFN1", "MYL6", "CFL1", "ARPC2", "OAZ1",
          "SRGN", "JUNB", "FOS", "DUSP1", "ZFP36")


def counts(random):
    """Genes by cells."""
    names = [name for genes in KINDS.values() for name in genes] + list(COMMON)
    kinds = random.choice(len(KINDS), size=160, p=SHARES)
    mean = numpy.zeros((len(names), len(kinds)))
    own = len(names) - len(COMMON)
    level = random.gamma(4, 0.9, size=own)
    for gene in range(own):
        mean[gene] = numpy.where(kinds == gene // 5, level[gene], 0.06)
    mean[own:] = random.gamma(1.2, 0.5, size=len(COMMON))[:, None]
    return names, random.poisson(mean * random.gamma(8, 1 / 8, size=len(kinds)))


def write(path, lines):
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write("".join(f"{line}\n" for line in lines).encode())


def main(folder):
    random = numpy.random.Generator(numpy.random.Philox(19))
    names, matrix = counts(random)
    folder.mkdir(parents=True, exist_ok=True)
    entries = [f"{row + 1} {col + 1} {matrix[row, col]}" for col in range(matrix.shape[1])
               for row in numpy.flatnonzero(matrix[:, col])]
    write(folder / "matrix.mtx.gz", ["%%MatrixMarket matrix coordinate integer general",
                                     f"{matrix.shape[0]} {matrix.shape[1]} {len(entries)}", *entries])
    write(folder / "features.tsv.gz", [f"ENSG{n:011}\t{name}\tGene Expression" for n, name in enumerate(names, 1)])
    codes = numpy.array(list("ACGT"))[random.integers(0, 4, size=(matrix.shape[1], 16))]
    write(folder / "barcodes.tsv.gz", ["".join(code) + "-1" for code in codes])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
