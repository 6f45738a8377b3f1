# The unit tests, a line each.
dnmf_unit_test(base/test_random PROCESSES 1)
dnmf_unit_test(matrix/test_panel PROCESSES 1)
dnmf_unit_test(matrix/test_products PROCESSES 1)
