# Jobs in a private Slurm, where its packages are installed; skipped elsewhere. The tests that take
# longest are left to run.sh by hand.
add_test(NAME slurm COMMAND ${CMAKE_CURRENT_LIST_DIR}/run.sh -k "not time_limit and not loss and not study")
set_tests_properties(slurm PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS slurm
  ENVIRONMENT "DNMF_PROGRAM=$<TARGET_FILE:dnmf_program>")
