"""Jobs of one person at the same time on one machine leave each other alone."""
import concurrent.futures
import os

from program import run


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
