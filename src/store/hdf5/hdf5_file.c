/* Opening, laying out and closing HDF5 files, and HDF5's reasons in our messages. */
#if defined(__linux__)
#define _GNU_SOURCE /* fallocate */
#endif
#include "store/hdf5/hdf5_file.h"

#include "store/file.h" /* dnmf_hdf5_start, dnmf_hdf5_version */
#include "store/hdf5/hdf5_driver.h"
#include "store/hdf5/hdf5_heap.h"
#include "store/hdf5/hdf5_lzf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* More than the headers, groups and attributes of our files take. */
static const int64_t HEADER_BYTES = 32 << 10;

/* Errors are told by us, once; files that could not be closed are not tried again while the program exits; links to
 * other files lead nowhere. */
void dnmf_hdf5_start(void) {
  H5dont_atexit(); /* fails when HDF5 is already running, which is as well */
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  dnmf_hdf5_register_lzf();
  dnmf_heap_register();
  /* Opening a link's file is collective, what asks for it is not; and no file should make us open another. Fails when
   * it is done already. */
  H5Lunregister(H5L_TYPE_EXTERNAL);
}

/* The serial driver without locks: many cluster file systems have none, and our own files are private until
 * they are renamed. */
static hid_t serial_access(void) {
  dnmf_hdf5_start();
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(access, false, true);
#endif
  return access;
}

static hid_t read_access(void) {
  hid_t access = serial_access();
  if (dnmf_hdf5_reads_are_kept(access))
    return access;
  dnmf_hdf5_release(access);
  return -1;
}

/* The system's reason, before HDF5 wraps it. */
static dnmf_status check_visible(dnmf_error *error, const char *path, bool fill) {
  struct stat about;
  int file = open(path, fill ? O_RDWR : O_RDONLY);
  if (file < 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: %s", path, strerror(errno));
  int found = fstat(file, &about);
  close(file);
  if (found == 0 && S_ISDIR(about.st_mode))
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: it is a directory", path);
  return DNMF_OK;
}

dnmf_status dnmf_hdf5_open_alone(dnmf_error *error, const char *path, hid_t *file) {
  *file = -1;
  DNMF_TRY(check_visible(error, path, false));
  hid_t access = read_access();
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  char reason[DNMF_HDF5_NAME] = "";
  if (*file < 0)
    dnmf_hdf5_reason(reason);
  dnmf_hdf5_release(access);
  if (*file >= 0)
    return DNMF_OK;
  if (H5Fis_hdf5(path) <= 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: it is not an HDF5 file", path);
  return dnmf_fail(error, DNMF_ERROR_FILE,
                   "cannot read %s: it is damaged, perhaps cut off while it was written or copied (HDF5: %s)", path,
                   reason);
}

/* `status`, unless a read of the file failed that it does not tell of. */
static dnmf_status check_reads(dnmf_error *error, const char *path, hid_t file, dnmf_status status) {
  const int failed = file < 0 ? 0 : dnmf_hdf5_failed_read(file);
  if (failed == 0 || (status != DNMF_OK && strstr(error->text, strerror(failed))))
    return status;
  *error = (dnmf_error){0};
  return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", path, strerror(failed));
}

dnmf_status dnmf_hdf5_close_alone(dnmf_error *error, const char *path, hid_t file, dnmf_status status) {
  status = check_reads(error, path, file, status);
  if (file >= 0)
    dnmf_hdf5_file_close(file);
  return status;
}

/* 0 when `bytes` of the open file now have room on the disk, else errno; the file's size does not change. Where the
 * file system cannot set room aside, the free space must do. */
static int set_aside(int file, int64_t bytes) {
#if defined(__linux__)
  if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0)
    return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
    return errno;
#endif
  struct statvfs disk;
  if (fstatvfs(file, &disk) == 0 && (double)disk.f_bavail * (double)disk.f_frsize < (double)bytes)
    return ENOSPC;
  return 0;
}

static dnmf_status reserve(dnmf_error *error, const char *path, int64_t bytes) {
  int file = open(path, O_RDWR);
  int failed = file < 0 ? errno : set_aside(file, bytes);
  if (file >= 0)
    close(file);
  if (failed)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot write %s, which needs %lld bytes: %s", path, (long long)bytes,
                     strerror(failed));
  return DNMF_OK;
}

