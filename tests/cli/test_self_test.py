"""dnmf --self-test checks an installation; and what the launcher adds to a message."""
import os
import socket
import subprocess

import pytest

from program import MPICH, MPIRUN, PROGRAM, environment, run


@pytest.mark.parametrize("processes", [1, 3, 6])
def test_it_tells_versions_placement_and_the_known_answer(tmp_path, processes):
    result = run(["--self-test", "--json"], processes=processes, cwd=tmp_path)
    found = result.json
    assert found["command"] == "self-test" and "HDF5" in found["libraries"]
    assert found["mean_squared_error"] == pytest.approx(found["expected"], abs=1e-6) and found["expected"] == 0.914435
    assert [place["process"] for place in found["placement"]] == list(range(processes))
    for place in found["placement"]:
        assert place["host"] == socket.gethostname() and place["threads"] == 1
        cores = set()
        for piece in place["cores"].split(","):
            first, last = (piece.split("-") * 2)[:2]
            cores |= set(range(int(first), int(last) + 1))
        assert cores == os.sched_getaffinity(0)
    assert len(result.stderr.splitlines()) <= 24 and result.stderr.splitlines()[-1] == "all is well"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_fails_the_test(tmp_path):
    for processes in (1, 2):
        result = run(["--self-test", "--folder", tmp_path / "none"], processes=processes, expect=1)
        assert len(result.messages) == 1 and "--folder names another place" in result.messages[0]
        assert "all is well" not in result.stdout


@pytest.mark.skipif(MPICH, reason="MPICH's launcher adds nothing")
def test_a_quiet_launcher_leaves_the_message_alone(tmp_path):
    """As dnmf(1) and dnmf-clusters(7) say of Open MPI's -q; without it the message comes first."""
    command = ["-n", "2", PROGRAM, "info", str(tmp_path / "none.csv")]
    for options in ([], ["-q"]):
        done = subprocess.run([*MPIRUN, *options, *command], env=environment(), capture_output=True, text=True,
                              timeout=60, check=False)
        lines = done.stderr.splitlines()
        assert done.returncode == 1 and "cannot open" in lines[0]
        assert (len(lines) == 1) == (options == ["-q"])
