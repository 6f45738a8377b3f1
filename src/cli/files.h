/*
 * The files of a command line: none that is written may be one that is read, or another that is written.
 *
 * Which files those are is said by the kinds of a command's options (options.h); its arguments are files it reads. Two
 * names are one file when they lead to the same device and inode, however they are spelt: ./x, a symbolic or hard link,
 * FILE.h5:/path, file:FILE. Files that do not exist yet are compared by folder and name. An output is written under
 * another name first (store/output.h), which may not be an input either.
 */
#ifndef DNMF_CLI_FILES_H
#define DNMF_CLI_FILES_H

#include "session.h"

/* Fails with DNMF_ERROR_USAGE and a message that names both when an output in `options` is an input of the command or
 * another output, or when an output in HDF5 has the name of another format. --checkpoint may be the file of --resume.
 * Called before anything is opened for writing; with --resume again, when the saved options are known. collective */
dnmf_status cli_files_check(cli_session *session, const void *options);

/* The same of one more output, which the command itself gives a name: export's OUT-W.csv. collective */
dnmf_status cli_files_check_output(cli_session *session, const void *options, const char *path);

/* What a name says of the format that is written. local */
bool cli_ends_with(const char *name, const char *ending);
bool cli_is_hdf5_name(const char *name); /* .h5, .hdf5 */

/* Refuses a name that is neither of HDF5 nor of CSV. local */
dnmf_status cli_check_ending(dnmf_error *error, const char *name);

#endif
