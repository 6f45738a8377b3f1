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

const char *const page_topics[] = {"choosing\\-k", "clusters", "embedding", "install", "long\\-jobs",    "numerics",
                                   "performance",  "python",   "ratings",   "scaling", "scikit\\-learn", 0};
