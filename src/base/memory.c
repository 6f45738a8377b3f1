#if defined(__linux__)
#define _GNU_SOURCE /* madvise */
#endif
#include "base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20, HUGE_FROM = 2 * HUGE_PAGE };

/* Asks for pages of 2 MiB where a block has room for them: memory that is new costs a fault a page, and pages that are
 * read in turn a look-up each. What lies before the first whole one and behind the last stays in small pages, so that
 * a block takes no more memory. Refused, it is as well. */
static void prefer_huge_pages(void *memory, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  size_t before = (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
  if (bytes >= HUGE_FROM)
    (void)madvise((char *)memory + before, (bytes - before) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

/* Rounded up to whole cache lines, as aligned_alloc asks; false when the size does not fit. */
static int byte_count(int64_t count, size_t size, size_t *bytes) {
  if (count < 0 || __builtin_mul_overflow((size_t)count, size, bytes))
    return 0;
  return !__builtin_add_overflow(*bytes, (size_t)(ALIGNMENT - 1), bytes);
}

static dnmf_status out_of_memory(dnmf_error *error, const char *what, int64_t count, size_t size) {
  return dnmf_fail(error, DNMF_ERROR_MEMORY,
                   "not enough memory for %s (%" PRId64 " items of %zu bytes); use more processes or "
                   "--precision single",
                   what, count, size);
}

dnmf_status dnmf_allocate(dnmf_error *error, const char *what, int64_t count, size_t size, void **memory) {
  size_t bytes = 0;
  *memory = NULL;
  if (count == 0)
    *memory = malloc(1);
  else if (byte_count(count, size, &bytes))
    *memory = aligned_alloc(ALIGNMENT, bytes / ALIGNMENT * ALIGNMENT);
  if (!*memory)
    return out_of_memory(error, what, count, size);
  prefer_huge_pages(*memory, bytes / ALIGNMENT * ALIGNMENT);
  return DNMF_OK;
}

dnmf_status dnmf_allocate_zero(dnmf_error *error, const char *what, int64_t count, size_t size, void **memory) {
  DNMF_TRY(dnmf_allocate(error, what, count, size, memory));
  memset(*memory, 0, (size_t)count * size);
  return DNMF_OK;
}

double dnmf_allocated_bytes(double count, size_t size) {
  return ALIGNMENT * ceil(count * (double)size / ALIGNMENT);
}

dnmf_status dnmf_grow(dnmf_error *error, const char *what, int64_t needed, size_t size, int64_t *capacity,
                      void **memory) {
  if (needed <= *capacity)
    return DNMF_OK;
  int64_t grown = *capacity < 1024 ? 1024 : *capacity + *capacity / 2;
  if (grown < needed)
    grown = needed;
  size_t bytes = 0;
  void *moved = byte_count(grown, size, &bytes) ? realloc(*memory, bytes) : NULL;
  if (!moved)
    return out_of_memory(error, what, grown, size);
  prefer_huge_pages(moved, bytes);
  *memory = moved;
  *capacity = grown;
  return DNMF_OK;
}
