# The unit tests, a line each.
dnmf_unit_test(base/test_random PROCESSES 1)
