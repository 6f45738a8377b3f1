"""Several processes, with mpi4py and without."""

import sys
import textwrap

import numpy as np
import pytest
from conftest import MPIRUN, run

PROGRAM = """
    import sys, warnings
    warnings.simplefilter("ignore")
    {imports}
    import numpy as np, scipy.sparse as sp, dnmf
    rng = np.random.RandomState(0)
    x = rng.rand(31, 4) @ rng.rand(4, 20)
    x[x < 0.4] = 0
    users, items, values = rng.randint(0, 30, 400), rng.randint(0, 20, 400), rng.randint(1, 6, 400)
    alone = dnmf.NMF(3, random_state=4, init="random", max_iter=50)
    w = alone.fit_transform(x)
    rank, size, comm = {comm}
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
    ours = dnmf.Recommender(3).fit((users[rank::size], items[rank::size], values[rank::size]), comm=comm)
    assert list(ours.user_ids_) == sorted(set(users))
    assert np.isfinite(ours.predict(users[:5] if rank == 0 else [], items[:5] if rank == 0 else [])).all()
    listed, _ = ours.recommend([3, 4], 5)
    assert not {{(3, i) for i in listed[0]}} & set(zip(users, items))
    try:
        dnmf.NMF(3).fit(x[mine], comm=comm)
        assert size == 1
    except ValueError as error:
        assert "the same on every process" in str(error)
    sys.stdout.write(f"process {{rank}} of {{size}} is done\\n")
"""

FORMS = {
    "mpi4py": {"imports": "from mpi4py import MPI", "comm": "MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size, MPI.COMM_WORLD"},
    "plain": {"imports": "import os",
              "comm": 'int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"]), "world"'},
}


@pytest.mark.parametrize("form", FORMS)
def test_two_processes_fit_one_matrix_together(form, tmp_path):
    if form == "mpi4py":
        pytest.importorskip("mpi4py")
    if "mpich" in MPIRUN[0]:
        pytest.skip("Debian's mpi4py is for Open MPI")
    script = tmp_path / "together.py"
    script.write_text(textwrap.dedent(PROGRAM).format(**FORMS[form]))
    told = run(*MPIRUN, "-n", 2, sys.executable, script)
    assert sorted(told.splitlines()) == ["process 0 of 2 is done", "process 1 of 2 is done"]


def test_communicators_that_are_none_are_refused():
    import dnmf

    with pytest.raises(ValueError, match="'world'"):
        dnmf.NMF(2).fit(np.ones((4, 3)), comm="all")
    with pytest.raises(TypeError, match="mpi4py"):
        dnmf.NMF(2).fit(np.ones((4, 3)), comm=7)
