#include "store/foreign.h"

#include "store/foreign_command.h"
#include "store/foreign_text.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A form of file, by bytes at a place in it. In a command, {} is the file's name. */
typedef struct foreign_form {
  int64_t at;
  int length;
  const char *bytes;
  const char *what;
  const char *command; /* "convert it: COMMAND" */
} foreign_form;

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
    {0, 3, "X\n\0", "an R object (RDS)", R(R_TABLE("readRDS(\"{}\")"))},
    {0, 5, "RDX2\n", "an R workspace (RData)", R(R_TABLE("get(load(\"{}\")[1])"))},
    {0, 5, "RDX3\n", "an R workspace (RData)", R(R_TABLE("get(load(\"{}\")[1])"))},
    {0, 5, "RDA2\n", "an R workspace (RData)", R(R_TABLE("get(load(\"{}\")[1])"))},
    {0, 5, "RDA3\n", "an R workspace (RData)", R(R_TABLE("get(load(\"{}\")[1])"))},
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
    {0, 4, "GIF8", "an image (GIF)", IMAGE},
    {0, 3, "P1\n", "an image (PBM)", IMAGE},
    {0, 3, "P2\n", "an image (PGM)", IMAGE},
    {0, 3, "P3\n", "an image (PPM)", IMAGE},
    {0, 3, "P4\n", "an image (PBM)", IMAGE},
    {0, 3, "P5\n", "an image (PGM)", IMAGE},
    {0, 3, "P6\n", "an image (PPM)", IMAGE},
    {8, 8, "WAVEfmt ", "sound (WAV); this makes its spectrogram",
     PYTHON("import numpy, scipy.io.wavfile, scipy.signal; r, x = scipy.io.wavfile.read('{}'); numpy.save('{}.npy', "
            "scipy.signal.spectrogram(x.reshape(len(x), -1)[:, 0] * 1., r)[2])")},
    {8, 4, "DUCK", "a DuckDB database", "duckdb -csv '{}' 'select user, item, rating from ratings' > '{}.csv'"},
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

static bool begins(const char *bytes, int64_t count, int64_t at, const char *with, int64_t length) {
  return count >= at + length && memcmp(bytes + at, with, (size_t)length) == 0;
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
    return dnmf_foreign_name(error, path, packing, "a PyTorch file", ARRAY("torch", "torch.load('{}')"));
  for (size_t a = 0; a < sizeof archives / sizeof *archives; a++)
    if (length > 0 && begins(bytes, NAME + length, NAME, archives[a].begin, (int64_t)strlen(archives[a].begin)))
      return dnmf_foreign_name(error, path, packing, archives[a].what, archives[a].command);
  return dnmf_foreign_name(error, path, packing, "a zip archive without arrays",
                           length > 0 && bytes[NAME + length - 1] == '/'
                               ? "unzip -p '{}' NAME | dnmf ... -, where unzip -l "
                                 "'{}' lists the names"
                               : "unzip -p '{}' | dnmf ... -");
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
  enum { BYTES = 16 };
  bool zeros[2] = {count >= BYTES, count >= BYTES};
  for (int i = 0; i < BYTES && i < count; i++)
    for (int first = 0; first < 2; first++)
      zeros[first] = zeros[first] && (bytes[i] == 0) == (i % 2 == first);
  if (zeros[0])
    return dnmf_foreign_name(error, path, packing, "UTF-16", "iconv -f UTF-16BE -t UTF-8 '{}' | dnmf ... -");
  if (zeros[1])
    return dnmf_foreign_name(error, path, packing, "UTF-16", "iconv -f UTF-16LE -t UTF-8 '{}' | dnmf ... -");
  return DNMF_OK;
}

dnmf_status dnmf_foreign_refuse(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                const char *packing) {
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    if (begins(bytes, count, forms[f].at, forms[f].bytes, forms[f].length) && !is_name(&forms[f], bytes, count))
      return dnmf_foreign_name(error, path, packing, forms[f].what, forms[f].command);
  DNMF_TRY(refuse_wide_letters(error, path, bytes, count, packing));
  bool numpy = begins(bytes, count, 0, "\x93NUMPY", 6);
  if (numpy || begins(bytes, count, 0, "\x89HDF\r\n\x1a\n", 8)) {
    const char *what = numpy ? "a NumPy array" : "HDF5, not text";
    if (packing)
      return dnmf_foreign_name(error, path, packing, what, "dnmf ... '{}'");
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is %s; leave --format out, and give it as a file", what);
  }
  if (begins(bytes, count, 0, "PK\x03\x04", 4)) {
    DNMF_TRY(refuse_archive(error, path, bytes, count, packing));
    if (packing)
      return dnmf_foreign_name(error, path, packing, "a NumPy archive", "dnmf ... '{}'");
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is a NumPy archive (zip); leave --format out, and give it as a file");
  }
  return dnmf_foreign_refuse_text(error, path, bytes, count, packing);
}

dnmf_status dnmf_foreign_refuse_hdf5(dnmf_error *error, const char *path, bool (*has)(const void *state, const char *),
                                     const void *state) {
  if (has(state, "/observation") && has(state, "/sample") && has(state, "/observation/matrix"))
    return dnmf_foreign_name(
        error, path, NULL, "BIOM",
        "biom convert -i '{}' -o '{}.tsv' --to-tsv && sed 's/^#OTU ID/id/; /^#/d' '{}.tsv' | dnmf ... - "
        "--format table");
  if (has(state, "/assays") && has(state, "/assays/RNA") && has(state, "/cell.names"))
    return dnmf_foreign_name(
        error, path, NULL, "h5Seurat",
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
    return dnmf_foreign_name(error, path, NULL, "a Zarr array", ARRAY("zarr", "zarr.open('{}')[:]"));
  if (has_entry(path, ".zgroup") || has_entry(path, ".zmetadata") || has_entry(path, "zarr.json"))
    return dnmf_foreign_name(error, path, NULL, "a Zarr store", ZARR("{}"));
  if (has_parts(path, "part-", &parquet))
    return dnmf_foreign_name(error, path, NULL, "a folder of parts, as Spark writes it",
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
