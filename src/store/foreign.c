#include "store/foreign.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { PATH_TEXT = 300 /* characters of a path in a command */ };

/* A form of file, by bytes at a place in it. In a command, @ behind a quote is the file's name. */
typedef struct foreign_form {
  int64_t at;
  int length;
  const char *bytes;
  const char *what;
  const char *command; /* "convert it: COMMAND" */
} foreign_form;

#define PANDAS(how) "python3 -c \"import pandas; pandas." how "('@').to_csv('@.csv', index=False)\""

static const foreign_form forms[] = {
    {0, 4, "PAR1", "Parquet", PANDAS("read_parquet")},
    {0, 6, "ARROW1", "Arrow (Feather)", PANDAS("read_feather")},
    {0, 4, "FEA1", "Feather", PANDAS("read_feather")},
    {0, 3, "ORC", "ORC", PANDAS("read_orc")},
    {0, 4, "Obj\x01", "Avro", "avro cat --format csv '@' > '@.csv'"},
    {0, 2, "\x80\x02", "a Python pickle", PANDAS("read_pickle")},
    {0, 2, "\x80\x03", "a Python pickle", PANDAS("read_pickle")},
    {0, 2, "\x80\x04", "a Python pickle", PANDAS("read_pickle")},
    {0, 2, "\x80\x05", "a Python pickle", PANDAS("read_pickle")},
    {0, 3, "X\n\0", "an R object (RDS)", "Rscript -e 'write.csv(as.matrix(readRDS(\"@\")), \"@.csv\")'"},
    {0, 5, "RDX2\n", "an R workspace (RData)",
     "Rscript -e 'x <- load(\"@\"); write.csv(as.matrix(get(x[1])), \"@.csv\")'"},
    {0, 5, "RDX3\n", "an R workspace (RData)",
     "Rscript -e 'x <- load(\"@\"); write.csv(as.matrix(get(x[1])), \"@.csv\")'"},
    {0, 10, "MATLAB 5.0", "a MATLAB file of a version before 7.3; save it with save(..., '-v7.3'), or",
     "python3 -c \"import numpy, scipy.io; numpy.save('@.npy', scipy.io.loadmat('@')['NAME'])\""},
    {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook", "libreoffice --headless --convert-to csv '@'"},
    {0, 16, "SQLite format 3", "an SQLite database",
     "sqlite3 -header -csv '@' 'select user, item, rating from TABLE' > '@.csv'"},
    {0, 4, "CDF\x01", "netCDF 3", "nccopy -k nc4 '@' '@.nc4'"},
    {0, 4, "CDF\x02", "netCDF 3", "nccopy -k nc4 '@' '@.nc4'"},
    {0, 4, "CDF\x05", "netCDF 3", "nccopy -k nc4 '@' '@.nc4'"},
    {0, 4, "\x0e\x03\x13\x01", "HDF4", "h4toh5 '@' '@.h5'"},
    {0, 9, "SIMPLE  =", "FITS",
     "python3 -c \"import numpy, astropy.io.fits as f; numpy.save('@.npy', f.getdata('@'))\""},
    {0, 4, "II*\0", "a TIFF image", "python3 -c \"import numpy, tifffile; numpy.save('@.npy', tifffile.imread('@'))\""},
    {0, 4, "MM\0*", "a TIFF image", "python3 -c \"import numpy, tifffile; numpy.save('@.npy', tifffile.imread('@'))\""},
    {0, 4, "\x89PNG", "an image (PNG)",
     "python3 -c \"import numpy, PIL.Image as i; numpy.save('@.npy', i.open('@').convert('L'))\""},
    {0, 3, "\xff\xd8\xff", "an image (JPEG)",
     "python3 -c \"import numpy, PIL.Image as i; numpy.save('@.npy', i.open('@').convert('L'))\""},
    {0, 11, "<stata_dta>", "a Stata file", PANDAS("read_stata")},
    {0, 4, "$FL2", "an SPSS file", PANDAS("read_spss")},
    {0, 3, "BZh", "compressed with bzip2", "bunzip2 -c '@' | dnmf ... -"},
    {0, 2, "\x1f\x8b", "compressed with gzip", "gunzip -c '@' | dnmf ... -"},
    {0, 2, "\x1f\x9d", "compressed with compress", "uncompress -c '@' | dnmf ... -"},
    {0, 4, "\x04\x22\x4d\x18", "compressed with LZ4", "lz4 -dc '@' | dnmf ... -"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z e -so '@' | dnmf ... -"},
    {0, 4, "Rar!", "a RAR archive", "unrar p -inul '@' | dnmf ... -"},
    {257, 5, "ustar", "a tar archive", "tar xOf '@' | dnmf ... -"},
    {0, 5, "%PDF-", "a PDF document", "pdftotext -layout '@'"},
    {0, 2, "\xff\xfe", "UTF-16", "iconv -f UTF-16 -t UTF-8 '@' | dnmf ... -"},
    {0, 2, "\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8 '@' | dnmf ... -"},
    {0, 5, "#1.2\n", "GCT", "tail -n +3 '@' | cut -f 1,3- | dnmf ... - --format table"},
    {0, 6, "#1.2\r\n", "GCT", "tail -n +3 '@' | cut -f 1,3- | dnmf ... - --format table"},
};

/* Archives, by the first name in them. */
static const struct {
  const char *name;
  const char *what;
  const char *command;
} archives[] = {
    {"[Content_Types].xml", "an Excel workbook (or another Office document)", PANDAS("read_excel")},
    {"_rels/", "an Excel workbook (or another Office document)", PANDAS("read_excel")},
    {"xl/", "an Excel workbook", PANDAS("read_excel")},
    {"docProps/", "an Excel workbook (or another Office document)", PANDAS("read_excel")},
    {"mimetype", "an OpenDocument file", "libreoffice --headless --convert-to csv '@'"},
    {"archive/data.pkl", "a PyTorch file", "python3 -c \"import numpy, torch; numpy.save('@.npy', torch.load('@'))\""},
};

static dnmf_status refuse_as(dnmf_error *error, const char *path, const char *packing, const char *what,
                             const char *command) {
  char text[DNMF_ERROR_TEXT];
  size_t used = 0;
  char before = '\0';
  for (; *command && used + PATH_TEXT + 1 < sizeof text; before = *command++) {
    if (*command == '@' && (before == '\'' || before == '"'))
      used += (size_t)snprintf(text + used, PATH_TEXT, "%.*s", PATH_TEXT - 1, path);
    else
      text[used++] = *command;
  }
  text[used] = '\0';
  if (packing)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "is compressed with %s, and what is in it is %s; unpack it, and convert it: "
                     "%s",
                     packing, what, text);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; convert it: %s", what, text);
}

static bool begins(const char *bytes, int64_t count, int64_t at, const char *with, int64_t length) {
  return count >= at + length && memcmp(bytes + at, with, (size_t)length) == 0;
}

/* A zip archive: the first name in it tells what it is. */
static dnmf_status refuse_archive(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                  const char *packing) {
  enum { NAME_LENGTH = 26, NAME = 30 };
  const unsigned char *at = (const unsigned char *)bytes;
  int64_t length = count > NAME ? at[NAME_LENGTH] + 256 * at[NAME_LENGTH + 1] : 0;
  length = length < count - NAME ? length : count - NAME;
  if (length >= 4 && begins(bytes, count, NAME + length - 4, ".npy", 4))
    return DNMF_OK;
  for (size_t a = 0; a < sizeof archives / sizeof *archives; a++)
    if (length > 0 && begins(bytes, NAME + length, NAME, archives[a].name, (int64_t)strlen(archives[a].name)))
      return refuse_as(error, path, packing, archives[a].what, archives[a].command);
  return refuse_as(error, path, packing, "a zip archive without arrays", "unzip -p '@' | dnmf ... -");
}

static bool is_foreign_word(const char *at, const char *end, const char *word) {
  return end - at >= (int64_t)strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

/* What a command of ours told with --json begins with its name. */
static bool is_told_by(const char *at, const char *end, const char *command) {
  static const char key[] = "\"command\":";
  const size_t length = strlen(command);
  const char *next = at + 1;
  while (next < end && isspace((unsigned char)*next))
    next++;
  if (!is_foreign_word(next, end, key))
    return false;
  for (next += sizeof key - 1; next < end && isspace((unsigned char)*next);)
    next++;
  return end - next > (int64_t)length + 1 && *next == '"' && strncmp(next + 1, command, length) == 0 &&
         next[length + 1] == '"';
}

/* Forms of text that no table and no triples begin as. */
static dnmf_status refuse_text(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                               const char *packing) {
  const char *end = bytes + count;
  const char *at = begins(bytes, count, 0, "\xef\xbb\xbf", 3) ? bytes + 3 : bytes;
  while (at < end && isspace((unsigned char)*at))
    at++;
  const char *feed = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
  const char *line_end = feed ? feed : end;
  const char *next = at + 1;
  while (next < end && isspace((unsigned char)*next))
    next++;
  if (at == end)
    return DNMF_OK;
  if (*at == '{' && is_told_by(at, end, "tune"))
    return dnmf_fail(
        error, DNMF_ERROR_INPUT,
        "is what dnmf tune --json told of a search, and no matrix; dnmf report '%.*s' -o PAGE.html makes a "
        "page of it",
        PATH_TEXT - 1, path);
  if (*at == '{' && next < end && *next == '"' && memchr(at, ':', (size_t)(end - at)))
    return refuse_as(error, path, packing, "JSON",
                     "jq -r '[.user, .item, .rating] | @csv' '@' > '@.csv', with the names of its fields");
  if (*at == '[' && next < end && (*next == '{' || *next == '['))
    return refuse_as(error, path, packing, "JSON",
                     *next == '{' ? "jq -r '.[] | [.user, .item, .rating] | @csv' '@' > '@.csv', with the names of its "
                                    "fields"
                                  : "jq -r '.[] | @csv' '@' > '@.csv'");
  if (is_foreign_word(at, end, "<!doctype") || is_foreign_word(at, end, "<html") || is_foreign_word(at, end, "<?xml"))
    return refuse_as(error, path, packing, "XML or a web page", PANDAS("read_xml"));
  if (is_foreign_word(at, end, "@relation"))
    return refuse_as(error, path, packing, "ARFF", "grep -v '^[@%]' '@' > '@.csv'");
  const char *digits = at;
  while (digits < line_end && isdigit((unsigned char)*digits))
    digits++;
  if (feed && digits > at && digits < line_end && *digits == ':' && (digits + 1 == line_end || digits[1] == '\r'))
    return refuse_as(error, path, packing, "in blocks that begin with a number and a colon, as Netflix's ratings are",
                     "awk -F, '/:/{m=$1+0;next}{print $1\",\"m\",\"$2}' '@' > '@.csv'");
  return DNMF_OK;
}

/* Text may begin with the letters of a signature: genes are called ORC1 and PAR1. Then a name goes on, or ends. */
static bool is_name(const foreign_form *form, const char *bytes, int64_t count) {
  static const char others[] = " _-:,;|\t\r\n\"";
  if (form->at > 0 || strcmp(form->bytes, "BZh") == 0)
    return false;
  for (int i = 0; i < form->length; i++)
    if (!isalnum((unsigned char)form->bytes[i]))
      return false;
  return count > form->length && (isalnum((unsigned char)bytes[form->length]) ||
                                  memchr(others, bytes[form->length], sizeof others - 1) != NULL);
}

dnmf_status dnmf_foreign_refuse(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                const char *packing) {
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    if (begins(bytes, count, forms[f].at, forms[f].bytes, forms[f].length) && !is_name(&forms[f], bytes, count))
      return refuse_as(error, path, packing, forms[f].what, forms[f].command);
  bool numpy = begins(bytes, count, 0, "\x93NUMPY", 6);
  if (numpy || begins(bytes, count, 0, "\x89HDF\r\n\x1a\n", 8)) {
    const char *what = numpy ? "a NumPy array" : "HDF5, not text";
    if (packing)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "is compressed with %s, and what is in it is %s; unpack it first",
                       packing, what);
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; leave --format out, and give it as a file", what);
  }
  if (begins(bytes, count, 0, "PK\x03\x04", 4)) {
    DNMF_TRY(refuse_archive(error, path, bytes, count, packing));
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is a NumPy archive (zip); leave --format out, and give it as a file");
  }
  return refuse_text(error, path, bytes, count, packing);
}

static bool has_entry(const char *path, const char *entry) {
  char name[4096];
  struct stat facts;
  int length = snprintf(name, sizeof name, "%s/%s", path, entry);
  return length < (int)sizeof name && stat(name, &facts) == 0;
}

dnmf_status dnmf_foreign_refuse_folder(dnmf_error *error, const char *path) {
  static const char *const zarr[] = {".zgroup", ".zarray", "zarr.json", ".zmetadata", NULL};
  for (const char *const *entry = zarr; *entry; entry++)
    if (has_entry(path, *entry))
      return dnmf_fail(error, DNMF_ERROR_FILE,
                       "%s is a Zarr folder; convert it: python3 -c \"import anndata; "
                       "anndata.read_zarr('%.300s').write_h5ad('%.300s.h5ad')\"",
                       path, path, path);
  return dnmf_fail(error, DNMF_ERROR_FILE, "%s is a directory; name a file", path);
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
