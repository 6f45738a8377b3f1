"""What every command-line test may ask for."""
import os
import pathlib

import pytest

from program import PROGRAM, ROOT


def pytest_sessionstart(session):
    os.environ.pop("COLUMNS", None)  # help is 80 columns wide unless a test says otherwise
    if not os.access(PROGRAM, os.X_OK):
        pytest.exit(f"no program at {PROGRAM}: build it first, or name it with DNMF_PROGRAM", returncode=1)


@pytest.fixture(scope="session")
def data():
    """The folder of public data sets, which are not part of the repository."""
    folder = pathlib.Path(os.environ.get("DNMF_DATA", ROOT / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; name their folder with DNMF_DATA")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory that the tests of one module share."""
    return tmp_path_factory.mktemp("shared")
