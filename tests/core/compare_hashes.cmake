# Runs each of PROGRAMS and fails unless all print the same line.
foreach(program IN LISTS PROGRAMS)
  execute_process(
    COMMAND ${program}
    OUTPUT_VARIABLE hash
    OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY
  )
  message(STATUS "${hash} ${program}")
  list(APPEND hashes ${hash})
endforeach()
list(REMOVE_DUPLICATES hashes)
list(LENGTH hashes different)
if(NOT different EQUAL 1)
  message(FATAL_ERROR "${different} different hashes: ${hashes}")
endif()
