#include "fit/online_update.h"

#include "matrix/divergence.h"

dnmf_online_update dnmf_online_update_of(const dnmf_factor *h, dnmf_loss loss, double mean, const double *gram) {
  dnmf_online_update update = {
      .rows = h->mine.rows, .components = h->components, .x = h->mine.data, .products = h->products.data};
  if (!loss.divergence) {
    update.gram = gram;
    return update;
  }
  update.sums = gram;
  update.divisors = loss.beta == 1 ? NULL : h->denominators.data;
  update.exponent = dnmf_divergence_exponent(loss.beta);
  update.smallest = dnmf_divergence_smallest(loss.beta, true, mean, h->components);
  return update;
}
