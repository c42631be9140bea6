# take_hash(INSTRUCTIONS COMMAND...): runs a command with AUTOPHAGE_INSTRUCTIONS so (empty: not set)
# and keeps the line that it prints.
function(take_hash instructions)
  if(instructions)
    set(environment AUTOPHAGE_INSTRUCTIONS=${instructions})
  else()
    set(environment --unset=AUTOPHAGE_INSTRUCTIONS)
  endif()
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ${environment} ${ARGN}
    OUTPUT_VARIABLE hash
    OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY
  )
  list(JOIN ARGN " " command)
  message(STATUS "${hash} ${instructions} ${command}")
  set_property(GLOBAL APPEND PROPERTY HASHES ${hash})
endfunction()

# Fails unless all the lines were the same.
function(compare_hashes)
  get_property(hashes GLOBAL PROPERTY HASHES)
  list(REMOVE_DUPLICATES hashes)
  list(LENGTH hashes different)
  if(NOT different EQUAL 1)
    message(FATAL_ERROR "${different} different hashes: ${hashes}")
  endif()
endfunction()
