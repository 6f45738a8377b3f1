#include "store/foreign.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { PATH_TEXT = 300 /* characters of a path in a command */ };

/* A form of file, by bytes at a place in it. In a command, {} is the file's name. */
typedef struct foreign_form {
  int64_t at;
  int length;
  const char *bytes;
  const char *what;
  const char *command; /* "convert it: COMMAND" */
} foreign_form;

#define PYTHON(code) "python3 -c \"" code "\""
#define PANDAS(how)  PYTHON("import pandas; pandas." how ".to_csv('{}.csv', index=False)")
/* Frames of which the index may be names, or the numbers of the lines, which nobody wants. */
#define FRAME(how)                                                                                                     \
  PYTHON("import pandas; d = pandas." how "; d.to_csv('{}.csv', index=not isinstance(d.index, pandas.RangeIndex))")
#define ARRAY(modules, what) PYTHON("import numpy, " modules "; numpy.save('{}.npy', " what ")")
#define IMAGE                ARRAY("PIL.Image", "PIL.Image.open('{}').convert('L')")
#define R(code)              "Rscript -e 'library(Matrix); " code "'"
#define ZARR(name)           PYTHON("import anndata; anndata.read_zarr('" name "').write_h5ad('{}.h5ad')")
/* Wherever objects without others in them are in a file of JSON: all their fields, below the names of the first's. */
#define RECORDS                                                                                                        \
  "jq -rs '[.. | objects | select(all(.[]; type != \"object\" and type != \"array\"))] | (.[0] | keys_unsorted) as "   \
  "$k | $k, (.[] | [.[$k[]]]) | @csv' '{}' > '{}.csv'"

