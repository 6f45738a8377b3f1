# The command-line tests: Python files on pytest, one test a file. They need pytest, numpy, scipy, h5py, scikit-learn
# and anndata; an interpreter without them fails and names the missing one.
set(DNMF_CLI_PYTHON ${Python3_EXECUTABLE})
foreach(candidate /usr/bin/python3 ${Python3_EXECUTABLE})
  execute_process(COMMAND ${candidate} -c "import pytest, numpy, scipy, h5py, sklearn, anndata"
    RESULT_VARIABLE missing OUTPUT_QUIET ERROR_QUIET)
  if(NOT missing)
    set(DNMF_CLI_PYTHON ${candidate})
    break()
  endif()
endforeach()

set(cli_timeout 600)
if(DNMF_SANITIZE)
  set(cli_timeout 3600) # starting MPI hundreds of times is slow under the sanitizers
endif()
list(JOIN DNMF_MPIRUN " " mpirun_command)
file(GLOB cli_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.py)
foreach(file IN LISTS cli_tests)
  get_filename_component(name ${file} NAME_WE)
  add_test(NAME cli.${name} COMMAND ${DNMF_CLI_PYTHON} -B -m pytest -q -rs -p no:cacheprovider ${file})
  set_tests_properties(cli.${name} PROPERTIES TIMEOUT ${cli_timeout} LABELS cli
    ENVIRONMENT "DNMF_PROGRAM=$<TARGET_FILE:dnmf_program>;DNMF_MPIRUN=${mpirun_command}")
endforeach()
