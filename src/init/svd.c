#include "init/svd.h"

#include "orthonormal.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"
#include "matrix/product.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POWER_ITERATIONS = 7 };

/* One side of A: a panel on its way through a product, and its basis. */
typedef struct svd_side {
  dnmf_factor panel;
  dnmf_tall tall;
  double *basis; /* own rows x columns, double */
} svd_side;

typedef struct finder {
  dnmf_context *context;
  const dnmf_matrix *a;
  const dnmf_svd_products *products; /* NULL: of its blocks */
  int columns;                       /* components + oversampling */
  svd_side x;                        /* rows of A: A Y */
  svd_side y;                        /* columns of A: A'X */
  double *lower;
  double *small_u; /* columns x columns, column-major */
  double *small_vt;
  double *small_values;
  double *turn; /* columns x columns: how equal values' vectors are turned; then one row more */
} finder;

static dnmf_status create_side(finder *f, svd_side *s) {
  int64_t own = s->panel.mine.rows;
  dnmf_status status =
      dnmf_allocate(&f->context->error, "a basis", own * f->columns, sizeof(double), (void **)&s->basis);
  DNMF_TRY(dnmf_agree(f->context, status));
  return dnmf_tall_create(f->context, own, f->columns, &s->tall);
}

static dnmf_status svd_finder_create(finder *f, const dnmf_layout *layout) {
  dnmf_context *context = f->context;
  dnmf_error *error = &context->error;
  int64_t squares = (int64_t)f->columns * f->columns;
  int numbers = 0;
  void *memory = NULL;
  DNMF_TRY(dnmf_int_count(context, "the small matrix of an SVD start", squares, &numbers));
  dnmf_status status = dnmf_factor_create_w(context, layout, f->columns, f->a->precision, &f->x.panel);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, layout, f->columns, f->a->precision, &f->y.panel);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "a small SVD", 4 * squares + 2 * (int64_t)f->columns, sizeof(double), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  f->lower = memory;
  f->small_u = f->lower + squares;
  f->small_vt = f->small_u + squares;
  f->small_values = f->small_vt + squares;
  f->turn = f->small_values + f->columns;
  DNMF_TRY(create_side(f, &f->x));
  return create_side(f, &f->y);
}

static void free_side(svd_side *s) {
  dnmf_tall_free(&s->tall);
  dnmf_factor_free(&s->panel);
  free(s->basis);
}

/* Standard normal numbers: the sketch, a function of global column and component. */
static void sketch(finder *f, uint64_t seed) {
  dnmf_factor *y = &f->y.panel;
  for (int64_t row = 0; row < y->mine.rows; row++)
    for (int c = 0; c < f->columns; c++)
      dnmf_panel_set(&y->mine, row, c,
                     dnmf_random_normal(seed, DNMF_STREAM_SKETCH, (uint64_t)(y->owned.begin + row), (uint64_t)c));
}

/* partial of `to` = A from, or A' from */
static dnmf_status svd_multiply(finder *f, const svd_side *from, svd_side *to) {
  const bool transposed = to == &f->y;
  const dnmf_panel *x = &from->panel.gathered;
  if (f->products)
    return f->products->multiply(f->context, f->products->state, transposed, x, &to->panel.partial);
  return transposed ? dnmf_multiply_transposed(f->context, f->a, x, &to->panel.partial)
                    : dnmf_multiply(f->context, f->a, x, &to->panel.partial);
}

/* to <- an orthonormal basis of A from (or A' from); `lower` as dnmf_orthonormalize has it. */
static dnmf_status svd_half_step(finder *f, svd_side *from, svd_side *to, double *lower) {
  dnmf_context *context = f->context;
  DNMF_TRY(dnmf_factor_gather(context, &from->panel));
  DNMF_TRY(dnmf_agree(context, svd_multiply(f, from, to)));
  DNMF_TRY(dnmf_factor_sum_scatter(context, &to->panel));
  const int64_t own = to->panel.mine.rows;
  for (int64_t row = 0; row < own; row++)
    for (int c = 0; c < f->columns; c++)
      to->basis[row * f->columns + c] = dnmf_panel_get(&to->panel.products, row, c);
  DNMF_TRY(dnmf_orthonormalize(context, &to->tall, to->basis, lower));
  for (int64_t row = 0; row < own; row++)
    for (int c = 0; c < f->columns; c++)
      dnmf_panel_set(&to->panel.mine, row, c, to->basis[row * f->columns + c]);
  return DNMF_OK;
}

