"""README.md and the pages of src/doc: their commands work as they stand, and print what is shown (see documents.py)."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from documents import (FENCE, LIBRARY, alike, blocks, differences, documents, make_folder, rewrite, run_blocks,
                       shown_blocks)
from program import ROOT, run

README, *PAGES = documents()


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The folder in which README's commands have been run, and what they printed."""
    folder = tmp_path_factory.mktemp("clone")
    make_folder(folder)
    return folder, run_blocks(README, folder)


def is_instrumented(library):
    return b"__asan_init" in library.read_bytes()


def check(page, printed):
    """What a page shows is what was printed; DNMF_UPDATE_PAGES=1 puts the latter in its place."""
    if os.environ.get("DNMF_UPDATE_PAGES"):
        rewrite(page, printed)
    assert shown_blocks(page), "nothing is shown"
    for before, block in shown_blocks(page):
        assert before.kind in ("sh", "python"), f"{page.name}: output of what?\n{block.text}"
        lines = printed[before.number]
        wrong = differences(block, lines)
        assert not wrong, "\n".join([page.name, before.text, *wrong, "printed:", *lines])


def test_the_walk_prints_what_it_shows(walked):
    folder, printed = walked
    check(README, printed)
    assert {path.name for path in folder.iterdir()} == {"build", "inputs", "scripts", "src", "tests", "tools"}


def test_pictures_are_drawn_from_what_is_printed(walked, tmp_path):
    """Components as describe tells them, scaling as the table of its page."""
    described = run(["describe", walked[0] / "build" / "walk" / "cells.h5", "-n", "5", "--json", "--quiet"]).stdout
    folder = ROOT / "src" / "doc" if os.environ.get("DNMF_UPDATE_PAGES") else tmp_path
    subprocess.run([sys.executable, "-B", ROOT / "scripts" / "doc" / "pictures.py", folder], input=described, text=True,
                   check=True, timeout=60)
    for picture in (ROOT / "src" / "doc").glob("*.svg"):
        shown, drawn = picture.read_text().splitlines(), (folder / picture.name).read_text().splitlines()
        assert len(shown) == len(drawn) > 20 and all(map(alike, shown, drawn)), picture.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_prints_what_it_shows(page, walked, tmp_path):
    """In a copy of what the walk left."""
    if page.stem == "python" and is_instrumented(LIBRARY):
        pytest.skip("a library with sanitizers cannot be loaded into Python")
    copy = tmp_path / "clone"
    shutil.copytree(walked[0], copy, symlinks=True)
    if any(block.kind in ("sh", "python") for block in blocks(page)):
        check(page, run_blocks(page, copy))


def options_of(words):
    return {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_commands_for_elsewhere_are_spelt_right(page):
    """Options are those of the command's help or of the script; scripts are there."""
    for block in blocks(page):
        if block.kind != "sh elsewhere":
            continue
        for line in re.split(r"\n|&&|\|", re.sub(r"\s#.*", "", re.sub(r"\\\n", " ", block.text))):
            words = line.split()
            for script in (word for word in words if word.startswith(("scripts/", "tests/"))):
                path = ROOT / script
                assert path.exists(), script
                text = "".join(file.read_text() for file in path.parent.rglob("*") if file.suffix in (".sh", ".py"))
                assert [word for word in options_of(words) if word not in text] == [], line
            if "dnmf" in words[:-1] and words[0] in ("dnmf", "mpirun", "srun"):
                command, *rest = words[words.index("dnmf") + 1:]
                known = run(["help", command]).stdout if not command.startswith("-") else run([]).stdout
                assert [word for word in options_of(rest) if f"{word} " not in known.replace("\n", " ")] == [], line


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_mpirun_is_the_last_of_what_is_pasted_together(page):
    """It reads standard input, so that commands behind it would be gone."""
    for block in blocks(page):
        commands = re.sub(r"\\\n", " ", block.text).splitlines()
        assert not any("mpirun" in command for command in commands[:-1]) or block.kind == "text", block.text


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_links_and_kinds_of_blocks(page):
    """What a page links to is there, headings too; blocks are of kinds that are looked at."""
    text = page.read_text(encoding="utf-8")
    assert {block.kind for block in blocks(page)} <= {"sh", "sh elsewhere", "text", "python", "c", "cmake"}
    prose = FENCE.sub("", text)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", target.read_text(encoding="utf-8")), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings}
            assert heading in slugs, link


def test_c_is_that_of_a_program_that_is_tested():
    """tests/consumers builds short.c and compares what it writes."""
    program = (ROOT / "tests" / "consumers" / "short.c").read_text()
    shown = [block.text for page in (README, *PAGES) for block in blocks(page) if block.kind == "c"]
    assert program in shown and len(shown) == 2
    assert all(text in program for text in shown)


def test_readme_is_short_and_names_every_page():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 155
    for page in PAGES:
        assert f"](src/doc/{page.name})" in text, page.name
