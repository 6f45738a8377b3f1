#include "base/memory.h"
#include "mpi_test.h"

#include <stdlib.h>
#include <string.h>

/* Whether there is an array must not depend on how many of its items a process owns. */
static void an_array_of_no_items_is_there(void **state) {
  (void)state;
  dnmf_error error = {0};
  void *memory = NULL;
  assert_int_equal(dnmf_allocate(&error, "nothing", 0, sizeof(double), &memory), DNMF_OK);
  assert_non_null(memory);
  free(memory);
  assert_int_equal(dnmf_allocate_zero(&error, "nothing", 0, sizeof(double), &memory), DNMF_OK);
  assert_non_null(memory);
  free(memory);
}

static void what_no_memory_holds_is_refused(void **state) {
  (void)state;
  dnmf_error error = {0};
  void *memory = &error;
  assert_int_equal(dnmf_allocate(&error, "far too much", INT64_MAX / 4, sizeof(double), &memory), DNMF_ERROR_MEMORY);
  assert_null(memory);
  assert_non_null(strstr(error.text, "far too much"));
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(an_array_of_no_items_is_there),
      mpi_test(what_no_memory_holds_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
