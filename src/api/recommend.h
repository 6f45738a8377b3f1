/*
 * Lists of a model's columns: what dnmf_model_recommend, dnmf_model_similar and `dnmf recommend` do.
 */
#ifndef DNMF_API_RECOMMEND_H
#define DNMF_API_RECOMMEND_H

#include "api/data.h"
#include "model/recommend.h"

/* Which columns of a model may be listed, and what is known of them. */
typedef struct dnmf_listing {
  const dnmf_model *model;
  dnmf_recommend_options how; /* `wanted` is the caller's to set */
  bool has_seen;
  dnmf_placed seen;
  bool counted; /* how many observations columns have is known: of the fit, else in `seen` */
  dnmf_popularity popularity;
  bool *listable; /* of the owned columns; NULL: all */
} dnmf_listing;

/* Prepares lists. `known`, unless NULL, is what rows have seen instead of settings->seen: entries in the model's rows
 * and columns, which are consumed, also on failure. Released with dnmf_listing_free, also after a failure. collective
 */
dnmf_status dnmf_listing_create(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_settings *settings,
                                dnmf_entries *known, dnmf_listing *listing);
void dnmf_listing_free(dnmf_listing *listing); /* collective; accepts a zeroed one */

/* The columns most like each of `count` columns, as dnmf_similar lists them, with their observations where these are
 * known. Released with dnmf_ranking_free, also after a failure. collective */
dnmf_status dnmf_listing_similar(dnmf_context *context, const dnmf_listing *listing, int64_t count,
                                 const int64_t *columns, dnmf_ranking *ranking);

/* The columns that a row without data is listed, the most popular ones; none where nothing is counted. `items` has room
 * for settings->top. local */
int64_t dnmf_listing_popular(const dnmf_listing *listing, dnmf_scored *items);

#endif
