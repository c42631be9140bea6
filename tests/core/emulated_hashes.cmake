# Runs the hash program on processors that are emulated, and fails unless it prints there what it
# prints here.
#
#   cmake [-DPROCESSORS=LIST] [-DPROGRAM=FILE] [-DBINARY=FOLDER] -P tests/core/emulated_hashes.cmake
#
# PROCESSORS: nehalem, an x86-64 processor without AVX, or aarch64; both by default. Needs qemu-user,
# and for aarch64 g++-aarch64-linux-gnu: where something is missing, a line says so and that is left
# out. PROGRAM: the hash program of this machine; built by default. For aarch64 the whole library is
# built too, all warnings errors: no file may need another processor.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/hashes.cmake)
get_filename_component(SOURCE ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
if(NOT BINARY)
  set(BINARY ${SOURCE}/build/emulated)
endif()
if(NOT PROCESSORS)
  set(PROCESSORS nehalem aarch64)
endif()

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE told ERROR_VARIABLE told RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${told}")
  endif()
endfunction()

function(build folder)
  run(
    ${CMAKE_COMMAND} -S ${SOURCE} -B ${folder} -DCMAKE_BUILD_TYPE=Release -DAUTOPHAGE_PYTHON=OFF
    -DAUTOPHAGE_TESTS=ON -DAUTOPHAGE_STRICT=ON ${ARGN}
  )
  run(${CMAKE_COMMAND} --build ${folder} --parallel 2 --target cpu hash_program)
endfunction()

function(find name)
  find_program(path_of_${name} ${name})
  if(NOT path_of_${name})
    message("Left out: ${processor}, for ${name} is not installed")
    set(missing TRUE PARENT_SCOPE)
  endif()
endfunction()

if(NOT PROGRAM)
  build(${BINARY}/here)
  set(PROGRAM ${BINARY}/here/tests/core/hash_program)
endif()
take_hash("" ${PROGRAM})
foreach(processor IN LISTS PROCESSORS)
  set(missing FALSE)
  if(processor STREQUAL "nehalem")
    find(qemu-x86_64)
    if(NOT missing)
      take_hash("" ${path_of_qemu-x86_64} -cpu Nehalem ${PROGRAM})
    endif()
  elseif(processor STREQUAL "aarch64")
    find(qemu-aarch64)
    find(aarch64-linux-gnu-g++)
    if(NOT missing)
      build(
        ${BINARY}/aarch64
        -DCMAKE_SYSTEM_NAME=Linux
        -DCMAKE_SYSTEM_PROCESSOR=aarch64
        -DCMAKE_CXX_COMPILER=${path_of_aarch64-linux-gnu-g++}
        -DCMAKE_EXE_LINKER_FLAGS=-static
      )
      take_hash("" ${path_of_qemu-aarch64} ${BINARY}/aarch64/tests/core/hash_program)
    endif()
  else()
    message(FATAL_ERROR "PROCESSORS must be of nehalem and aarch64, got ${processor}")
  endif()
endforeach()
compare_hashes()
