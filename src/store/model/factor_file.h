/* The factors in a model file: /W as its panel, /H as the transpose of its. */
#ifndef DNMF_STORE_FACTOR_FILE_H
#define DNMF_STORE_FACTOR_FILE_H

#include "matrix/panel.h"
#include "store/hdf5/hdf5_base.h"

enum { DNMF_PART_NAME = 64 };

/* "/checkpoint/NAME" into `text`, of DNMF_PART_NAME bytes. local */
void dnmf_part_name(const char *name, char *text);

/* Move rows `range` of W, columns `range` of H. The panel has dnmf_range_size(range) rows. local, on a file opened
 * together */
dnmf_status dnmf_w_read(dnmf_context *context, hid_t file, dnmf_range range, dnmf_panel *w);
dnmf_status dnmf_w_write(dnmf_context *context, hid_t file, dnmf_range range, const dnmf_panel *w);
dnmf_status dnmf_h_read(dnmf_context *context, hid_t file, dnmf_range range, dnmf_panel *h);
dnmf_status dnmf_h_write(dnmf_context *context, hid_t file, dnmf_range range, const dnmf_panel *h);

/* Fails on a number that no factor may hold; raises *largest to the largest. `panel` was read from `range` of `name`:
 * W's rows are rows of /W, H's are columns of /H. local */
dnmf_status dnmf_factor_check(dnmf_error *error, const char *path, const char *name, dnmf_range range,
                              const dnmf_panel *panel, double *largest);

/* Fails on a bias that is not finite. local */
dnmf_status dnmf_biases_check(dnmf_error *error, const char *path, const char *name, dnmf_range range,
                              const double *values);

/* Move rows `range` of the dataset `name`, a panel as it is. local, on a file opened together */
dnmf_status dnmf_panel_read(dnmf_context *context, hid_t file, const char *name, dnmf_range range, dnmf_panel *panel);
dnmf_status dnmf_panel_write(dnmf_context *context, hid_t file, const char *name, dnmf_range range,
                             const dnmf_panel *panel);

#endif
