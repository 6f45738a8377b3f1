"""README's walk from ratings to lists: its commands work as they are, and print what it says."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from program import INPUTS, PROGRAM, ROOT, environment


def section():
    return (ROOT / "README.md").read_text(encoding="utf-8").split("### From ratings to lists")[1].split("\n#")[0]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the commands print, one after another, in a folder that has inputs/ and the program on its path."""
    folder = tmp_path_factory.mktemp("walk")
    shutil.copytree(INPUTS, folder / "inputs")
    path = f"{pathlib.Path(PROGRAM).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    commands = re.search(r"```\n(.*?)```", section(), re.DOTALL).group(1).splitlines()
    assert len(commands) == 10
    output = []
    for command in commands:
        done = subprocess.run(command, shell=True, cwd=folder, env={**environment(), "PATH": path}, timeout=60,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        output += (done.stdout + done.stderr).splitlines()
    return [line.rstrip() for line in output]


def test_every_line_that_is_shown_is_printed(said):
    shown = [line for block in re.findall(r"```text\n(.*?)```", section(), re.DOTALL) for line in block.splitlines()]
    assert len(shown) > 15
    assert [line for line in shown if line and line.rstrip() not in said] == []


def test_the_error_that_is_told_is_the_one_printed(said):
    told = float(re.search(r"RMSE ([0-9.]+) on the test", section()).group(1))
    assert any(line.split()[:1] == ["RMSE"] and float(line.split()[1]) == pytest.approx(told, abs=5e-5)
               for line in said)
