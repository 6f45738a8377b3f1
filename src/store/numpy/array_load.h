/*
 * Dense matrices from NumPy arrays.
 */
#ifndef DNMF_STORE_ARRAY_LOAD_H
#define DNMF_STORE_ARRAY_LOAD_H

#include "store/numpy/array.h"
#include "store/source.h"

/* Shape, type and order of a source that is this array. local */
void dnmf_describe_array(const dnmf_npy *header, dnmf_source *source);

/* Fails unless a member that the archive stores as it is has the archive's checksum; each process reads its part. When
 * `alone`, the array is open on process 0 only, which reads all. Of compressed members this is found out while they are
 * read. collective */
dnmf_status dnmf_check_member(dnmf_context *context, dnmf_array *array, bool alone);

/* The matrix that an array is, which is open on every process and can be read from any place. collective */
dnmf_status dnmf_load_array(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_array *array, dnmf_matrix *matrix);

/* The same of an array that is open on process 0 and may be readable only from its beginning: process 0 hands it on
 * batch by batch. collective */
dnmf_status dnmf_load_packed_array(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                   dnmf_precision precision, dnmf_array *array, dnmf_matrix *matrix);

#endif
