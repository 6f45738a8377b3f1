/*
 * Attributes and links of HDF5 objects.
 */
#ifndef DNMF_STORE_HDF5_ATTRIBUTE_H
#define DNMF_STORE_HDF5_ATTRIBUTE_H

#include "store/hdf5/hdf5_base.h"

#include <stdbool.h>
#include <stdint.h>

/* True when `name` leads to an object through existing links. local */
bool dnmf_hdf5_exists(hid_t file, const char *name);

/* Attributes. Texts are scalar variable-length UTF-8 strings, as h5py and anndata write them. local */
dnmf_status dnmf_hdf5_set_text(dnmf_error *error, hid_t object, const char *name, const char *text);
dnmf_status dnmf_hdf5_set_no_texts(dnmf_error *error, hid_t object, const char *name); /* an empty list of texts */
dnmf_status dnmf_hdf5_set_integers(dnmf_error *error, hid_t object, const char *name, int count, const int64_t *values);
dnmf_status dnmf_hdf5_set_real(dnmf_error *error, hid_t object, const char *name, double value);

/* The text of a string attribute, variable-length or fixed, in memory the caller frees; NULL when `object`
 * has no such attribute or it is no single string. Fails when the file is damaged there. local, on a file opened for
 * reading */
dnmf_status dnmf_hdf5_get_text(dnmf_error *error, hid_t object, const char *name, char **text);

/* Reads the numbers of an attribute, at most `most`, and returns how many there are; 0 when there is no such attribute
 * or it holds something else. local */
int dnmf_hdf5_get_reals(hid_t object, const char *name, int most, double *values);

/* Reads `count` integers; false when there is no such attribute or it does not hold that many. local */
bool dnmf_hdf5_get_integers(hid_t object, const char *name, int count, int64_t *values);

#endif
