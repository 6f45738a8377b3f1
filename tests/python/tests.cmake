# The Python package of scripts/python on the shared library: in one start, since most of it would be importing
# scikit-learn. A library that is instrumented cannot be loaded into Python.
if(DNMF_SANITIZE OR DNMF_FUZZ)
  return()
endif()
execute_process(COMMAND ${DNMF_CLI_PYTHON} -c "import pytest, numpy, scipy, sklearn, pandas, h5py"
  RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
if(missing)
  message(STATUS "No tests of the Python package: ${DNMF_CLI_PYTHON} lacks scikit-learn or pandas")
  return()
endif()
list(JOIN DNMF_MPIRUN " " mpirun_command)
add_test(NAME python.tests
  COMMAND ${DNMF_CLI_PYTHON} -B -m pytest -q -rs -p no:cacheprovider ${CMAKE_CURRENT_LIST_DIR})
set_tests_properties(python.tests PROPERTIES TIMEOUT 600 LABELS python
  ENVIRONMENT "DNMF_BUILD=${CMAKE_BINARY_DIR};DNMF_MPIRUN=${mpirun_command};DNMF_LIBRARY=$<TARGET_FILE:dnmf_shared>")
