/* What the man pages say beside the tables of options. */
#include "pages.h"

const page_section page_of_program[] = {
    {"DESCRIPTION",
     "dnmf finds nonnegative factors of a nonnegative matrix, A = W H with W, H >= 0: of ratings, counts, images,\n"
     "spectra, text. It runs on one machine as it is, and on several processes, also of several machines, under "
     "mpirun\n"
     "or srun, with the same files and the same results.\n\n"
     "Files are recognized by what is in them; see dnmf-files(5). Results are HDF5. An option is spelt in full, or\n"
     "as much of it as no other option begins with.\n\n"
     "The first steps:\n\n"
     "  dnmf import ratings.csv -o ratings.h5\n"
     "  dnmf fit ratings.h5 -o model.h5 -k 20\n"
     "  dnmf info model.h5\n"
     "  mpirun -n 8 dnmf fit ratings.h5 -o model.h5 -k 20"},
    {"EXIT STATUS",
     "  0   done\n"
     "  1   the job failed; one message on standard error says what, where and what to do\n"
     "  2   the command line is wrong\n"
     "  75  stopped by a signal or a time limit after saving a checkpoint; the last line says how to go on"},
    {"ENVIRONMENT",
     "  COLUMNS  how wide help is, and summaries and progress on a terminal; default: what the terminal says, else 80\n"
     "  OMP_NUM_THREADS  threads of a process, unless --threads is given; default: the cores that it has to itself\n"
     "  GOMP_SPINCOUNT, OMP_WAIT_POLICY  how threads wait; where neither is set they sleep after some microseconds\n"
     "  TMPDIR  where standard input is kept while it is read (default /tmp)\n"
     "  DNMF_ISA  kernels to use: portable, avx2 or avx512 (default: the best that the processor has)\n"
     "  DNMF_CRASH_GUARD  off: leave signals alone where HDF5 crashes on a damaged file"},
    {"UNDER MPIRUN",
     "One process speaks. When a job ends with an exit status that is not 0, Open MPI's mpirun adds a notice of its\n"
     "own behind dnmf's message, which no program can prevent; mpirun -q leaves it out. As root mpirun needs\n"
     "OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, and for more processes than cores the option\n"
     "--oversubscribe."},
    {0}};

const page_section page_of_files[] = {
    {"DESCRIPTION",
     "Every command that takes a matrix reads all forms below, and finds out by itself which one a file is in; a file\n"
     "in a form that is not read is named for what it is, with a command that converts it. Matrices and models are\n"
     "written in HDF5. FILE.h5:/path names one of several matrices of an HDF5 file, FILE.npz:/name one of an archive,\n"
     "and - is standard input, for text."},
    {"TEXT",
     "Any text may be packed with gzip, zstd or xz, whatever it is called. Lines that begin with # or % before the\n"
     "data are comments.\n\n"
     "  triples  a row id, a column id and a value a line, parted by commas, tabs, ::, blanks, ; or |, with or "
     "without\n"
     "    a header; ids are words or numbers. What is not listed is unobserved\n"
     "  interactions  two columns, or --value-column none: each line counts 1, repeated ones add up\n"
     "  table  a line of numbers a row, with or without names in the first column and the first line\n"
     "  Matrix Market  coordinate and array\n"
     "  svmlight  index:value pairs; see --index-base\n"
     "  docword  UCI's bags of words, with three lines of header\n\n"
     "Cells without a value (NA, NaN, nothing) are refused unless --missing unobserved is given, which leaves them\n"
     "out."},
    {"ARRAYS", "  .npy  a NumPy array of two dimensions and any numeric type\n"
               "  .npz  a NumPy archive of such arrays, or a sparse matrix of SciPy's (csr, csc, coo)"},
    {"HDF5",
     "  dataset  of two dimensions, of integers, floats or booleans, compressed or not\n"
     "  AnnData  .h5ad of any version since 0.5: X, or layers/NAME, raw/X, obsm/NAME, with the names of obs and var\n"
     "  10x Genomics  Cell Ranger 2 and 3; also folders with matrix.mtx, barcodes.tsv and features.tsv\n"
     "  loom, netCDF 4, pandas  matrices with their names\n"
     "  MATLAB  7.3, full and sparse"},
    {"MATRIX FILE",
     "What import, generate and split write:\n\n"
     "  /matrix  a dataset, or a sparse matrix as AnnData has it: datasets data, indices, indptr, attribute shape\n"
     "  /row_ids, /col_ids  names or numbers of rows and columns, where there are any\n"
     "  missing  attribute: zero or unobserved, what is not stored"},
    {"MODEL FILE",
     "What fit, tune and transform write; checkpoints are model files too:\n\n"
     "  /W  rows x components\n"
     "  /H  components x columns\n"
     "  /row_ids, /col_ids  as in a matrix file\n"
     "  /bias/mean, /bias/row, /bias/col  of ratings: the prediction is mean + row bias + column bias + w h\n"
     "  /history  objective and other figures of each iteration\n\n"
     "Attributes hold all that is needed to repeat the fit: command line, settings, versions, input and its checksum.\n"
     "dnmf info prints them. In Python, with h5py, h5py.File(\"model.h5\")[\"W\"][:] is the first factor."},
    {"WRITING",
     "A file appears under its name when it is complete; until then it is FILE.partial, locked by the job that writes\n"
     "it. Links are followed, the mode of a file that is replaced is kept, and an output that is an input of the same\n"
     "command, or another output, is refused before anything is written."},
    {0}};
