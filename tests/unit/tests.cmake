# The unit tests, a line each.
dnmf_unit_test(base/test_random PROCESSES 1)
dnmf_unit_test(matrix/test_generate PROCESSES 1 2 3 4 6)