dnmf_status dnmf_hdf5_create_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file) {
  hid_t access = serial_access();
  hid_t creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation, false); /* the same run twice gives the same bytes */
  *file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  dnmf_status status = DNMF_OK;
  if (*file < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write %s", path);
  dnmf_hdf5_release(creation);
  dnmf_hdf5_release(access);
  /* Before there is more to write than the few bytes that fit: HDF5 crashes at the end of a program in which the
   * space for an open dataset's header ran out. */
  if (status == DNMF_OK)
    status = reserve(error, path, bytes + HEADER_BYTES);
  if (status != DNMF_OK && *file >= 0) {
    H5Fclose(*file);
    *file = -1;
  }
  return status;
}

dnmf_status dnmf_hdf5_extend_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file) {
  struct stat about;
  *file = -1;
  if (stat(path, &about) != 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot write %s: %s", path, strerror(errno));
  DNMF_TRY(reserve(error, path, about.st_size + bytes + HEADER_BYTES));
  hid_t access = serial_access();
  *file = H5Fopen(path, H5F_ACC_RDWR, access);
  dnmf_status status = DNMF_OK;
  if (*file < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write %s", path);
  dnmf_hdf5_release(access);
  return status;
}

dnmf_status dnmf_hdf5_create_dataset(dnmf_error *error, hid_t file, const char *name, hid_t type, int rank,
                                     const int64_t *shape) {
  hsize_t extent[2] = {(hsize_t)shape[0], rank > 1 ? (hsize_t)shape[1] : 1};
  hid_t space = H5Screate_simple(rank, extent, NULL);
  hid_t links = H5Pcreate(H5P_LINK_CREATE);
  hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(creation, false);
  hid_t dataset = H5Dcreate2(file, name, type, space, links, creation, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  if (dataset < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot create the dataset %s", name);
  status = dnmf_hdf5_close_written(error, dataset, name, status);
  dnmf_hdf5_release(creation);
  dnmf_hdf5_release(links);
  dnmf_hdf5_release(space);
  return status;
}

/* Room for what is really needed, and no more. */
static dnmf_status reserve_exactly(dnmf_error *error, const char *path) {
  struct stat about;
  if (stat(path, &about) != 0 || truncate(path, about.st_size) != 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot write %s: %s", path, strerror(errno));
  return reserve(error, path, about.st_size);
}

dnmf_status dnmf_hdf5_close_layout(dnmf_error *error, const char *path, hid_t file, dnmf_status status) {
  if (file >= 0 && H5Fclose(file) < 0 && status == DNMF_OK)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write %s", path);
  if (status == DNMF_OK)
    status = reserve_exactly(error, path);
  return status;
}

dnmf_status dnmf_hdf5_open(dnmf_context *context, const char *path, bool fill, hid_t *file) {
  *file = -1;
  DNMF_TRY(dnmf_agree(context, check_visible(&context->error, path, fill)));
  if (!fill)
    dnmf_reading_begin(context, path, DNMF_NO_LIMIT);
  hid_t access = fill ? serial_access() : read_access();
  if (context->size > 1 && fill)
    H5Pset_fapl_mpio(access, MPI_COMM_SELF, MPI_INFO_NULL);
  *file = H5Fopen(path, fill ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
  dnmf_status status = DNMF_OK;
  if (*file < 0)
    status = dnmf_hdf5_fail(&context->error, DNMF_ERROR_FILE, "cannot open %s on process %d", path, context->rank);
  dnmf_hdf5_release(access);
  status = dnmf_agree(context, status);
  if (status != DNMF_OK && *file >= 0) {
    dnmf_hdf5_file_close(*file);
    *file = -1;
  }
  if (status != DNMF_OK && !fill)
    dnmf_reading_end(context);
  return status;
}

dnmf_status dnmf_hdf5_close(dnmf_context *context, const char *path, bool fill, hid_t file, dnmf_status status) {
  if (!fill && status != DNMF_ERROR_MPI)
    status = check_reads(&context->error, path, file, status);
  status = dnmf_agree(context, status);
  if (status ==
      DNMF_ERROR_MPI) /* the job ends: closing, which is collective, would wait for processes that do not come */
    return status;
  if (status == DNMF_OK && fill && H5Fflush(file, H5F_SCOPE_LOCAL) < 0)
    status = dnmf_hdf5_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s", path);
  if (dnmf_hdf5_file_close(file) < 0 && fill && status == DNMF_OK)
    status = dnmf_hdf5_fail(&context->error, DNMF_ERROR_FILE, "cannot finish writing %s", path);
  if (!fill)
    dnmf_reading_end(context);
  return dnmf_agree(context, status);
}

void dnmf_hdf5_version(char *text, size_t size) {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  snprintf(text, size, "%u.%u.%u", major, minor, release);
}
