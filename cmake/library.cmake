# SPDX-License-Identifier: MIT
# bt_library(name [INSIDE] SOURCES a.cc … DEPENDS folder …): one folder of src/ as a static library named bt_<name>.
#   INSIDE: may run in an intercepted process; compiled freestanding (flags.cmake).
#   DEPENDS names folders of ours (without bt_) or outside libraries.
# bt_test(name SOURCES a_test.cc … DEPENDS folder …): a GoogleTest program, run by ctest, one ctest entry per program.
include(GNUInstallDirs)

function(bt_depend target)
  foreach(dependency ${ARGN})
    if(TARGET bt_${dependency})
      target_link_libraries(${target} PUBLIC bt_${dependency})
    else()
      target_link_libraries(${target} PUBLIC ${dependency})
    endif()
  endforeach()
endfunction()

function(bt_library name)
  cmake_parse_arguments(ARG "INSIDE" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(bt_${name} STATIC ${ARG_SOURCES})
  target_include_directories(bt_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_compile_options(bt_${name} PRIVATE ${BT_WARNINGS})
  if(ARG_INSIDE)
    target_compile_options(bt_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${BT_INSIDE_FLAGS}>)
  endif()
  bt_depend(bt_${name} ${ARG_DEPENDS})
endfunction()

function(bt_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${BT_WARNINGS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  bt_depend(${name} ${ARG_DEPENDS} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
