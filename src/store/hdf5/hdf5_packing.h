/*
 * What attributes say of a dataset's numbers, as netCDF has them (NetCDF Users' Guide, appendix A; CF 1.11, 2.5.1 and
 * 8.1): value = number * scale_factor + add_offset, and numbers that are _FillValue or missing_value, or outside
 * valid_range, valid_min and valid_max, stand for no value: they are read as NaN (cells.h says what becomes of it).
 * In files of the netCDF library the fill value that HDF5 itself keeps is one too.
 */
#ifndef DNMF_STORE_HDF5_PACKING_H
#define DNMF_STORE_HDF5_PACKING_H

#include "store/hdf5/hdf5_slab.h"

enum { DNMF_MOST_FILLS = 8 };

/* Plain data, which can be broadcast. */
typedef struct dnmf_hdf5_packing {
  bool used; /* else numbers are values */
  double scale;
  double offset;
  double smallest; /* a number below stands for no value */
  double largest;
  int fill_count; /* numbers that stand for no value */
  double fills[DNMF_MOST_FILLS];
  char names[96]; /* for people: "scale_factor, _FillValue" */
} dnmf_hdf5_packing;

/* What the attributes of a dataset say. Fails, naming the attribute, on one that cannot be applied. local */
dnmf_status dnmf_hdf5_find_packing(dnmf_error *error, const char *path, hid_t file, const char *dataset,
                                   dnmf_hdf5_packing *packing);

/* As dnmf_hdf5_read, values instead of numbers, as numbers of type `number`: double or single where packing is used.
 * local */
dnmf_status dnmf_hdf5_read_values(dnmf_context *context, hid_t file, const char *dataset,
                                  const dnmf_hdf5_packing *packing, const dnmf_slab *slab, dnmf_number number,
                                  void *buffer);

#endif
