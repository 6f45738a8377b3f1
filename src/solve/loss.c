#include "solve/loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  double beta;
} named[] = {{"frobenius", 2}, {"kullback-leibler", 1}, {"itakura-saito", 0}};

enum { NAMED = sizeof named / sizeof *named };

bool dnmf_loss_parse(const char *text, dnmf_loss *loss) {
  char *end = NULL;
  double beta = strtod(text, &end);
  bool known = end != text && !*end && isfinite(beta);
  for (int i = 0; i < NAMED; i++)
    if (strcmp(text, named[i].name) == 0) {
      beta = named[i].beta;
      known = true;
    }
  if (known)
    *loss = (dnmf_loss){.divergence = beta != 2, .beta = beta == 2 ? 0 : beta};
  return known;
}

const char *dnmf_loss_name(dnmf_loss loss, char *text) {
  const double beta = loss.divergence ? loss.beta : 2;
  for (int i = 0; i < NAMED; i++)
    if (beta == named[i].beta)
      return named[i].name;
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, DNMF_LOSS_TEXT, "%.*g", digits, beta);
    if (strtod(text, NULL) == beta)
      break;
  }
  return text;
}
