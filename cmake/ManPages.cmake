# SPDX-License-Identifier: Apache-2.0
# cmake -D PROGRAM=outboxd -D FOLDER=man1 -P ManPages.cmake: outboxd.1 and one page a command, the
# commands being those that `outboxd help` lists.
file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")

function(write_page name)
  execute_process(COMMAND "${PROGRAM}" help man ${ARGN} OUTPUT_FILE "${FOLDER}/${name}.1"
    RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} help man ${ARGN} ended with ${result}")
  endif()
endfunction()

execute_process(COMMAND "${PROGRAM}" help OUTPUT_VARIABLE help RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} help ended with ${result}")
endif()
# A command stands two spaces in, its summary behind it in a column of its own.
string(REGEX MATCHALL "\n  [a-z-]+  +[A-Z]" lines "${help}")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "\n  ([a-z-]+) .*" "\\1" command "${line}")
  write_page("outboxd-${command}" "${command}")
endforeach()
# The last, because the build takes it for the sign that all are there.
write_page(outboxd)
