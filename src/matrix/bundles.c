#include "matrix/bundles.h"

#include "base/memory.h"
#include "base/team.h"

#include <stdlib.h>
#include <string.h>

enum {
  CORE_CACHE_BYTES = 1 << 20, /* a panel that the second level of cache does not hold, */
  LEAST_ENTRIES = 3,   /* of a column in a bundle, on average: with fewer, passing the panel costs more than it saves */
  MOST_COLS = 4 << 20, /* so that 32 bits count the entries of a bundle of DNMF_BUNDLE_ROWS rows */
  MOVE_OPERATIONS = 8  /* that moving an entry is worth */
};

bool dnmf_bundles_pay(dnmf_precision precision, int64_t rows, int64_t cols, double stored, int64_t padded) {
  const int64_t row_bytes = padded * (int64_t)dnmf_precision_size(precision);
  return rows > DNMF_BUNDLE_ROWS && cols < MOST_COLS && cols > CORE_CACHE_BYTES / row_bytes &&
         stored * DNMF_BUNDLE_ROWS > (double)LEAST_ENTRIES * (double)rows * (double)cols;
}

static int64_t bundle_count(int64_t rows, int64_t height) {
  return (rows + height - 1) / height;
}

double dnmf_bundles_bytes(dnmf_number number, int64_t height, int64_t rows, int64_t cols, double stored) {
  const double count = (double)bundle_count(rows, height);
  return dnmf_allocated_bytes(count + 1, sizeof(int64_t)) + dnmf_allocated_bytes((double)cols + 1, sizeof(int64_t)) +
         dnmf_allocated_bytes(count * (double)cols, sizeof(uint32_t)) + dnmf_allocated_bytes(stored, sizeof(uint16_t)) +
         dnmf_allocated_bytes(stored, dnmf_number_size(number));
}

void dnmf_bundles_free(dnmf_bundles *bundles) {
  free(bundles->first);
  free(bundles->before);
  free(bundles->end);
  free(bundles->row);
  free(bundles->value);
  *bundles = (dnmf_bundles){0};
}

/* Bundles in the making. */
typedef struct bundling {
  const dnmf_csr *from;
  dnmf_bundles *to;
  size_t size; /* of a value */
} bundling;

/* end[col] = where the entries of a column begin. */
static uint32_t *bundle_begins(const bundling *b, int64_t bundle, dnmf_range rows) {
  uint32_t *end = b->to->end + bundle * b->to->cols;
  const int64_t *start = b->from->start;
  memset(end, 0, (size_t)b->to->cols * sizeof *end);
  for (int64_t e = start[rows.begin]; e < start[rows.end]; e++)
    end[b->from->index[e]]++;
  uint32_t before = 0;
  for (int64_t col = 0; col < b->to->cols; col++) {
    const uint32_t here = end[col];
    end[col] = before;
    before += here;
  }
  return end;
}

/* `size` is a constant where this is called. */
static inline void bundle_entries(const bundling *b, int64_t bundle, size_t size) {
  const dnmf_range rows = dnmf_bundle_rows(b->to, bundle);
  const int64_t *start = b->from->start;
  uint32_t *next = bundle_begins(b, bundle, rows);
  uint16_t *row = b->to->row + start[rows.begin];
  char *to = (char *)b->to->value + (size_t)start[rows.begin] * size;
  const char *from = b->from->value;
  for (int64_t i = rows.begin; i < rows.end; i++)
    for (int64_t e = start[i]; e < start[i + 1]; e++) {
      const uint32_t place = next[b->from->index[e]]++;
      row[place] = (uint16_t)(i - rows.begin);
      memcpy(to + (size_t)place * size, from + (size_t)e * size, size);
    }
}

static void bundle_some(void *of_bundling, int64_t begin, int64_t end) {
  const bundling *b = of_bundling;
  for (int64_t bundle = begin; bundle < end; bundle++) {
    b->to->first[bundle] = b->from->start[bundle * b->to->height];
    switch (b->size) {
    case sizeof(uint8_t):
      bundle_entries(b, bundle, sizeof(uint8_t));
      break;
    case sizeof(uint16_t):
      bundle_entries(b, bundle, sizeof(uint16_t));
      break;
    case sizeof(float):
      bundle_entries(b, bundle, sizeof(float));
      break;
    default:
      bundle_entries(b, bundle, sizeof(double));
    }
  }
}

static void count_before(dnmf_bundles *b) {
  memset(b->before, 0, (size_t)(b->cols + 1) * sizeof *b->before);
  for (int64_t bundle = 0; bundle < b->count; bundle++) {
    const uint32_t *end = b->end + bundle * b->cols;
    uint32_t last = 0;
    for (int64_t col = 0; col < b->cols; col++) {
      b->before[col + 1] += end[col] - last;
      last = end[col];
    }
  }
  for (int64_t col = 0; col < b->cols; col++)
    b->before[col + 1] += b->before[col];
}

static dnmf_status bundles_allocate(dnmf_error *error, int64_t stored, size_t size, dnmf_bundles *b) {
  static const char what[] = "the local block of A";
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, what, b->count + 1, sizeof *b->first, &memory));
  b->first = memory;
  DNMF_TRY(dnmf_allocate(error, what, b->cols + 1, sizeof *b->before, &memory));
  b->before = memory;
  DNMF_TRY(dnmf_allocate(error, what, b->count * b->cols, sizeof *b->end, &memory));
  b->end = memory;
  DNMF_TRY(dnmf_allocate(error, what, stored, sizeof *b->row, &memory));
  b->row = memory;
  return dnmf_allocate(error, what, stored, size, &b->value);
}

dnmf_status dnmf_bundles_create(dnmf_error *error, const dnmf_csr *from, dnmf_precision precision, int threads,
                                int64_t height, dnmf_bundles *bundles) {
  const int64_t stored = from->start[from->rows];
  bundling b = {from, bundles, dnmf_number_size(dnmf_number_of(precision, from->narrow))};
  *bundles = (dnmf_bundles){.rows = from->rows, .cols = from->cols, .height = height, .narrow = from->narrow};
  bundles->count = bundle_count(from->rows, height);
  dnmf_status status = bundles_allocate(error, stored, b.size, bundles);
  if (status != DNMF_OK) {
    dnmf_bundles_free(bundles);
    return status;
  }
  bundles->first[bundles->count] = stored;
  dnmf_team_run(dnmf_team(threads, (double)stored * MOVE_OPERATIONS), bundles->count, bundle_some, &b);
  count_before(bundles);
  return DNMF_OK;
}
