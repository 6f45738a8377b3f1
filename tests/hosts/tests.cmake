# Fits on two hosts, which are network namespaces; skipped, saying why, where those cannot be made.
add_test(NAME hosts COMMAND ${DNMF_CLI_PYTHON} -B -m pytest -q -rs -p no:cacheprovider ${CMAKE_CURRENT_LIST_DIR})
set_tests_properties(hosts PROPERTIES TIMEOUT 300 LABELS hosts ENVIRONMENT "DNMF_PROGRAM=$<TARGET_FILE:dnmf_program>")
