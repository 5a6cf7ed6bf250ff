# Compiler, warnings, sanitizers and link speed, the same for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Asserts stay on in release: a programming error stops the process before it reaches the data.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

option(WEIR_MECHANISMS_ONLY "Build ring, shard, cache, limit and resp only" OFF)
option(WEIR_BUILD_TESTS "Build tests, benchmarks and examples" ON)
option(WEIR_FUZZ "Build libFuzzer targets (clang)" OFF)
option(WEIR_GRPC "Build grpc/weir too, a weir with the rate limit service that Envoy asks" OFF)
set(WEIR_SANITIZE "" CACHE STRING "address,undefined or thread")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                    -Wimplicit-fallthrough -Wdeprecated-copy-dtor -fno-strict-aliasing)
include_directories("${CMAKE_SOURCE_DIR}")

if(NOT WEIR_SANITIZE STREQUAL "")
  # g++ 12 cries wolf over std::optional in instrumented code; the release build has the warning.
  add_compile_options(-Wno-maybe-uninitialized)
endif()
if(WEIR_SANITIZE STREQUAL "address,undefined")
  # vptr, null and alignment make Asio units an order of magnitude slower to compile.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr,null,alignment
                      -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
elseif(WEIR_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  add_link_options(-fsanitize=thread)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
elseif(NOT WEIR_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEIR_SANITIZE is '${WEIR_SANITIZE}'; use address,undefined or thread")
endif()
if(WEIR_FUZZ)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WEIR_CCACHE}")
endif()
find_program(WEIR_MOLD mold)
if(WEIR_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
