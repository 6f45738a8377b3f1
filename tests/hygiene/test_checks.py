"""The checks find what they are for: small trees, each with one fault."""
import pathlib
import tempfile
import unittest

import layers
import names
import sizes


def findings_in(check, **files):
    """What `check` finds in a tree of the given files (names with __ for / and a final _c or _h)."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / (name[:-2].replace("__", "/") + "." + name[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(check.findings(root))


class Layers(unittest.TestCase):
    def test_files_that_include_each_other(self):
        found = findings_in(layers, src__fit__a_c='#include "b.h"\n', src__fit__a_h="\n", src__fit__b_h="\n",
                            src__fit__b_c='#include "fit/a.h"\n')
        self.assertEqual(found, ["include each other in a circle: src/fit/a, src/fit/b"])

    def test_files_that_call_each_other(self):
        found = findings_in(layers, src__fit__a_c="void dnmf_a(void) {\n  dnmf_b();\n}\n",
                            src__fit__b_c="void dnmf_b(void) {\n  dnmf_c();\n}\n",
                            src__fit__c_c="void dnmf_c(void) {\n  dnmf_a();\n}\n")
        self.assertEqual(found, ["call each other in a circle: src/fit/a.c, src/fit/b.c, src/fit/c.c"])

    def test_a_lower_layer_may_be_included(self):
        found = findings_in(layers, src__fit__loop_c='#include "base/status.h"\n', src__base__status_h="\n")
        self.assertEqual(found, [])

    def test_a_higher_layer_may_not(self):
        found = findings_in(layers, src__comm__grid_c='#include "fit/fit.h"\n', src__fit__fit_h="\n")
        self.assertEqual(len(found), 1)
        self.assertIn("layer comm includes src/fit/fit.h of layer fit", found[0])

    def test_nor_may_a_peer(self):
        found = findings_in(layers, src__store__file_c='#include "init/start.h"\n', src__init__start_h="\n")
        self.assertEqual(len(found), 1)

    def test_mpi_does_not_reach_a_solver_through_a_header(self):
        found = findings_in(layers, src__solve__mu_c='#include "base/memory.h"\n',
                            src__base__memory_h='#include "base/status.h"\n',
                            src__base__status_h="#include <mpi.h>\n")
        self.assertEqual(found, ["src/solve/mu.c: reaches mpi.h; a solver is local arithmetic"])

    def test_confined_words(self):
        for word in ("MPI_COMM_WORLD", "#include <hdf5.h>", "Cblacs_gridinit();", "pdgesvd_();", "#ifdef FAST",
                     "#pragma omp parallel for num_threads(context->threads)",
                     "static int calls = 0;", "static struct {", "static volatile sig_atomic_t came;",
                     "json_pack(format);"):
            self.assertEqual(len(findings_in(layers, src__fit__loop_c=word + "\n")), 1, word)

    def test_words_in_comments_are_free(self):
        self.assertEqual(findings_in(layers, src__fit__loop_c="/* not MPI_COMM_WORLD */\n"), [])


class Names(unittest.TestCase):
    def test_one_name_in_three_files(self):
        text = "static int open_row(int x) {\n}\n"
        self.assertEqual(findings_in(names, src__fit__a_c=text, src__fit__b_c=text), [])
        found = findings_in(names, src__fit__a_c=text, src__fit__b_c=text, src__init__c_c=text)
        self.assertEqual(len(found), 1)
        self.assertIn("open_row: static functions of this name are in src/fit/a.c, src/fit/b.c, src/init/c.c", found[0])

    def test_a_verb_without_a_noun(self):
        found = findings_in(names, src__fit__a_c="static void\nrun(void) {\n}\n", src__fit__b_c="/* run() { */\n")
        self.assertEqual(found, ["src/fit/a.c: a static function is called run; say what of"])


class Sizes(unittest.TestCase):
    def test_a_long_function(self):
        body = "  x++;\n" * 90
        found = findings_in(sizes, src__fit__loop_c="static int f(int x) {\n" + body + "}\n")
        self.assertEqual(found, ["src/fit/loop.c:1: f has 92 lines, more than 80"])

    def test_a_long_file(self):
        self.assertEqual(len(findings_in(sizes, src__fit__loop_c="\n" * 601)), 1)

    def test_the_header_may_be_longer(self):
        self.assertEqual(findings_in(sizes, include__dnmf_h="\n" * 700), [])
        self.assertEqual(len(findings_in(sizes, include__dnmf_h="\n" * 801)), 1)


if __name__ == "__main__":
    unittest.main()
