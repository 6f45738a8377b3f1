# Programs that embed the library, built against an installed tree. They are not instrumented, so a library that is
# cannot be loaded into them.
if(DNMF_SANITIZE OR DNMF_FUZZ)
  return()
endif()
list(JOIN DNMF_MPIRUN " " mpirun_command)
add_test(NAME consumers.test_consumers
  COMMAND ${DNMF_CLI_PYTHON} -B -m pytest -q -rs -p no:cacheprovider ${CMAKE_CURRENT_LIST_DIR}/test_consumers.py)
set_tests_properties(consumers.test_consumers PROPERTIES TIMEOUT 600 LABELS consumers
  ENVIRONMENT "DNMF_BUILD=${CMAKE_BINARY_DIR};DNMF_MPIRUN=${mpirun_command}")
