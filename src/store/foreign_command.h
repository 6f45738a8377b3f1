/*
 * Commands that make something readable of a file in a form that is not read, and the message that gives one.
 */
#ifndef DNMF_STORE_FOREIGN_COMMAND_H
#define DNMF_STORE_FOREIGN_COMMAND_H

#include "base/status.h"

/* In a command, {} is the file's name. */
#define PYTHON(code) "python3 -c \"" code "\""
#define PANDAS(how)  PYTHON("import pandas; pandas." how ".to_csv('{}.csv', index=False)")
/* Frames of which the index may be names, or the numbers of the lines, which nobody wants. */
#define FRAME(how)                                                                                                     \
  PYTHON("import pandas; d = pandas." how "; d.to_csv('{}.csv', index=not isinstance(d.index, pandas.RangeIndex))")
#define ARRAY(modules, what) PYTHON("import numpy, " modules "; numpy.save('{}.npy', " what ")")
#define IMAGE                ARRAY("PIL.Image", "PIL.Image.open('{}').convert('L')")
#define R(code)              "Rscript -e 'library(Matrix); " code "'"
/* A frame as it is, and whatever else as a matrix. */
#define R_TABLE(what) "x <- " what "; write.csv(if (is.data.frame(x)) x else as.matrix(x), \"{}.csv\")"
#define DNMF_FOREIGN_YAML                                                                                              \
  PYTHON(                                                                                                              \
      "import pandas, yaml; y = list(yaml.safe_load_all(open('{}'))); y = y[0] if len(y) == 1 else y; d = "            \
      "pandas.DataFrame(y) if isinstance(y, list) else pandas.DataFrame.from_dict(y, 'index'); n = "                   \
      "pandas.RangeIndex; d.to_csv('{}.csv', index=not isinstance(d.index, n), header=not isinstance(d.columns, n))")
#define ZARR(name) PYTHON("import anndata; anndata.read_zarr('" name "').write_h5ad('{}.h5ad')")
/* Wherever objects without others in them are in a file of JSON: all their fields, below the names of the first's. */
#define RECORDS                                                                                                        \
  "jq -rs '[.. | objects | select(all(.[]; type != \"object\" and type != \"array\"))] | (.[0] | keys_unsorted) as "   \
  "$k | $k, (.[] | [.[$k[]]]) | @csv' '{}' > '{}.csv'"

#define DNMF_FOREIGN_LATEX "grep '&' '{}' | tr -d '\\\\ ' | tr '&' ',' | dnmf ... - --format table"

/* Behind what a form is that is only told by the shape of its lines: how to have them read as columns. */
#define DNMF_FOREIGN_AS_IT_IS ", by its first lines (--format triples or table reads it as it is)"

/* A form by a text that it begins with. */
typedef struct foreign_begin {
  const char *begin;
  const char *what;
  const char *command; /* "convert it: COMMAND" */
} foreign_begin;

/* Fails with a message, without the file's name, that says what the file is and gives the command. `packing`: what the
 * file is compressed with, in words, so that it is unpacked first; NULL: nothing. local */
dnmf_status dnmf_foreign_name(dnmf_error *error, const char *path, const char *packing, const char *what,
                              const char *command);

#endif
