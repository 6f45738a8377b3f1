/*
 * MPI operations with 64-bit counts, checked return codes and counted traffic.
 *
 * All but dnmf_int_count are collective over the communicator they are given. `words` counters may be NULL
 * for traffic that belongs to no iteration (reading, writing).
 */
#ifndef DNMF_COLLECTIVE_H
#define DNMF_COLLECTIVE_H

#include "comm/context.h"

/* The one way from a 64-bit count to MPI's int. local */
dnmf_status dnmf_int_count(dnmf_context *context, const char *what, int64_t count, int *narrow);

/* In-place sum and maximum over `comm`. */
dnmf_status dnmf_sum_doubles(dnmf_context *context, MPI_Comm comm, double *values, int64_t count);
dnmf_status dnmf_max_doubles(dnmf_context *context, MPI_Comm comm, double *values, int64_t count);
dnmf_status dnmf_sum_int64(dnmf_context *context, MPI_Comm comm, int64_t *values, int64_t count);
dnmf_status dnmf_max_int64(dnmf_context *context, MPI_Comm comm, int64_t *values, int64_t count);

/* In-place union of sets of bits over `comm`. */
dnmf_status dnmf_or_bytes(dnmf_context *context, MPI_Comm comm, uint8_t *values, int64_t count);
dnmf_status dnmf_or_words(dnmf_context *context, MPI_Comm comm, uint64_t *words, int64_t count);

/* Sum of `value` over the processes before this one (0 on the first); its total over all in `*total` if not
 * NULL. */
dnmf_status dnmf_exscan_int64(dnmf_context *context, int64_t value, int64_t *before, int64_t *total);

/* Broadcasts bytes of any count from process `root` of the context. */
dnmf_status dnmf_broadcast(dnmf_context *context, void *data, int64_t bytes, int root);

/* Personalized exchange over the context of items of `item_bytes` bytes: send_counts[r] items to process r,
 * laid out by rank. Allocates `*received`, ordered by source rank and within it as sent; the caller frees it
 * (NULL on failure). Works for totals beyond 2^31 items. */
dnmf_status dnmf_exchange(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                          void **received, int64_t *receive_counts);

/* The same when the counts on both sides are known already; `received` has room for all of it. */
dnmf_status dnmf_exchange_known(dnmf_context *context, const void *send, const int64_t *send_counts, size_t item_bytes,
                                void *received, const int64_t *receive_counts);

/* Gathers rows of `row_words` numbers of `precision` from every process of `comm`: row_counts[r] rows from
 * process r, concatenated by rank into `all`. `mine` may be its place inside `all`. */
dnmf_status dnmf_all_gather_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                 const int64_t *row_counts, const void *mine, void *all);

/* Sums `all` (the concatenation above) over the processes of `comm`; each receives its own rows in `mine`. */
dnmf_status dnmf_sum_scatter_rows(dnmf_context *context, MPI_Comm comm, dnmf_precision precision, int row_words,
                                  const int64_t *row_counts, const void *all, void *mine);

/* In-place sum of a Gram matrix of `gram_count` doubles followed by `control_count` doubles that ride along.
 */
dnmf_status dnmf_sum_gram(dnmf_context *context, double *values, int64_t gram_count, int64_t control_count);

/* The same in two steps, between which `values` are MPI's and other work can be done; one sum is on its way at a time.
 * More values than one message carries are summed at once. */
dnmf_status dnmf_sum_gram_begin(dnmf_context *context, double *values, int64_t gram_count, int64_t control_count);
dnmf_status dnmf_sum_gram_end(dnmf_context *context);

/* Lets a sum that is on its way move on, if there is one: MPI works only while it is called, so long local work calls
 * this now and then. Of a team of threads the first alone, which calls MPI, does anything. local */
void dnmf_progress(dnmf_context *context);

#endif
