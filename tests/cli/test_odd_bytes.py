"""Names of files and ids that are no UTF-8: the JSON object is valid and holds them escaped, nothing fails for them."""
import json
import os
import re

import h5py
import pytest

from program import run

ODD = b"caf\xe9 \\x41"
ESCAPED = "caf\\xe9 \\x5cx41"


def unescaped(text):
    """The bytes behind a text of the JSON object, as dnmf-files(5) says."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda byte: bytes.fromhex(byte[1].decode()), text.encode())


@pytest.fixture(scope="module")
def odd(folder):
    """A folder whose name is no UTF-8, with ratings of such users and items in it."""
    path = os.fsencode(folder) + b"/" + ODD
    os.mkdir(path)
    lines = [b"user,item,rating"]
    lines += [b"us\xe9r%d,it\xffm%d,%d" % (u, i, 1 + (u * i) % 5) for u in range(12) for i in range(9) if (u + i) % 3]
    with open(path + b"/r.csv", "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    return path


def told(odd, *command, **how):
    """The JSON object; the folder is named as it is, in arguments that begin with @."""
    args = [odd + b"/" + arg[1:].encode() if str(arg).startswith("@") else str(arg).encode() for arg in command]
    return run([*map(os.fsdecode, args), "--json"], **how).json


def test_every_command_names_its_files(odd):
    import_ = told(odd, "import", "@r.csv", "-o", "@r.h5")
    fit = told(odd, "fit", "@r.csv", "-o", "@m.h5", "-k", 2, "--max-iter", 4, "--validation", "@r.csv",
               "--checkpoint", "@c.h5", "--checkpoint-every", 2, "--log", "@log.jsonl", processes=2)
    assert ESCAPED in fit["input"]
    with open(odd + b"/pairs.csv", "wb") as file:
        file.write(b"user,item\nus\xe9r1,it\xffm2\n")
    objects = [
        (import_, {"input": b"r.csv", "output": b"r.h5"}),
        (fit, {"input": b"r.csv", "output": b"m.h5", "checkpoint": b"c.h5"}),
        (told(odd, "info", "@r.h5"), {"input": b"r.h5"}),
        (told(odd, "info", "@m.h5"), {"input": b"m.h5"}),
        (told(odd, "generate", "-o", "@a.h5", "--rows", 9, "--cols", 8), {"output": b"a.h5"}),
        (told(odd, "transform", "@m.h5", "@r.csv", "-o", "@t.h5"), {"model": b"m.h5", "input": b"r.csv",
                                                                     "output": b"t.h5"}),
        (told(odd, "predict", "@m.h5", "@pairs.csv", "-o", "@s.csv"), {"model": b"m.h5", "output": b"s.csv"}),
        (told(odd, "recommend", "@m.h5", "-o", "@l.csv"), {"model": b"m.h5", "output": b"l.csv"}),
        (told(odd, "evaluate", "@m.h5", "@r.csv"), {"model": b"m.h5", "input": b"r.csv"}),
        (told(odd, "describe", "@m.h5"), {"model": b"m.h5"}),
        (told(odd, "report", "@m.h5", "-o", "@p.html"), {"input": b"m.h5", "output": b"p.html"}),
        (told(odd, "reconstruct", "@m.h5", "-o", "@f.h5"), {"model": b"m.h5", "output": b"f.h5"}),
        (told(odd, "export", "@r.h5", "-o", "@e.csv"), {"input": b"r.h5", "output": b"e.csv"}),
        (told(odd, "plan", "@a.h5", "-k", 2, "--save", "@machine.json"), {"input": b"a.h5"}),
        (told(odd, "tune", "@r.csv", "-k", 2, "--folds", 2, "--max-iter", 2, "--search", "random", "--samples", 1,
              "-o", "@tuned.h5"), {"input": b"r.csv", "output": b"tuned.h5"}),
    ]
    for object, names in objects:
        for name, file in names.items():
            assert unescaped(object[name]) == odd + b"/" + file, object
    with open(odd + b"/log.jsonl") as log:
        assert len([json.loads(line) for line in log]) == 5


def test_a_checkpoint_holds_them(odd):
    """--validation comes from the checkpoint, byte for byte."""
    fit = ["fit", "@r.csv", "-k", 2, "--validation", "@r.csv"]
    told(odd, *fit, "-o", "@m2.h5", "--max-iter", 4, "--checkpoint", "@c2.h5", "--checkpoint-every", 2)
    with h5py.File(os.fsdecode(odd + b"/c2.h5")) as file:
        assert unescaped(json.loads(file.attrs["options"])["validation"]) == odd + b"/r.csv"
    on = told(odd, "fit", "@r.csv", "--resume", "@c2.h5", "--max-iter", 6, processes=2)
    whole = told(odd, *fit, "-o", "@whole.h5", "--max-iter", 6, processes=2)
    assert on["resumed_iterations"] == 2 and on["iterations"] == 6
    assert on["validation_rmse"] == pytest.approx(whole["validation_rmse"], rel=1e-9)
    assert unescaped(on["output"]) == odd + b"/m2.h5"


def test_ids_are_escaped_in_lists(odd):
    told(odd, "fit", "@r.csv", "-o", "@ids.h5", "-k", 2, "--max-iter", 4)
    lists = run([*map(os.fsdecode, [b"recommend", odd + b"/ids.h5", b"--rows", b"us\xe9r1", b"-n", b"3"]),
                 "--json"]).json["lists"]
    assert [unescaped(line["row"]) for line in lists] == 3 * [b"us\xe9r1"]
    assert all(unescaped(line["column"]).startswith(b"it\xffm") for line in lists)
    components = told(odd, "describe", "@ids.h5", "-n", 2)["components"]
    assert all(unescaped(entry["id"]).startswith(b"us\xe9r") for c in components for entry in c["rows"])
    score = run([*map(os.fsdecode, [b"predict", odd + b"/ids.h5", b"--row", b"us\xe9r1", b"--col", b"it\xffm3"]),
                 "--json"]).json
    assert unescaped(score["row"]) == b"us\xe9r1" and score["known"]
