"""Jobs of one person at the same time on one machine leave each other alone, and no temporary files behind."""
import concurrent.futures
import os
import signal
import time

import pytest

from program import finish, run, start


def test_many_small_jobs_at_once(tmp_path):
    """They start and end while others do; none fails or complains, and nothing is left of them."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def jobs(name):
        for number in range(6):
            result = run(["generate", "-o", tmp_path / f"{name}-{number}.h5", "--rows", 30, "--cols", 20],
                         prefix=["env", f"TMPDIR={temporary}"])
            assert result.stderr == "", str(result)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(jobs, range(4)))
    assert os.listdir(temporary) == []


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, None])
def test_a_job_that_is_ended_leaves_no_temporary_files(tmp_path, kind):
    """By a signal while it iterates, whatever it makes of it; None: by an error."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    prefix = ["env", f"TMPDIR={temporary}"]
    matrix, log = tmp_path / "a.h5", tmp_path / "log.jsonl"
    run(["generate", "-o", matrix, "--rows", 30, "--cols", 20], prefix=prefix)
    if kind is None:
        run(["fit", matrix, "-o", tmp_path / "m.h5", "-k", 50], prefix=prefix, expect=2)
    else:
        process = start(["fit", matrix, "-o", tmp_path / "m.h5", "-k", 3, "--tol", 0, "--max-iter", 1000000000, "--log",
                         log], prefix=prefix)
        while process.poll() is None and not (log.exists() and log.read_text()):
            time.sleep(0.05)
        os.kill(process.pid, kind)
        finish(process)
    assert os.listdir(temporary) == []
