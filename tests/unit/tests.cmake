# The unit tests, a line each.
dnmf_unit_test(base/test_random PROCESSES 1)
dnmf_unit_test(solve/test_hals PROCESSES 1)
dnmf_unit_test(solve/test_mu PROCESSES 1)
dnmf_unit_test(solve/test_bpp PROCESSES 1)
dnmf_unit_test(matrix/test_generate PROCESSES 1 2 3 4 6)
dnmf_unit_test(store/test_text_number PROCESSES 1)
dnmf_unit_test(store/test_dictionary PROCESSES 1 2 3 4 6)
