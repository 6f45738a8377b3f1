"""Small file systems for tests of full and read-only disks. Mounting takes root; without it the test is skipped."""
import shutil
import subprocess

import pytest


class Mount:
    """A file system of its own on a folder, where mounting is permitted."""

    def __init__(self, folder, options):
        folder.mkdir()
        self.folder = folder
        if not shutil.which("mount"):
            pytest.skip("no mount command")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")

    def __enter__(self):
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=True)