static dnmf_status decompose_here(finder *f) {
  const int k = f->columns;
  double wanted = 0;
  int work_length = -1;
  int info = 0;
  void *work = NULL;
  dgesvd_("A", "A", &k, &k, f->lower, &k, f->small_values, f->small_u, &k, f->small_vt, &k, &wanted, &work_length,
          &info, 1, 1);
  work_length = (int)wanted;
  DNMF_TRY(dnmf_allocate(&f->context->error, "a small SVD", work_length, sizeof(double), &work));
  dgesvd_("A", "A", &k, &k, f->lower, &k, f->small_values, f->small_u, &k, f->small_vt, &k, work, &work_length, &info,
          1, 1);
  free(work);
  if (info == 0)
    return DNMF_OK;
  return dnmf_fail(&f->context->error, DNMF_ERROR_LIBRARY, "the SVD of a start did not converge (dgesvd: %d)", info);
}

/* L = U S V', on process 0 for all: processors may round, and choose signs, each in its own way. */
static dnmf_status decompose(finder *f) {
  dnmf_context *context = f->context;
  int64_t numbers = 2 * (int64_t)f->columns * f->columns + f->columns;
  dnmf_status status = context->rank == 0 ? decompose_here(f) : DNMF_OK;
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, f->small_u, numbers * (int64_t)sizeof(double), 0);
}

/* The end of the run of values that are equal, up to rounding, to the one at `first`. */
static int run_of_equals(const finder *f, int first) {
  const double *values = f->small_values;
  int end = first + 1;
  while (end < f->columns && values[end] >= values[end - 1] * (1 - 1e-9) && values[end] > 1e-13 * values[0])
    end++;
  return end;
}

/* lower (columns x columns, row-major) = Y'(sketch), over all processes. */
static dnmf_status project_sketch(finder *f, uint64_t seed) {
  const int k = f->columns;
  sketch(f, seed);
  memset(f->lower, 0, (size_t)k * (size_t)k * sizeof(double));
  for (int64_t row = 0; row < f->y.panel.mine.rows; row++)
    for (int j = 0; j < k; j++) {
      double omega = dnmf_panel_get(&f->y.panel.mine, row, j);
      for (int i = 0; i < k; i++)
        f->lower[i * k + j] += f->y.basis[row * k + i] * omega;
    }
  return dnmf_sum_doubles(f->context, f->context->comm, f->lower, (int64_t)k * k);
}

/* Row j of `turn` (count x count): sketch column j in the run's vectors, made orthonormal to the rows before it,
 * twice for the sake of rounding. */
static void make_turn(finder *f, int begin, int count) {
  const int k = f->columns;
  for (int j = 0; j < count; j++) {
    double *mine = f->turn + (int64_t)j * count;
    for (int i = 0; i < count; i++) {
      mine[i] = 0;
      for (int r = 0; r < k; r++)
        mine[i] += f->small_vt[begin + i + r * k] * f->lower[r * k + j];
    }
    for (int before = 0; before < 2 * j; before++) {
      const double *other = f->turn + (int64_t)(before % j) * count;
      cblas_daxpy(count, -cblas_ddot(count, other, 1, mine, 1), other, 1, mine, 1);
    }
    cblas_dscal(count, 1 / cblas_dnrm2(count, mine, 1), mine, 1);
  }
}

/* Vectors of equal values are any basis of their space, another one on every grid: they are turned to the one that
 * the sketch's projections give. `vectors` has number r of vector i at r * row_step + i * step. */
static void turn_vectors(const finder *f, int count, double *vectors, int row_step, int step) {
  double *turned = f->turn + (int64_t)f->columns * f->columns;
  for (int r = 0; r < f->columns; r++) {
    for (int j = 0; j < count; j++)
      turned[j] = cblas_ddot(count, f->turn + (int64_t)j * count, 1, vectors + (int64_t)r * row_step, step);
    cblas_dcopy(count, turned, 1, vectors + (int64_t)r * row_step, step);
  }
}

static dnmf_status settle_equals(finder *f, uint64_t seed) {
  const int k = f->columns;
  bool projected = false;
  for (int begin = 0, end = 0; begin < k; begin = end) {
    end = run_of_equals(f, begin);
    if (end - begin == 1)
      continue;
    if (!projected)
      DNMF_TRY(project_sketch(f, seed));
    projected = true;
    make_turn(f, begin, end - begin);
    turn_vectors(f, end - begin, f->small_u + (int64_t)begin * k, 1, k);
    turn_vectors(f, end - begin, f->small_vt + begin, k, 1);
  }
  return DNMF_OK;
}

/* A = X (X'A) = X B; B' = Y L' by its QR factorization, so A = (X U) S (Y V)'. */
static dnmf_status find_svd(finder *f, uint64_t seed) {
  sketch(f, seed);
  for (int iteration = 0; iteration <= POWER_ITERATIONS; iteration++) {
    DNMF_TRY(svd_half_step(f, &f->y, &f->x, NULL));     /* X = orth(A Y)             */
    DNMF_TRY(svd_half_step(f, &f->x, &f->y, f->lower)); /* Y = orth(A'X), A'X = Y L' */
  }
  DNMF_TRY(decompose(f)); /* L = U S V'                */
  return settle_equals(f, seed);
}

