"""Several processes, with mpi4py and without."""

import sys
import textwrap

import numpy as np
import pytest
from conftest import MPIRUN, run

PROGRAM = """
    import sys, warnings
    warnings.simplefilter("ignore")
    from mpi4py import MPI
    import numpy as np, scipy.sparse as sp, dnmf
    rng = np.random.RandomState(0)
    x = rng.rand(31, 4) @ rng.rand(4, 20)
    x[x < 0.4] = 0
    users, items, values = rng.randint(0, 30, 400), rng.randint(0, 20, 400), rng.randint(1, 6, 400)
    alone = dnmf.NMF(3, random_state=4, init="random", max_iter=50)
    w = alone.fit_transform(x)
    comm = MPI.COMM_WORLD
    rank, size = comm.rank, comm.size
    assert size == 2
    mine = slice(31 * rank // size, 31 * (rank + 1) // size)
    together = dnmf.NMF(3, random_state=4, init="random", max_iter=50)
    for part in (x[mine], sp.csr_matrix(x[mine])):
        w_mine = together.fit_transform(part, comm=comm)
        np.testing.assert_allclose(w_mine, w[mine], rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(together.components_, alone.components_, rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(together.transform(part, comm=comm), alone.transform(x)[mine], rtol=1e-6, atol=1e-9)
    first = dnmf.NMF(3, init="custom", max_iter=5, tol=0)
    np.testing.assert_allclose(first.fit_transform(x[mine], W=w[mine] + 1, H=alone.components_ + 1, comm=comm),
                               first.fit_transform(x, W=w + 1, H=alone.components_ + 1)[mine], rtol=1e-8)
    np.testing.assert_allclose(together.reconstruction_err_, alone.reconstruction_err_, rtol=1e-6)
    alone.set_params(alpha_W=0.01).fit(x)
    together.set_params(alpha_W=0.01).fit(x[mine], comm=comm)
    np.testing.assert_allclose(together.reconstruction_err_, alone.reconstruction_err_, rtol=1e-6)
    holes = np.where(rng.rand(31, 20) < 0.2, np.nan, x)
    holes[0] = x[0]
    for matrix in (x, holes):
        alone = dnmf.NMF(3, random_state=4, init="random", max_iter=20, missing="unobserved")
        w = alone.fit_transform(matrix)
        share = slice(0, 1) if rank == 0 else slice(1, 31)
        np.testing.assert_allclose(alone.fit_transform(matrix[share], comm=comm), w[share], rtol=1e-7, atol=1e-10)
    batches = dnmf.MiniBatchNMF(3, random_state=4, batch_size=8, max_iter=5)
    w = batches.fit_transform(x)
    shared = dnmf.MiniBatchNMF(3, random_state=4, batch_size=8, max_iter=5)
    np.testing.assert_allclose(shared.fit_transform(x[mine], comm=comm), w[mine], rtol=1e-7, atol=1e-10)
    batches.partial_fit(x)
    shared.partial_fit(x[mine], comm=comm)
    np.testing.assert_allclose(shared.components_, batches.components_, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(shared.transform(x[mine], comm=comm), batches.transform(x)[mine], rtol=1e-7, atol=1e-10)
    assert shared.n_steps_ == batches.n_steps_
    ours = dnmf.Recommender(3).fit((users[rank::size], items[rank::size], values[rank::size]), comm=comm)
    assert list(ours.user_ids_) == sorted(set(users))
    assert np.isfinite(ours.predict(users[:5] if rank == 0 else [], items[:5] if rank == 0 else [])).all()
    listed, _ = ours.recommend([3, 4], 5)
    assert not {(3, i) for i in listed[0]} & set(zip(users, items))
    try:
        dnmf.NMF(3).fit(x[mine], comm=comm)
        raise AssertionError("a seed of each process its own")
    except ValueError as error:
        assert "the same on every process" in str(error)
    sys.stdout.write(f"process {rank} of {size} is done\\n")
"""

# Without mpi4py the package starts MPI itself.
PLAIN = """
    import os, sys, numpy as np, dnmf
    x = np.random.RandomState(0).rand(9, 6)
    rank, size = int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"])
    alone = dnmf.NMF(2, random_state=4, max_iter=5, tol=0)
    w = alone.fit_transform(x)
    mine = slice(9 * rank // size, 9 * (rank + 1) // size)
    np.testing.assert_allclose(alone.fit_transform(x[mine], comm="world"), w[mine], rtol=1e-9)
    sys.stdout.write(f"process {rank} of {size} is done\\n")
"""


@pytest.mark.parametrize("program", [PROGRAM, PLAIN], ids=["mpi4py", "plain"])
def test_two_processes_fit_one_matrix_together(program, tmp_path):
    if program is PROGRAM:
        pytest.importorskip("mpi4py")
    if "mpich" in MPIRUN[0]:
        pytest.skip("Debian's mpi4py is for Open MPI")
    script = tmp_path / "together.py"
    script.write_text(textwrap.dedent(program))
    told = run(*MPIRUN, "-n", 2, sys.executable, script)
    assert sorted(told.splitlines()) == ["process 0 of 2 is done", "process 1 of 2 is done"]


def test_communicators_that_are_none_are_refused():
    import dnmf

    with pytest.raises(ValueError, match="'world'"):
        dnmf.NMF(2).fit(np.ones((4, 3)), comm="all")
    with pytest.raises(TypeError, match="mpi4py"):
        dnmf.NMF(2).fit(np.ones((4, 3)), comm=7)
