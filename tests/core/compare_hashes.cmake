# Runs each of PROGRAMS with every instruction set and fails unless all print the same line.
include(${CMAKE_CURRENT_LIST_DIR}/hashes.cmake)
foreach(program IN LISTS PROGRAMS)
  foreach(instructions IN ITEMS baseline avx2 avx512)
    take_hash(${instructions} ${program})
  endforeach()
endforeach()
compare_hashes()
