/* What a checkpoint has beside a model: the best one so far on held-out entries. */
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/model/factor_file.h"

#include <inttypes.h>

static dnmf_status check(dnmf_error *error, const char *path, hid_t file, const char *name, dnmf_range range,
                         const dnmf_panel *panel) {
  dnmf_hdf5_shape shape;
  if (!dnmf_hdf5_exists(file, name))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is no checkpoint of a fit with held-out entries: it has no %s", path,
                     name);
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, &shape));
  if (shape.rank != 2 || !shape.numeric || shape.extent[0] < range.end || shape.extent[1] != panel->components)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: %s is %s, but this fit has %d numbers a row", path, name, shape.text,
                     panel->components);
  return DNMF_OK;
}

static dnmf_status read_panel(dnmf_context *context, const char *path, hid_t file, const char *name, dnmf_range range,
                              dnmf_panel *panel) {
  DNMF_TRY(check(&context->error, path, file, name, range, panel));
  return dnmf_panel_read(context, file, name, range, panel);
}

dnmf_status dnmf_checkpoint_read_best(dnmf_context *context, const char *path, dnmf_range rows, dnmf_panel *best_w,
                                      dnmf_range cols, dnmf_panel *best_h) {
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_open(context, path, false, &file));
  dnmf_status status = read_panel(context, path, file, DNMF_BEST_W, rows, best_w);
  if (status == DNMF_OK)
    status = read_panel(context, path, file, DNMF_BEST_H, cols, best_h);
  return dnmf_hdf5_close(context, path, false, file, status);
}