/* out (rows x k) = basis (rows x columns) times the first k columns of `small`. */
static void rotate(const finder *f, const svd_side *s, const double *small, CBLAS_TRANSPOSE transpose,
                   dnmf_panel *out) {
  if (out->rows > 0)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose, (int)out->rows, out->components, f->columns, 1, s->basis,
                f->columns, small, f->columns, 0, out->data, out->components);
}

/* For each left vector, twice the row of its largest entry plus its sign; among entries of equal size, up to
 * rounding, the first: so that symmetric vectors too have one sign on every grid. */
static dnmf_status find_signs(dnmf_context *context, const dnmf_svd *svd, double *largest, int64_t *place) {
  const int k = svd->components;
  for (int c = 0; c < k; c++) {
    largest[c] = 0;
    place[c] = INT64_MIN;
    for (int64_t row = 0; row < svd->u.rows; row++)
      largest[c] = fmax(largest[c], fabs(dnmf_panel_get(&svd->u, row, c)));
  }
  DNMF_TRY(dnmf_max_doubles(context, context->comm, largest, k));
  for (int c = 0; c < k; c++)
    for (int64_t row = svd->u.rows - 1; row >= 0; row--) {
      double entry = dnmf_panel_get(&svd->u, row, c);
      if (fabs(entry) >= largest[c] * (1 - 1e-8))
        place[c] = -2 * (svd->owned_rows.begin + row) - (entry < 0);
    }
  return dnmf_max_int64(context, context->comm, place, k);
}

static void flip(dnmf_panel *panel, int component) {
  double *data = panel->data;
  for (int64_t row = 0; row < panel->rows; row++)
    data[row * panel->components + component] *= -1;
}

static dnmf_status fix_signs(dnmf_context *context, dnmf_svd *svd) {
  void *largest = NULL;
  void *place = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "signs of singular vectors", svd->components, sizeof(double), &largest);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "signs of singular vectors", svd->components, sizeof(int64_t), &place);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = find_signs(context, svd, largest, place);
  const int64_t *places = place;
  for (int c = 0; c < svd->components && status == DNMF_OK; c++)
    if (places[c] % 2 != 0) {
      flip(&svd->u, c);
      flip(&svd->v, c);
    }
  free(largest);
  free(place);
  return status;
}

/* The leading part of what was found. */
static dnmf_status take_svd(const finder *f, dnmf_svd *svd) {
  dnmf_error *error = &f->context->error;
  const int k = svd->components;
  svd->owned_rows = f->x.panel.owned;
  svd->owned_cols = f->y.panel.owned;
  DNMF_TRY(dnmf_allocate(error, "singular values", k, sizeof(double), (void **)&svd->values));
  DNMF_TRY(dnmf_panel_create(error, "left singular vectors", f->x.panel.mine.rows, k, DNMF_DOUBLE, &svd->u));
  DNMF_TRY(dnmf_panel_create(error, "right singular vectors", f->y.panel.mine.rows, k, DNMF_DOUBLE, &svd->v));
  memcpy(svd->values, f->small_values, (size_t)k * sizeof(double));
  /* Read by rows, U is its transpose, and V' is V. */
  rotate(f, &f->x, f->small_u, CblasTrans, &svd->u);
  rotate(f, &f->y, f->small_vt, CblasNoTrans, &svd->v);
  return DNMF_OK;
}

double dnmf_svd_bytes(int64_t rows, int64_t cols, int64_t owned_cols, int processes, int components,
                      dnmf_precision precision) {
  const int columns = components + DNMF_SVD_OVERSAMPLING;
  const double bases = 3 * (double)(rows + owned_cols) * columns * sizeof(double); /* dealt again and back, too */
  return dnmf_factor_bytes(rows, rows, 1, columns, precision) +
         dnmf_factor_bytes(cols, owned_cols, processes, columns, precision) + bases;
}

dnmf_status dnmf_svd_compute(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                             const dnmf_svd_products *products, int components, uint64_t seed, dnmf_svd *svd) {
  int64_t smaller = a->rows < a->cols ? a->rows : a->cols;
  finder f = {.context = context, .a = a, .products = products, .columns = components + DNMF_SVD_OVERSAMPLING};
  if (f.columns > smaller)
    f.columns = (int)smaller;
  *svd = (dnmf_svd){.components = components};
  dnmf_status status = svd_finder_create(&f, layout);
  if (status == DNMF_OK)
    status = find_svd(&f, seed);
  if (status == DNMF_OK)
    status = dnmf_agree(context, take_svd(&f, svd));
  if (status == DNMF_OK)
    status = fix_signs(context, svd);
  free_side(&f.x);
  free_side(&f.y);
  free(f.lower);
  return status;
}

void dnmf_svd_free(dnmf_svd *svd) {
  free(svd->values);
  dnmf_panel_free(&svd->u);
  dnmf_panel_free(&svd->v);
  *svd = (dnmf_svd){0};
}