static const foreign_form forms[] = {
    {0, 4, "PAR1", "Parquet", FRAME("read_parquet('{}')")},
    {0, 6, "ARROW1", "Arrow (Feather)", FRAME("read_feather('{}')")},
    {0, 4, "FEA1", "Feather", FRAME("read_feather('{}')")},
    {0, 3, "ORC", "ORC", FRAME("read_orc('{}')")},
    {0, 4, "Obj\x01", "Avro",
     PYTHON("import fastavro, pandas; pandas.DataFrame(fastavro.reader(open('{}', 'rb'))).to_csv('{}.csv', "
            "index=False)")},
    {0, 2, "\x80\x02", "a Python pickle, of a pandas frame perhaps", FRAME("read_pickle('{}')")},
    {0, 2, "\x80\x03", "a Python pickle, of a pandas frame perhaps", FRAME("read_pickle('{}')")},
    {0, 2, "\x80\x04", "a Python pickle, of a pandas frame perhaps", FRAME("read_pickle('{}')")},
    {0, 2, "\x80\x05", "a Python pickle, of a pandas frame perhaps", FRAME("read_pickle('{}')")},
    {4, 6, "\0\0\0\0{\"", "safetensors", ARRAY("safetensors.numpy", "safetensors.numpy.load_file('{}')['NAME']")},
    {0, 3, "X\n\0", "an R object (RDS)", R("write.csv(as.matrix(readRDS(\"{}\")), \"{}.csv\")")},
    {0, 5, "RDX2\n", "an R workspace (RData)", R("write.csv(as.matrix(get(load(\"{}\")[1])), \"{}.csv\")")},
    {0, 5, "RDX3\n", "an R workspace (RData)", R("write.csv(as.matrix(get(load(\"{}\")[1])), \"{}.csv\")")},
    {0, 10, "MATLAB 5.0", "a MATLAB file of a version before 7.3; save it with save(..., '-v7.3'), or",
     PYTHON("import scipy.io; scipy.io.mmwrite('{}.mtx', scipy.io.loadmat('{}')['NAME'])")},
    {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook", PANDAS("read_excel('{}')")},
    {0, 16, "SQLite format 3", "an SQLite database",
     "sqlite3 -header -csv '{}' 'select user, item, rating from ratings' > '{}.csv'"},
    {0, 4, "CDF\x01", "netCDF 3", "nccopy -k nc4 '{}' '{}.nc4'"},
    {0, 4, "CDF\x02", "netCDF 3", "nccopy -k nc4 '{}' '{}.nc4'"},
    {0, 4, "CDF\x05", "netCDF 3", "nccopy -k nc4 '{}' '{}.nc4'"},
    {0, 4, "\x0e\x03\x13\x01", "HDF4", "h4toh5 '{}' '{}.h5'"},
    {0, 9, "SIMPLE  =", "FITS", ARRAY("astropy.io.fits", "astropy.io.fits.getdata('{}')")},
    {0, 4, "II*\0", "a TIFF image", ARRAY("tifffile", "tifffile.imread('{}')")},
    {0, 4, "MM\0*", "a TIFF image", ARRAY("tifffile", "tifffile.imread('{}')")},
    {0, 4, "\x89PNG", "an image (PNG)", IMAGE},
    {0, 3, "\xff\xd8\xff", "an image (JPEG)", IMAGE},
    {0, 11, "<stata_dta>", "a Stata file", PANDAS("read_stata('{}')")},
    {0, 3, "r\x02\x01", "a Stata file", PANDAS("read_stata('{}')")},
    {0, 3, "s\x02\x01", "a Stata file", PANDAS("read_stata('{}')")},
    {0, 4, "$FL2", "an SPSS file", PANDAS("read_spss('{}')")},
    {0, 4, "$FL3", "an SPSS file", PANDAS("read_spss('{}')")},
    {12, 8, "\xc2\xea\x81\x60\xb3\x14\x11\xcf", "a SAS data set", PANDAS("read_sas('{}', format='sas7bdat')")},
    {0, 20, "HEADER RECORD*******", "a SAS transport file",
     PYTHON("import pyreadstat; pyreadstat.read_xport('{}')[0].to_csv('{}.csv', index=False)")},
    {0, 3, "BZh", "compressed with bzip2", "bzip2 -dc '{}' | dnmf ... -"},
    {0, 2, "\x1f\x8b", "compressed with gzip", "gzip -dc '{}' | dnmf ... -"},
    {0, 2, "\x1f\x9d", "compressed with compress", "gzip -dc '{}' | dnmf ... -"},
    {0, 4, "\x04\x22\x4d\x18", "compressed with LZ4", "lz4 -dc '{}' | dnmf ... -"},
    {0, 4, "LZIP", "compressed with lzip", "lzip -dc '{}' | dnmf ... -"},
    {0, 4, "\x5d\0\0\x80", "compressed with LZMA", "xz -dc --format=lzma '{}' | dnmf ... -"},
    {0, 2, "\x78\x9c", "compressed with zlib",
     PYTHON("import sys, zlib; sys.stdout.buffer.write(zlib.decompress(open('{}', 'rb').read()))") " | dnmf ... -"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z e -so '{}' | dnmf ... -"},
    {0, 4, "Rar!", "a RAR archive", "unrar p -inul '{}' | dnmf ... -"},
    {257, 5, "ustar", "a tar archive", "tar xOf '{}' | dnmf ... -"},
    {0, 5, "%PDF-", "a PDF document", "pdftotext -layout '{}'"},
    {0, 4, "\xff\xfe\0\0", "UTF-32", "iconv -f UTF-32 -t UTF-8 '{}' | dnmf ... -"},
    {0, 4, "\0\0\xfe\xff", "UTF-32", "iconv -f UTF-32 -t UTF-8 '{}' | dnmf ... -"},
    {0, 2, "\xff\xfe", "UTF-16", "iconv -f UTF-16 -t UTF-8 '{}' | dnmf ... -"},
    {0, 2, "\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8 '{}' | dnmf ... -"},
};

/* A form by a text that it begins with. */
typedef struct foreign_begin {
  const char *begin;
  const char *what;
  const char *command;
} foreign_begin;

/* Archives, by the first name in them. */
static const foreign_begin archives[] = {
    {"[Content_Types].xml", "an Excel workbook (or another Office document)", PANDAS("read_excel('{}')")},
    {"_rels/", "an Excel workbook (or another Office document)", PANDAS("read_excel('{}')")},
    {"xl/", "an Excel workbook", PANDAS("read_excel('{}')")},
    {"docProps/", "an Excel workbook (or another Office document)", PANDAS("read_excel('{}')")},
    {"mimetype", "an OpenDocument file", PANDAS("read_excel('{}')")},
    {".z", "a Zarr store in a zip archive", "unzip -q '{}' -d '{}.zarr' && " ZARR("{}.zarr")},
    {"zarr.json", "a Zarr store in a zip archive", "unzip -q '{}' -d '{}.zarr' && " ZARR("{}.zarr")},
};

#define BIOM "sed 's/^#OTU ID/id/; /^#/d' '{}' | dnmf ... - --format table"

/* Text, by its first line, in any case. */
static const foreign_begin texts[] = {
    {"#1.2", "GCT", "tail -n +3 '{}' | cut -f 1,3- | dnmf ... - --format table"},
    {"#1.3", "GCT 1.3",
     "awk -F '\\t' 'NR == 2 {r = $3; c = $4} NR == 3 || NR > 3 + c {printf \"%s\", $1; for (i = 2 + r; i <= NF; i++) "
     "printf \"\\t%s\", $i; print \"\"}' '{}' | dnmf ... - --format table"},
    {"!Series_", "a series matrix of GEO", "grep -v '^!' '{}' | dnmf ... - --format table"},
    {"# Program:featureCounts", "a table of featureCounts",
     "grep -v '^#' '{}' | cut -f 1,7- | dnmf ... - --format table"},
    {"# Constructed from biom file", "a table of BIOM", BIOM},
    {"#OTU ID", "a table of BIOM", BIOM},
    {"<!doctype", "XML or a web page", PANDAS("read_xml('{}')")},
    {"<html", "XML or a web page", PANDAS("read_xml('{}')")},
    {"<?xml", "XML or a web page", PANDAS("read_xml('{}')")},
    {"product/productId:", "in blocks of lines, as Amazon's reviews are",
     "awk -F ': ' '/productId/ {i = $2} /userId/ {u = $2} /review.score/ {print u \",\" i \",\" $2}' '{}' > '{}.csv'"},
};

static bool begins(const char *bytes, int64_t count, int64_t at, const char *with, int64_t length) {
  return count >= at + length && memcmp(bytes + at, with, (size_t)length) == 0;
}

/* The name of the file when it is unpacked: without the ending that tells how it is packed. */
static void unpacked_name(const char *path, char name[PATH_TEXT]) {
  static const char *const endings[] = {".gz", ".zst", ".xz", NULL};
  const int64_t length = (int64_t)strlen(path);
  for (const char *const *ending = endings; *ending; ending++) {
    const int64_t rest = length - (int64_t)strlen(*ending);
    if (rest > 0 && strcmp(path + rest, *ending) == 0) {
      snprintf(name, PATH_TEXT, "%.*s", (int)(rest < PATH_TEXT ? rest : PATH_TEXT - 1), path);
      return;
    }
  }
  snprintf(name, PATH_TEXT, "%.*s.unpacked", PATH_TEXT - 16, path);
}

/* The command with the name in the place of {}. */
static void fill_in(const char *command, const char *name, char text[DNMF_ERROR_TEXT]) {
  int64_t used = 0;
  while (*command && used + PATH_TEXT + 1 < DNMF_ERROR_TEXT) {
    if (command[0] == '{' && command[1] == '}') {
      used += snprintf(text + used, PATH_TEXT, "%.*s", PATH_TEXT - 1, name);
      command += 2;
    } else {
      text[used++] = *command++;
    }
  }
  text[used] = '\0';
}

static const char *unpacker_of(const char *packing) {
  return strcmp(packing, "gzip") == 0 ? "gzip -dc" : strcmp(packing, "zstd") == 0 ? "zstd -dc" : "xz -dc";
}

/* A name that a command cannot have between its quotes, or that is no file's, is FILE there. R unpacks by itself. */
static dnmf_status refuse_as(dnmf_error *error, const char *path, const char *packing, const char *what,
                             const char *command) {
  char text[DNMF_ERROR_TEXT];
  char name[PATH_TEXT];
  if (strpbrk(path, "'\"\\$`") || strcmp(path, "standard input") == 0)
    path = "FILE";
  if (!packing || strncmp(command, "Rscript", strlen("Rscript")) == 0) {
    fill_in(command, path, text);
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; convert it: %s", what, text);
  }
  unpacked_name(path, name);
  fill_in(command, name, text);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "is compressed with %s, and what is in it is %s; convert it: %s '%.300s' > '%s' && %s", packing,
                   what, unpacker_of(packing), path, name, text);
}

/* A zip archive: the first name in it tells what it is. */
static dnmf_status refuse_archive(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                  const char *packing) {
  enum { NAME_LENGTH = 26, NAME = 30 };
  static const char torch[] = "/data.pkl";
  const int64_t tail = (int64_t)sizeof torch - 1;
  const unsigned char *at = (const unsigned char *)bytes;
  int64_t length = count > NAME ? at[NAME_LENGTH] + 256 * at[NAME_LENGTH + 1] : 0;
  length = length < count - NAME ? length : count - NAME;
  if (length >= 4 && begins(bytes, count, NAME + length - 4, ".npy", 4))
    return DNMF_OK;
  if (length > tail && begins(bytes, count, NAME + length - tail, torch, tail))
    return refuse_as(error, path, packing, "a PyTorch file", ARRAY("torch", "torch.load('{}')"));
  for (size_t a = 0; a < sizeof archives / sizeof *archives; a++)
    if (length > 0 && begins(bytes, NAME + length, NAME, archives[a].begin, (int64_t)strlen(archives[a].begin)))
      return refuse_as(error, path, packing, archives[a].what, archives[a].command);
  return refuse_as(error, path, packing, "a zip archive without arrays",
                   length > 0 && bytes[NAME + length - 1] == '/' ? "unzip -p '{}' NAME | dnmf ... -, where unzip -l "
                                                                   "'{}' lists the names"
                                                                 : "unzip -p '{}' | dnmf ... -");
}

static bool is_foreign_word(const char *at, const char *end, const char *word) {
  return end - at >= (int64_t)strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

static const char *skip_white(const char *at, const char *end) {
  while (at < end && isspace((unsigned char)*at))
    at++;
  return at;
}

static const char *skip_digits(const char *at, const char *end) {
  while (at < end && isdigit((unsigned char)*at))
    at++;
  return at;
}

/* What a command of ours told with --json begins with its name. */
static bool is_told_by(const char *at, const char *end, const char *command) {
  static const char key[] = "\"command\":";
  const size_t length = strlen(command);
  const char *next = skip_white(at + 1, end);
  if (!is_foreign_word(next, end, key))
    return false;
  next = skip_white(next + sizeof key - 1, end);
  return end - next > (int64_t)length + 1 && *next == '"' && strncmp(next + 1, command, length) == 0 &&
         next[length + 1] == '"';
}

/* An object, of which one may be on each line, and an array: of objects, of arrays, or one on each line. */
static dnmf_status refuse_json(dnmf_error *error, const char *path, const char *at, const char *end,
                               const char *packing) {
  const char *next = skip_white(at + 1, end);
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  const char *last = feed ? feed : end;
  while (last > at && isspace((unsigned char)last[-1]))
    last--;
  if (next == end)
    return DNMF_OK;
  if (*at == '[' && *next == '{')
    return refuse_as(error, path, packing, "JSON", RECORDS);
  if (*at == '[' && *next == '[')
    return refuse_as(error, path, packing, "JSON", "jq -r '.[] | @csv' '{}' | dnmf ... - --format table");
  if (*at == '[' && last[-1] == ']')
    return refuse_as(error, path, packing, "JSON", "jq -r @csv '{}' | dnmf ... - --format table");
  const char *colon = *at == '{' && *next == '"' ? memchr(at, ':', (size_t)(end - at)) : NULL;
  if (!colon)
    return DNMF_OK;
  const char *value = skip_white(colon + 1, end);
  if (is_foreign_word(next, end, "\"columns\"") || is_foreign_word(next, end, "\"index\""))
    return refuse_as(error, path, packing, "JSON", FRAME("read_json('{}', orient='split')"));
  const char *first = value < end ? skip_white(value + 1, end) : end;
  if (first < end && (*value == '{' || (*value == '[' && *first != '{')))
    return refuse_as(error, path, packing, "JSON", FRAME("read_json('{}')"));
  return refuse_as(error, path, packing, "JSON", RECORDS);
}

/* Ratings below a line that tells whose they are. */
static dnmf_status refuse_blocks(dnmf_error *error, const char *path, const char *at, const char *end,
                                 const char *packing) {
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  const char *digits = skip_digits(at, end);
  const char *after = digits < end ? skip_digits(digits + 1, end) : end;
  if (!feed || digits == at)
    return DNMF_OK;
  if (*digits == ':' && (digits + 1 == feed || digits[1] == '\r'))
    return refuse_as(error, path, packing, "in blocks that begin with a number and a colon, as Netflix's ratings are",
                     "awk -F, '/:/{m=$1+0;next}{print $1\",\"m\",\"$2}' '{}' > '{}.csv'");
  if (*digits == '|' && after > digits + 1 && (after == feed || *after == '\r')) {
    const char *next = skip_digits(feed + 1, end);
    if (next > feed + 1 && next < end && *next == '\t')
      return refuse_as(error, path, packing, "in blocks that begin with two numbers and a bar, as Yahoo's ratings are",
                       "awk -F '[|\\t]' '/[|]/ {u = $1; next} {print u \",\" $1 \",\" $2}' '{}' > '{}.csv'");
  }
  return DNMF_OK;
}

/* Past the lines of comments that ARFF has. */
static const char *skip_comments(const char *at, const char *end) {
  while (at < end && *at == '%') {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    at = skip_white(feed ? feed : end, end);
  }
  return at;
}

/* Forms of text that no table and no triples begin as. */
static dnmf_status refuse_text(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                               const char *packing) {
  const char *end = bytes + count;
  const char *at = skip_white(begins(bytes, count, 0, "\xef\xbb\xbf", 3) ? bytes + 3 : bytes, end);
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
    if (is_foreign_word(at, end, texts[t].begin))
      return refuse_as(error, path, packing, texts[t].what, texts[t].command);
  if (is_foreign_word(skip_comments(at, end), end, "@relation"))
    return refuse_as(error, path, packing, "ARFF", "grep -v '^[@%]' '{}' | dnmf ... - --format table");
  if (at < end && *at == '{' && is_told_by(at, end, "tune"))
    return dnmf_fail(
        error, DNMF_ERROR_INPUT,
        "is what dnmf tune --json told of a search, and no matrix; dnmf report '%.*s' -o PAGE.html makes a "
        "page of it",
        PATH_TEXT - 1, path);
  if (at < end && (*at == '{' || *at == '['))
    DNMF_TRY(refuse_json(error, path, at, end, packing));
  const char *carriage = at < end ? memchr(at, '\r', (size_t)(end - at)) : NULL;
  if (carriage && skip_white(carriage, end) < end && !memchr(at, '\n', (size_t)(end - at)))
    return refuse_as(error, path, packing, "text whose lines end with a carriage return alone",
                     "tr '\\r' '\\n' < '{}' | dnmf ... -");
  return refuse_blocks(error, path, at, end, packing);
}

/* Text may begin with the letters of a signature: genes are called ORC1 and PAR1. Then a name goes on, or ends. */
static bool is_name(const foreign_form *form, const char *bytes, int64_t count) {
  static const char others[] = " _-:,;|\t\r\n\"";
  if (form->at > 0 || strcmp(form->bytes, "BZh") == 0 || memchr(bytes, 0, (size_t)count))
    return false;
  for (int i = 0; i < form->length; i++)
    if (!isalnum((unsigned char)form->bytes[i]))
      return false;
  return count > form->length && (isalnum((unsigned char)bytes[form->length]) ||
                                  memchr(others, bytes[form->length], sizeof others - 1) != NULL);
}

/* Letters with a byte of 0 before or behind each: UTF-16 that does not begin with a mark. */
static dnmf_status refuse_wide_letters(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                       const char *packing) {
  enum { LETTERS = 8 };
  bool zeros[2] = {count >= 2 * LETTERS, count >= 2 * LETTERS};
  for (int i = 0; i < 2 * LETTERS && i < count; i++)
    for (int first = 0; first < 2; first++)
      zeros[first] = zeros[first] && (bytes[i] == 0) == (i % 2 == first);
  if (zeros[0])
    return refuse_as(error, path, packing, "UTF-16", "iconv -f UTF-16BE -t UTF-8 '{}' | dnmf ... -");
  if (zeros[1])
    return refuse_as(error, path, packing, "UTF-16", "iconv -f UTF-16LE -t UTF-8 '{}' | dnmf ... -");
  return DNMF_OK;
}

dnmf_status dnmf_foreign_refuse(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                const char *packing) {
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    if (begins(bytes, count, forms[f].at, forms[f].bytes, forms[f].length) && !is_name(&forms[f], bytes, count))
      return refuse_as(error, path, packing, forms[f].what, forms[f].command);
  DNMF_TRY(refuse_wide_letters(error, path, bytes, count, packing));
  bool numpy = begins(bytes, count, 0, "\x93NUMPY", 6);
  if (numpy || begins(bytes, count, 0, "\x89HDF\r\n\x1a\n", 8)) {
    const char *what = numpy ? "a NumPy array" : "HDF5, not text";
    if (packing)
      return refuse_as(error, path, packing, what, "dnmf ... '{}'");
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; leave --format out, and give it as a file", what);
  }
  if (begins(bytes, count, 0, "PK\x03\x04", 4)) {
    DNMF_TRY(refuse_archive(error, path, bytes, count, packing));
    if (packing)
      return refuse_as(error, path, packing, "a NumPy archive", "dnmf ... '{}'");
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is a NumPy archive (zip); leave --format out, and give it as a file");
  }
  return refuse_text(error, path, bytes, count, packing);
}

dnmf_status dnmf_foreign_refuse_hdf5(dnmf_error *error, const char *path, bool (*has)(const void *state, const char *),
                                     const void *state) {
  if (has(state, "/observation") && has(state, "/sample") && has(state, "/observation/matrix"))
    return refuse_as(error, path, NULL, "BIOM",
                     "biom convert -i '{}' -o '{}.tsv' --to-tsv && sed 's/^#OTU ID/id/; /^#/d' '{}.tsv' | dnmf ... - "
                     "--format table");
  if (has(state, "/assays") && has(state, "/assays/RNA") && has(state, "/cell.names"))
    return refuse_as(error, path, NULL, "h5Seurat",
                     PYTHON("import anndata, h5py, pandas, scipy.sparse; f = h5py.File('{}'); g = "
                            "f['assays/RNA/counts']; names = lambda n: pandas.DataFrame(index=f[n].asstr()[:]); "
                            "anndata.AnnData(scipy.sparse.csc_matrix((g['data'], g['indices'], g['indptr']), "
                            "g.attrs['dims']), names('assays/RNA/features'), "
                            "names('cell.names')).write_h5ad('{}.h5ad')"));
  return DNMF_OK;
}

static bool has_entry(const char *path, const char *entry) {
  char name[4096];
  struct stat facts;
  int length = snprintf(name, sizeof name, "%s/%s", path, entry);
  return length < (int)sizeof name && stat(name, &facts) == 0;
}

/* True when the folder has files that begin so; `parquet`: one of them ends with .parquet. */
static bool has_parts(const char *path, const char *begin, bool *parquet) {
  bool found = false;
  DIR *folder = opendir(path);
  *parquet = false;
  for (const struct dirent *entry; folder && (entry = readdir(folder));) {
    const char *dot = strrchr(entry->d_name, '.');
    if (strncmp(entry->d_name, begin, strlen(begin)) != 0)
      continue;
    found = true;
    *parquet = *parquet || (dot && strcmp(dot, ".parquet") == 0);
  }
  if (folder)
    closedir(folder);
  return found;
}

dnmf_status dnmf_foreign_refuse_folder(dnmf_error *error, const char *path) {
  bool parquet = false;
  if (has_entry(path, ".zarray") || (has_entry(path, "zarr.json") && has_entry(path, "c")))
    return refuse_as(error, path, NULL, "a Zarr array", ARRAY("zarr", "zarr.open('{}')[:]"));
  if (has_entry(path, ".zgroup") || has_entry(path, ".zmetadata") || has_entry(path, "zarr.json"))
    return refuse_as(error, path, NULL, "a Zarr store", ZARR("{}"));
  if (has_parts(path, "part-", &parquet))
    return refuse_as(error, path, NULL, "a folder of parts, as Spark writes it",
                     parquet ? FRAME("read_parquet('{}')") : "cat '{}'/part-* | dnmf ... -");
  return DNMF_OK;
}

dnmf_status dnmf_foreign_refuse_zip(dnmf_error *error, const char *path) {
  char bytes[512];
  FILE *file = fopen(path, "rb");
  size_t count = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file)
    fclose(file);
  return begins(bytes, (int64_t)count, 0, "PK\x03\x04", 4) ? refuse_archive(error, path, bytes, (int64_t)count, NULL)
                                                           : DNMF_OK;
}
