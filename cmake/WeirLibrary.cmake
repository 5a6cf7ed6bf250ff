# weir_library: one folder, one library, one declaration of what it may see.
#
#   weir_library(NAME ring RANK 1 DEPS base
#                SRCS a.cc HDRS a.h [PRIVATE_DEPS RocksDB::rocksdb-shared]
#                [TESTS a_test.cc] [BENCHES a_bench.cc] [FUZZERS a_fuzz.cc])
#
# DEPS are weir folders (linked PUBLIC); tools/check_layers.py reads RANK and DEPS and holds every
# #include against them. PRIVATE_DEPS are third-party targets that must not show in HDRS. Each
# x_test.cc becomes the ctest `NAME/x_test`, each x_bench.cc a program (also run tiny as a test),
# each x_fuzz.cc a libFuzzer program when WEIR_FUZZ is on. TEST_DEPS are linked to tests only.
#
# `./dev test` runs everything in release, and in the asan and tsan builds what carries the label
# `unit` (every weir_test) or the name of the preset. A test outside weir/ joins by
#   set_property(TEST name APPEND PROPERTY LABELS asan tsan)
#   add_dependencies(sanitizer_tests program_it_starts)

# What the sanitizer builds compile: the tests that run there, with their libraries, and no more.
add_custom_target(sanitizer_tests)
# Every public header compiles on its own. Part of the ordinary build.
if(WEIR_BUILD_TESTS)
  add_custom_target(standalone_headers ALL)
  add_dependencies(standalone_headers all_verify_interface_header_sets)
endif()

function(weir_library)
  cmake_parse_arguments(L "" "NAME;RANK"
      "DEPS;PRIVATE_DEPS;SRCS;HDRS;TESTS;BENCHES;FUZZERS;TEST_DEPS" ${ARGN})
  set(target weir_${L_NAME})
  set(deps)
  foreach(dep IN LISTS L_DEPS)
    list(APPEND deps weir::${dep})
  endforeach()
  list(TRANSFORM L_HDRS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")

  if(L_SRCS)
    add_library(${target} STATIC ${L_SRCS})
    target_link_libraries(${target} PUBLIC ${deps} PRIVATE ${L_PRIVATE_DEPS})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${deps} ${L_PRIVATE_DEPS})
    set(scope INTERFACE)
  endif()
  add_library(weir::${L_NAME} ALIAS ${target})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
                 FILES ${L_HDRS})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${L_NAME})

  if(WEIR_BUILD_TESTS)
    foreach(source IN LISTS L_TESTS)
      weir_test(LIBRARY ${L_NAME} SOURCE ${source} DEPS ${L_TEST_DEPS})
    endforeach()
    foreach(source IN LISTS L_BENCHES)
      weir_bench(LIBRARY ${L_NAME} SOURCE ${source})
    endforeach()
  endif()
  if(WEIR_FUZZ)
    foreach(source IN LISTS L_FUZZERS)
      get_filename_component(stem "${source}" NAME_WE)
      add_executable(${stem} ${source})
      set_target_properties(${stem} PROPERTIES
          RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers")
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${stem} PRIVATE ${target})
    endforeach()
  endif()
endfunction()

# The ctest `LIBRARY/x_test`, linked to LIBRARY alone, so a hidden dependency fails to link.
function(weir_test)
  cmake_parse_arguments(T "" "LIBRARY;SOURCE" "DEPS" ${ARGN})
  find_package(GTest REQUIRED)
  get_filename_component(stem "${T_SOURCE}" NAME_WE)
  add_executable(${stem} ${T_SOURCE})
  target_link_libraries(${stem} PRIVATE weir::${T_LIBRARY} ${T_DEPS} GTest::gmock GTest::gtest_main)
  string(REPLACE "_" "/" folder "${T_LIBRARY}")
  add_dependencies(sanitizer_tests ${stem})
  add_test(NAME ${folder}/${stem} COMMAND ${stem})
  set_tests_properties(${folder}/${stem} PROPERTIES
      LABELS unit
      ENVIRONMENT "RC_PARAMS=seed=20261123;TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1"
      TIMEOUT 300)
endfunction()

function(weir_bench)
  cmake_parse_arguments(B "" "LIBRARY;SOURCE" "" ${ARGN})
  find_package(benchmark REQUIRED)
  get_filename_component(stem "${B_SOURCE}" NAME_WE)
  add_executable(${stem} ${B_SOURCE})
  target_link_libraries(${stem} PRIVATE weir::${B_LIBRARY} benchmark::benchmark
                        benchmark::benchmark_main)
  set_target_properties(${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/benches")
  add_test(NAME bench/${stem} COMMAND ${stem} --benchmark_min_time=0.001)
  set_tests_properties(bench/${stem} PROPERTIES LABELS bench TIMEOUT 120)
endfunction()

# A fuzzer of what reads strangers' bytes outside the mechanisms. It is built from the few files that
# it tries, so that the fuzz build needs neither RocksDB nor the server.
#
#   weir_fuzzer(x_fuzz.cc SRCS a.cc LIBS weir::base)
function(weir_fuzzer source)
  cmake_parse_arguments(F "" "" "SRCS;LIBS" ${ARGN})
  get_filename_component(stem "${source}" NAME_WE)
  add_executable(${stem} ${source} ${F_SRCS})
  set_target_properties(${stem} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers")
  target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${stem} PRIVATE ${F_LIBS})
endfunction()
