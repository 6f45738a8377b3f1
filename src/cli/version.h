/* The program's version, and the libraries it was built with and runs on. */
#ifndef DNMF_CLI_VERSION_H
#define DNMF_CLI_VERSION_H

#include <stddef.h>

/* On standard output, for --version. */
void cli_print_version(void);

/* "(the MPI library); HDF5 1.10.8; ..." in one line, for provenance. */
void cli_library_versions(char *text, size_t size);

#endif
