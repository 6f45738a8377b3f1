/*
 * Features of several types in one matrix, as 10x Genomics has them: genes, antibodies, guides.
 */
#ifndef DNMF_STORE_FEATURES_H
#define DNMF_STORE_FEATURES_H

#include "store/source.h"

/* Of features that have types: adds to the source's note which there are, if there are several and none was chosen.
 * collective */
dnmf_status dnmf_features_note(dnmf_context *context, const char *chosen, dnmf_source *source);

/* Sets the bits of the features that are of `type`; `bits`, of as many words as a subset of them has, are the same on
 * every process. Fails when there is none, naming the types. collective */
dnmf_status dnmf_features_choose(dnmf_context *context, const dnmf_source *source, const char *type, uint64_t *bits);

#endif
