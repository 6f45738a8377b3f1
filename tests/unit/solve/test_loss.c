/* Losses by name. */
#include "solve/loss.h"

#include "mpi_test.h"

static void check_name(const char *text, bool divergence, double beta, const char *name) {
  char room[DNMF_LOSS_TEXT];
  dnmf_loss loss = {true, 99};
  assert_true(dnmf_loss_parse(text, &loss));
  assert_true(loss.divergence == divergence && loss.beta == beta);
  assert_string_equal(dnmf_loss_name(loss, room), name);
}

static void words_and_numbers_mean_the_same(void **state) {
  (void)state;
  check_name("frobenius", false, 0, "frobenius");
  check_name("2", false, 0, "frobenius");
  check_name("2.0", false, 0, "frobenius");
  check_name("kullback-leibler", true, 1, "kullback-leibler");
  check_name("1", true, 1, "kullback-leibler");
  check_name("itakura-saito", true, 0, "itakura-saito");
  check_name("0", true, 0, "itakura-saito");
  check_name("0.5", true, 0.5, "0.5");
  check_name("-1e-3", true, -1e-3, "-0.001");
  check_name("0.30000000000000004", true, 0.1 + 0.2, "0.30000000000000004");
}

static void other_words_are_not_losses(void **state) {
  (void)state;
  static const char *const words[] = {"", "Frobenius", "beta", "0.5x", "nan", "inf", "-inf", "1 2"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    dnmf_loss loss = {true, 99};
    assert_false(dnmf_loss_parse(words[i], &loss));
    assert_true(loss.divergence && loss.beta == 99);
  }
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(words_and_numbers_mean_the_same), mpi_test(other_words_are_not_losses)};
  return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
