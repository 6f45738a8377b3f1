# Checks of the source tree itself.
function(dnmf_hygiene_test name)
  add_test(NAME hygiene.${name} COMMAND ${ARGN})
  set_tests_properties(hygiene.${name} PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77 LABELS hygiene)
endfunction()

foreach(check layers names packaging sizes top_level test_checks)
  dnmf_hygiene_test(${check} ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${check}.py)
endforeach()
foreach(check format shell)
  dnmf_hygiene_test(${check} ${CMAKE_CURRENT_LIST_DIR}/${check}.sh)
endforeach()
