/* Matrices whose values are so small that what is computed of them is not there. */
#include "loop.h"

#include <float.h>
#include <math.h>

/* Factors are about the root of A's values, products of A with a factor their power 3/2, all in the run's precision;
 * the objective is their square, in double. Below this, the digits of one of them fall out of its range. */
static double smallest_value(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? sqrt(DBL_MIN / DBL_EPSILON) : pow((double)FLT_MIN / (double)FLT_EPSILON, 2.0 / 3);
}

dnmf_status dnmf_check_scale(dnmf_context *context, const dnmf_matrix *a) {
  const double least = smallest_value(a->precision);
  const double typical = a->sum_squares / a->sum; /* the mean value, each weighted with itself */
  if (a->sum == 0 || typical >= least)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                   "the values of the matrix are too small: about %.2g on average, where products in %s precision need "
                   "%.2g; scale the matrix%s",
                   a->sum / ((double)a->rows * (double)a->cols), dnmf_precision_name(a->precision), least,
                   a->precision == DNMF_SINGLE ? " or use --precision double" : "");
}
