/* HDF5's reasons in our messages. */
#include "store/hdf5/hdf5_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static herr_t keep_first(unsigned depth, const H5E_error2_t *entry, void *reason) {
  if (depth == 0)
    snprintf((char *)reason, DNMF_HDF5_NAME, "%s", entry->desc ? entry->desc : "");
  return 0;
}

/* HDF5 wraps the system's reason in addresses and times: "... error message = 'No space left on device' ..."
 * and MPI's in "MPI error string is '...'". */
static void unwrap(char *reason) {
  static const char *const wraps[] = {"error message = '", "error string is '"};
  for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++) {
    char *start = strstr(reason, wraps[i]);
    if (!start)
      continue;
    start += strlen(wraps[i]);
    size_t length = strcspn(start, "'");
    memmove(reason, start, length);
    reason[length] = 0;
    return;
  }
}

void dnmf_hdf5_reason(char *reason) {
  *reason = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, reason);
  unwrap(reason);
}

dnmf_status dnmf_hdf5_fail(dnmf_error *error, dnmf_status status, const char *format, ...) {
  char reason[DNMF_HDF5_NAME];
  char text[DNMF_HDF5_NAME];
  dnmf_hdf5_reason(reason);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (*reason)
    return dnmf_fail(error, status, "%s (HDF5: %s)", text, reason);
  return dnmf_fail(error, status, "%s", text);
}

/* Flushed first: after a failure to write while it is closed, HDF5 crashes at the end of the program. */
dnmf_status dnmf_hdf5_close_written(dnmf_error *error, hid_t dataset, const char *name, dnmf_status status) {
  if (dataset < 0)
    return status;
  if (status == DNMF_OK && H5Dflush(dataset) < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write the dataset %s", name);
  if (H5Idec_ref(dataset) < 0 && status == DNMF_OK)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot finish writing the dataset %s", name);
  return status;
}

void dnmf_hdf5_release(hid_t id) {
  if (id >= 0)
    H5Idec_ref(id);
}
