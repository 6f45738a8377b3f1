/* What a checkpoint has beside a model: what its kind of fit keeps. */
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/model/factor_file.h"

#include <inttypes.h>
#include <stdio.h>

void dnmf_part_name(const char *name, char *text) {
  snprintf(text, DNMF_PART_NAME, "/checkpoint/%s", name);
}

/* The shape of the part, with the rows that it must have at least. */
static dnmf_status part_describe(dnmf_error *error, const char *path, hid_t file, const char *name, dnmf_range range,
                                 int most_components, dnmf_hdf5_shape *shape) {
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, shape));
  if (shape->rank == 2 && shape->numeric && shape->extent[0] >= range.end && shape->extent[1] > 0 &&
      shape->extent[1] <= most_components)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: %s is %s, which is not what a checkpoint of this fit has",
                   path, name, shape->text);
}

static dnmf_status part_read(dnmf_context *context, const char *path, hid_t file, const dnmf_model_part *part,
                             dnmf_range rows, dnmf_range cols, int components, dnmf_precision precision,
                             dnmf_panel *panel) {
  const dnmf_range whole = {0, components};
  const dnmf_range range = part->side == DNMF_SIDE_NEITHER ? whole : part->side == DNMF_SIDE_ROWS ? rows : cols;
  dnmf_hdf5_shape shape;
  char name[DNMF_PART_NAME];
  dnmf_part_name(part->name, name);
  if (!dnmf_hdf5_exists(file, name))
    return DNMF_OK;
  DNMF_TRY(part_describe(&context->error, path, file, name, range, components + 1, &shape));
  const dnmf_precision kept = part->side == DNMF_SIDE_NEITHER ? DNMF_DOUBLE : precision;
  DNMF_TRY(dnmf_panel_create(&context->error, "what a checkpoint keeps", dnmf_range_size(range), (int)shape.extent[1],
                             kept, panel));
  return dnmf_panel_read(context, file, name, range, panel);
}

dnmf_status dnmf_checkpoint_read_part(dnmf_context *context, const char *path, const dnmf_model_part *part,
                                      dnmf_range rows, dnmf_range cols, int components, dnmf_precision precision,
                                      dnmf_panel *panel) {
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_open(context, path, false, &file));
  return dnmf_hdf5_close(context, path, false, file,
                         part_read(context, path, file, part, rows, cols, components, precision, panel));
}
