/* HDF5's way to read a file, with a memory for what failed. */
#include "store/hdf5/hdf5_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

typedef struct read_file {
  H5FD_t base; /* HDF5's own part comes first */
  int file;
  int failed; /* errno of the first read that failed */
  haddr_t end_of_allocated;
  haddr_t end_of_file;
  dev_t device;
  ino_t inode;
} read_file;

static H5FD_t *read_file_open(const char *name, unsigned flags, hid_t access, haddr_t most) {
  struct stat about;
  (void)access;
  (void)most;
  read_file *opened = flags & H5F_ACC_RDWR ? NULL : calloc(1, sizeof *opened);
  if (!opened)
    return NULL;
  opened->file = open(name, O_RDONLY | O_CLOEXEC);
  if (opened->file < 0 || fstat(opened->file, &about) != 0) {
    if (opened->file >= 0)
      close(opened->file);
    free(opened);
    return NULL;
  }
  opened->end_of_file = (haddr_t)about.st_size;
  opened->device = about.st_dev;
  opened->inode = about.st_ino;
  return &opened->base;
}

static herr_t read_file_close(H5FD_t *file) {
  read_file *opened = (read_file *)file;
  close(opened->file);
  free(opened);
  return 0;
}

static int read_file_compare(const H5FD_t *one, const H5FD_t *other) {
  const read_file *a = (const read_file *)one;
  const read_file *b = (const read_file *)other;
  if (a->device != b->device)
    return a->device < b->device ? -1 : 1;
  return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static herr_t read_file_query(const H5FD_t *file, unsigned long *features) {
  (void)file;
  *features = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t read_file_allocated(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const read_file *)file)->end_of_allocated;
}

static herr_t read_file_allocate(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((read_file *)file)->end_of_allocated = end;
  return 0;
}

static haddr_t read_file_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const read_file *)file)->end_of_file;
}

static herr_t read_file_handle(H5FD_t *file, hid_t access, void **handle) {
  (void)access;
  *handle = file;
  return 0;
}

static herr_t read_file_fail(read_file *opened, int reason) {
  if (opened->failed == 0)
    opened->failed = reason;
  H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR, "%s", strerror(reason));
  return -1;
}

static herr_t read_file_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t from, size_t size, void *buffer) {
  read_file *opened = (read_file *)file;
  char *to = buffer;
  (void)type;
  (void)transfer;
  if (from > (haddr_t)INT64_MAX - size || from + size > opened->end_of_allocated)
    return read_file_fail(opened, EOVERFLOW);
  while (size > 0) {
    const size_t most = size < (size_t)INT_MAX ? size : (size_t)INT_MAX;
    const ssize_t done = pread(opened->file, to, most, (off_t)from);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return read_file_fail(opened, done < 0 ? errno : ENODATA);
    to += done;
    from += (haddr_t)done;
    size -= (size_t)done;
  }
  return 0;
}

static herr_t read_file_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size,
                              const void *buffer) {
  (void)file;
  (void)type;
  (void)transfer;
  (void)at;
  (void)size;
  (void)buffer;
  return -1;
}

bool dnmf_hdf5_reads_are_kept(hid_t access) {
  const H5FD_class_t kind = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* not among those that are registered */
#endif
    .name = "dnmf",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = read_file_open,
    .close = read_file_close,
    .cmp = read_file_compare,
    .query = read_file_query,
    .get_eoa = read_file_allocated,
    .set_eoa = read_file_allocate,
    .get_eof = read_file_end,
    .get_handle = read_file_handle,
    .read = read_file_read,
    .write = read_file_write,
    .fl_map = H5FD_FLMAP_SINGLE,
  };
  const hid_t driver = H5FDregister(&kind);
  const bool set = driver >= 0 && H5Pset_driver(access, driver, NULL) >= 0;
  if (driver >= 0)
    H5FDunregister(driver); /* `access` and files opened with it keep it */
  return set;
}

int dnmf_hdf5_failed_read(hid_t file) {
  void *handle = NULL;
  return H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 && handle ? ((const read_file *)handle)->failed : 0;
}

/* HDF5 gives the driver up before it asks it to close the file: the list of access properties keeps it until then. */
herr_t dnmf_hdf5_file_close(hid_t file) {
  const hid_t access = H5Fget_access_plist(file);
  const herr_t closed = H5Fclose(file);
  dnmf_hdf5_release(access);
  return closed;
}
