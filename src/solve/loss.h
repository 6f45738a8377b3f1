/*
 * Losses by name: the squared error, and the beta-divergences (divergence.h), of which it is the one with beta = 2.
 */
#ifndef DNMF_LOSS_H
#define DNMF_LOSS_H

#include <stdbool.h>

/* Zeros: the squared error. */
typedef struct dnmf_loss {
  bool divergence; /* false: 1/2 |A - WH|^2 */
  double beta;     /* of the divergence; not 2 */
} dnmf_loss;

enum { DNMF_LOSS_TEXT = 32 };

/* Reads "frobenius", "kullback-leibler", "itakura-saito" or a number, beta; false when it is none of these. local */
bool dnmf_loss_parse(const char *text, dnmf_loss *loss);

/* The same words, or the number in digits that read back as it; `text` has DNMF_LOSS_TEXT bytes. local */
const char *dnmf_loss_name(dnmf_loss loss, char *text);

/* True of the divergence with that beta. local */
static inline bool dnmf_loss_is(dnmf_loss loss, double beta) {
  return loss.divergence && loss.beta == beta;
}

#endif
