"""What is measured: matrices, fits, and the figures they are held against."""
import dataclasses

# Rows, columns, stored entries (None: dense), of the full size.
MATRICES = {"dense": (20000, 4000, None), "sparse": (138000, 27000, 18_600_000)}

# Seconds an iteration of PLANC (MPI, C++, OpenBLAS), double precision, at full size on two cores of another machine
# (a Xeon with AVX-512): the yardstick of single precision too.
PLANC = {("dense", "hals", 16): 0.205, ("dense", "hals", 50): 0.42, ("dense", "bpp", 16): 0.33,
         ("dense", "bpp", 50): 1.53, ("sparse", "hals", 16): 0.97, ("sparse", "hals", 50): 2.2,
         ("sparse", "bpp", 16): 2.0, ("sparse", "bpp", 50): 7.6}


@dataclasses.dataclass(frozen=True)
class Work:
    matrix: str
    solver: str
    components: int
    precision: str

    def __str__(self):
        return f"{self.matrix} {self.solver} k={self.components} {self.precision}"

    @property
    def planc(self):
        return PLANC.get((self.matrix, self.solver, self.components))


def works(matrices, solvers, components, precisions):
    """Every combination, matrix by matrix."""
    return [Work(m, s, k, p) for m in matrices for s in solvers for p in precisions for k in components]


def size_of(matrix, scale):
    """Rows and columns shrink alike, and so that dense or stored entries shrink by `scale`."""
    rows, cols, stored = MATRICES[matrix]
    side = scale ** 0.5
    return max(1, round(rows * side)), max(1, round(cols * side)), stored and max(1, round(stored * scale))


def flops(entries, components):
    """Of an iteration's two products; everything else is small beside them."""
    return 4.0 * entries * components


def matrix_bytes(rows, entries, dense, precision):
    """What an iteration must read of A at least: each stored entry once."""
    number = 8 if precision == "double" else 4
    return entries * number if dense else entries * (number + 4) + 8 * (rows + 1)
