# One option, MLOPS_MODE, decides compiler and linker flags for gcc and clang alike.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
add_compile_options(
  -pedantic -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual -Wwrite-strings -Wundef -Wdouble-promotion
  -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum -Werror -fno-common -g)
if(MLOPS_MODE STREQUAL "dev")
  add_compile_options(-O1)
elseif(MLOPS_MODE STREQUAL "release")
  # Checks (check()) stay in: a broken invariant must stop, never go on wrong.
  add_compile_options(-O2 -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE
                      -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
elseif(MLOPS_MODE STREQUAL "asan")
  add_compile_options(-O1 -fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(MLOPS_MODE STREQUAL "tsan")
  add_compile_options(-O1 -fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(MLOPS_MODE STREQUAL "coverage")
  add_compile_options(-O0 --coverage)
  add_link_options(--coverage)
elseif(MLOPS_MODE STREQUAL "fuzz")
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MLOPS_MODE=fuzz needs clang: configure with -DCMAKE_C_COMPILER=clang")
  endif()
  add_compile_options(-O1 -fsanitize=fuzzer-no-link,address,undefined
                      -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
else()
  message(FATAL_ERROR "MLOPS_MODE=${MLOPS_MODE}: use dev, release, asan, tsan, coverage or fuzz")
endif()
