# SPDX-License-Identifier: MIT
# Every compiler flag of the project.
set(BT_WARNINGS -Wall -Wextra -Wpedantic -Wno-gnu-statement-expression -Wshadow -Wvla -Wimplicit-fallthrough
    -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND BT_WARNINGS -Wno-gnu-anonymous-struct -Wno-nested-anon-types
       -Wno-gnu-zero-variadic-macro-arguments)
endif()

# Code that may run in a stranger's process: no heap, exceptions, RTTI, guards, vector registers or libc thread-locals.
# -fno-builtin is implied by -ffreestanding; the memory functions come from the agent or, outside, from libc.
set(BT_INSIDE_FLAGS -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics
    -fvisibility=hidden -fPIC -ftls-model=initial-exec -mgeneral-regs-only
    -ffunction-sections -fdata-sections -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none)

# Words of shared memory are read and logged as integers, whatever type the record gives them.
string(APPEND CMAKE_CXX_FLAGS " -fno-strict-aliasing")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -DBT_DEBUG=1")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Presets asan and tsan: every target but the agent.
set(BT_SANITIZE "" CACHE STRING "value of -fsanitize= for the whole build; empty for none")
if(BT_SANITIZE)
  add_compile_options(-fsanitize=${BT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BT_SANITIZE})
endif()
