# SPDX-License-Identifier: MIT
# bt_bpf_object(OUTPUT SOURCE [INCLUDES dir …]): compiles one eBPF program with clang; OUTPUT is the object's path.
find_program(BT_BPF_CLANG NAMES clang clang-19 clang-16 clang-14 REQUIRED)
find_program(BT_BPF_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-16 llvm-strip-14)

function(bt_bpf_object output source)
  cmake_parse_arguments(ARG "" "" "INCLUDES" ${ARGN})
  set(includes)
  foreach(directory ${ARG_INCLUDES})
    list(APPEND includes -I${directory})
  endforeach()
  set(strip)
  if(BT_BPF_STRIP)
    set(strip COMMAND ${BT_BPF_STRIP} -g ${output})
  endif()
  # The multiarch folder holds asm/types.h, which -target bpf does not look for.
  add_custom_command(OUTPUT ${output}
    COMMAND ${BT_BPF_CLANG} -target bpf -D__TARGET_ARCH_x86 -O2 -g -Wall -Werror
      -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} ${includes} -c ${source} -o ${output}
    ${strip}
    DEPENDS ${source} VERBATIM)
endfunction()
