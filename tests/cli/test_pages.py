"""Man pages and completion, which the build makes of the tables of options and of src/doc: they have what these have,
their language is right, and the shells complete with them. What needs a program that is not installed is skipped."""
import pathlib
import re
import shutil
import subprocess

import pytest

from documents import FENCE
from program import PROGRAM, ROOT, run

SHARE = pathlib.Path(PROGRAM).resolve().parent / "pages" / "share"
BASH = SHARE / "bash-completion/completions/dnmf"
ZSH = SHARE / "zsh/site-functions/_dnmf"
FISH = SHARE / "fish/vendor_completions.d/dnmf.fish"
PAGES = sorted(SHARE.glob("man/man*/*"))
COMMAND_PAGES = sorted(SHARE.glob("man/man1/*"))
TOPICS = {path.stem: path for path in (ROOT / "src" / "doc").glob("*.md")}

needs = {name: pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")
         for name in ("mandoc", "groff", "zsh", "fish", "lowdown")}


def output(*command, **how):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def options():
    """The options of every command, as its help lists them: name to letter and whether it takes a value."""
    overview = run([]).stdout.split("commands:\n")[1].split("\n\n")[0]
    listed = {}
    for command in re.findall(r"^  (\w+)", overview, re.MULTILINE):
        if command != "help":
            help_text = run(["help", command]).stdout
            found = re.findall(r"^  (?:-(\w), |    )--([\w-]+)( \S+)?", help_text, re.MULTILINE)
            listed[command] = {name: (letter, bool(value)) for letter, name, value in found}
    assert len(listed) >= 14 and {"components", "help"} <= set(listed["fit"])
    return listed


def page(name):
    """A page's text, without the marks of its language."""
    text = re.sub(r"\\f[BIR]|\\&", "", (SHARE / f"man/man{name[-1]}/{name}").read_text())
    marks = {"-": "-", "e": "\\", "(aq": "'", "(ga": "`", "(ha": "^", "(ti": "~"}
    return re.sub(r"\\(-|e|\(..)", lambda mark: marks[mark[1]], text)


def test_every_option_is_on_its_page(options):
    assert {path.stem for path in COMMAND_PAGES} == {"dnmf"} | {f"dnmf-{command}" for command in options}
    for command, listed in options.items():
        text = page(f"dnmf-{command}.1")
        found = re.findall(r"^\.TP\n(?:-(\w), )?--([\w-]+)( \S+)?$", text, re.MULTILINE)
        assert {name: (letter, bool(value)) for letter, name, value in found} == listed, command
        assert f".BR dnmf-{command} (1)" in page("dnmf.1")


def test_pages_say_what_help_says(options):
    """Word for word, whatever lines it is broken into."""
    for command in options:
        words = re.sub(r"^\.(TP|PP|EX|EE|SH .*|SS .*)$", "", page(f"dnmf-{command}.1"), flags=re.MULTILINE).split()
        help_text = run(["help", command]).stdout
        for option in re.split(r"\n(?=  (?:-\w, |    )--)", help_text)[1:-1]:
            option = option.split("\n\n")[0].split()
            assert " ".join(option) in " ".join(words), (command, option)


@needs["lowdown"]
@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_pages_of_questions_say_what_src_doc_says(topic):
    """Its words in their order; pictures are left out, and links are the names of pages."""
    section = 5 if topic == "files" else 7
    text = TOPICS[topic].read_text(encoding="utf-8")
    assert f".BR dnmf-{topic} ({section})" in page("dnmf.1")
    shown = output("mandoc", "-Tutf8", "-Owidth=1000", SHARE / f"man/man{section}/dnmf-{topic}.{section}")
    shown = re.sub(r".\x08", "", shown)
    for block in FENCE.findall(text):
        for line in block[1].splitlines():
            assert line.strip() in shown, line
    prose = re.sub(r"^(!\[|\|[-|]+$|# ).*", "", FENCE.sub("", text), flags=re.MULTILINE)
    prose = re.sub(r"\[([^]]*)\]\(([^)]*)\)", lambda link: "" if ".md" in link[2] else link[1], prose)
    missing = set(re.findall(r"[\w-]{4,}", re.sub(r"[`*|#]", " ", prose))) - set(re.findall(r"[\w-]{4,}", shown))
    assert missing == set()


@needs["mandoc"]
def test_mandoc_finds_nothing_but_no_date():
    told = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *map(str, PAGES)], capture_output=True, text=True)
    assert [line for line in told.stdout.splitlines() if "missing date" not in line] == []
    assert told.stdout.count("missing date") == len(PAGES)  # so it did look


@needs["groff"]
def test_groff_finds_nothing():
    """Lines fit 80 columns but for commands and what they print."""
    told = subprocess.run(["groff", "-man", "-t", "-Kutf8", "-ww", "-Tutf8", "-rLL=78n", *map(str, PAGES)],
                          capture_output=True, text=True)
    assert told.stderr == "" and "Kullback" in told.stdout.title()
    told = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-rLL=78n", *map(str, COMMAND_PAGES)],
                          capture_output=True, text=True)
    assert max(len(re.sub(r".\x08|\x1b\[\d*m", "", line)) for line in told.stdout.splitlines()) <= 80


def bash_offers(*words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dnmf; printf "%s\\n" "${COMPREPLY[@]}"')
    return set(output("bash", "-c", script, "bash", BASH, "dnmf", *words).split())


def test_bash_offers_commands_options_and_words(options):
    assert bash_offers("") == {"help", "--help", "--version", "--self-test", *options}
    assert bash_offers("help", "") == set(options)
    for command, listed in options.items():
        assert bash_offers(command, "-") == {f"--{name}" for name in listed}, command
    assert bash_offers("fit", "a.csv", "--missing", "") == {"auto", "zero", "unobserved", "weak"}
    assert bash_offers("fit", "a.csv", "--missing", "=", "we") == {"weak"}
    assert bash_offers("fit", "a.csv", "--init", "nn") == {"nndsvd", "nndsvda", "nndsvdar"}
    assert bash_offers("fit", "a.csv", "-k", "") == set()


@needs["fish"]
def test_fish_offers_commands_options_and_words(options, tmp_path):
    lines = ["dnmf ", "dnmf help ", "dnmf fit --missing ", *(f"dnmf {command} --" for command in options)]
    script = f"source {FISH}\n" + "".join(f'complete -C"{line}"\necho ===\n' for line in lines)
    offered = [{offer.split("\t")[0] for offer in part.splitlines()}
               for part in output("fish", "-c", script, cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/bin"}
                                  ).split("===\n")]
    assert offered[0] == {"help", *options}
    assert offered[1] == set(options)
    assert offered[2] == {"auto", "zero", "unobserved", "weak"}
    for command, found in zip(options, offered[3:]):
        assert found == {f"--{name}" for name in options[command]}, command


def test_zsh_knows_every_option(options):
    text = ZSH.read_text()
    for command, listed in options.items():
        part = text.split(f"\n    {command})\n")[1].split("\n      ;;\n")[0]
        found = re.findall(r"(?:^ +'|\))--([\w-]+)=?\[", part, re.MULTILINE)
        assert set(found) | {"help"} == set(listed), command
    assert "--missing=[" in text and ":(auto zero unobserved weak)'" in text


@needs["zsh"]
def test_zsh_reads_its_script():
    output("zsh", "-n", ZSH)
