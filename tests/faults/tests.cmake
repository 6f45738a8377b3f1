# Fault injection: a few calls of each kind of job here; more of them by hand, see tests/README.md.
if(DNMF_SANITIZE OR DNMF_FUZZ)
  return() # the sanitizers take the place of malloc themselves
endif()
add_library(dnmf_faults SHARED faults/shim.c)
set_target_properties(dnmf_faults PROPERTIES OUTPUT_NAME faults # not libdnmf*, whose calls count
  C_VISIBILITY_PRESET default) # it takes the place of what it names
target_link_libraries(dnmf_faults PRIVATE MPI::MPI_C ${CMAKE_DL_LIBS})
add_test(NAME faults.quick COMMAND ${DNMF_CLI_PYTHON} -B ${CMAKE_CURRENT_LIST_DIR}/inject.py
  $<TARGET_FILE:dnmf_program> $<TARGET_FILE:dnmf_faults> --quick --jobs 2)
list(JOIN DNMF_MPIRUN " " mpirun_command)
set_tests_properties(faults.quick PROPERTIES TIMEOUT 900 PROCESSORS 2 LABELS faults ENVIRONMENT "DNMF_MPIRUN=${mpirun_command}")
