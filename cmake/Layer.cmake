# socketio_layer(<name> [DEPS <layer>...] [LIBS <target>...] [TEST_SUPPORT <file>...]
#                [TEST_HEADERS <header>...] [TEST_UNITS <regex>] [WITHOUT <regex>])
#
# Makes the layer in src/<name>/: objects for the installed library, and a static library that the layer's own
# tests link together with exactly the layers below it. Beside every unit x.cpp may stand
#   x_test.cpp   compiled into <name>_test (GoogleTest, one ctest entry per test)
#   x_bench.cpp  compiled into <name>_bench (Google Benchmark, when it is installed)
#   x_fuzz.cpp   a program fuzz_<x>: libFuzzer with SOCKETIO_BUILD_FUZZ, else a replayer of tests/corpus/<x> in ctest
# TEST_SUPPORT names files of tests/support that <name>_test is linked with, TEST_HEADERS the headers that most of its
# files include: they are precompiled, GoogleTest with them. Units that match TEST_UNITS
# are for tests and fuzzers, of this layer and of those above: in its static library only, and not shipped. Files that
# match WITHOUT are left out: what is optional is a file of its own. With SOCKETIO_UNITY several units are compiled at a
# time, so names without linkage are unique in a layer.
set_property(GLOBAL PROPERTY SOCKETIO_LAYERS "")

function(socketio_layer name)
  cmake_parse_arguments(arg "" "TEST_UNITS;WITHOUT" "DEPS;LIBS;TEST_SUPPORT;TEST_HEADERS" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB all CONFIGURE_DEPENDS ${dir}/*.cpp)
  if(arg_WITHOUT)
    list(FILTER all EXCLUDE REGEX "${arg_WITHOUT}")
  endif()
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$")
  set(test_units "")
  if(arg_TEST_UNITS)
    set(test_units ${sources})
    list(FILTER test_units INCLUDE REGEX "${arg_TEST_UNITS}")
    list(FILTER sources EXCLUDE REGEX "${arg_TEST_UNITS}")
  endif()
  if(NOT sources)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY SOCKETIO_LAYERS ${name})

  add_library(socketio_${name}_objects OBJECT ${sources})
  set_target_properties(socketio_${name}_objects PROPERTIES
    UNITY_BUILD ${SOCKETIO_UNITY} UNITY_BUILD_BATCH_SIZE 12)
  add_library(socketio_${name}_settings INTERFACE)
  target_include_directories(socketio_${name}_settings INTERFACE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  set(link_libs socketio_warnings socketio_sanitize Threads::Threads ${arg_LIBS})
  list(REMOVE_ITEM link_libs socketio_llhttp)
  target_link_libraries(socketio_${name}_settings INTERFACE ${link_libs})
  target_link_libraries(socketio_${name}_objects PRIVATE socketio_${name}_settings)

  set(with_all "")
  if(NOT PROJECT_IS_TOP_LEVEL)
    set(with_all EXCLUDE_FROM_ALL)
  endif()
  add_library(socketio_layer_${name} STATIC ${with_all} $<TARGET_OBJECTS:socketio_${name}_objects> ${test_units})
  if("socketio_llhttp" IN_LIST arg_LIBS)
    target_link_libraries(socketio_${name}_objects PRIVATE socketio_llhttp)
    target_sources(socketio_layer_${name} PRIVATE $<TARGET_OBJECTS:socketio_llhttp>)
  endif()
  set(deps "")
  foreach(dep IN LISTS arg_DEPS)
    if(TARGET socketio_layer_${dep})
      list(APPEND deps socketio_layer_${dep})
    endif()
  endforeach()
  target_link_libraries(socketio_layer_${name} PUBLIC socketio_${name}_settings ${deps})

  list(TRANSFORM arg_TEST_SUPPORT PREPEND ${PROJECT_SOURCE_DIR}/tests/support/)
  socketio_layer_tests(${name} ${all})
  if(TARGET ${name}_test)
    target_sources(${name}_test PRIVATE ${arg_TEST_SUPPORT})
    socketio_precompile(${name}_test <gtest/gtest.h> ${arg_TEST_HEADERS})
  endif()
  socketio_layer_benches(${name} ${all})
  socketio_layer_fuzzers(${name} ${all})
endfunction()

# Headers that most files of a program include, read once for all of them. Every file includes what it needs all the
# same: without SOCKETIO_PRECOMPILE (as clang-tidy compiles) nothing is included for it.
function(socketio_precompile target)
  if(SOCKETIO_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
    # What ccache asks for (and CCACHE_SLOPPINESS=pch_defines,time_macros, which ./dev sets).
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess> "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
    # g++ 12 forgets that what it read beforehand was a system header, and warns of std::string's own code.
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>)
  endif()
endfunction()

function(socketio_layer_tests name)
  set(tests ${ARGN})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(NOT SOCKETIO_BUILD_TESTS OR NOT tests)
    return()
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name}_test ${tests})
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name}_test PRIVATE socketio_layer_${name} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}." PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
endfunction()

function(socketio_layer_benches name)
  set(benches ${ARGN})
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  if(NOT SOCKETIO_BUILD_BENCH OR NOT benches)
    return()
  endif()
  # A Release build for running needs no benchmark library: then these programs are left out.
  find_package(benchmark QUIET)
  if(NOT benchmark_FOUND)
    return()
  endif()
  add_executable(${name}_bench ${benches})
  target_link_libraries(${name}_bench PRIVATE socketio_layer_${name} benchmark::benchmark_main)
endfunction()

function(socketio_layer_fuzzers name)
  set(fuzzers ${ARGN})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  foreach(source IN LISTS fuzzers)
    get_filename_component(stem ${source} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" target ${stem})
    socketio_fuzzer(${target} ${name} ${source})
  endforeach()
endfunction()

# The program fuzz_<target>, or the replayer of its corpus.
function(socketio_fuzzer target layer source)
  if(SOCKETIO_BUILD_FUZZ)
    add_executable(fuzz_${target} ${source})
    target_link_libraries(fuzz_${target} PRIVATE socketio_layer_${layer} -fsanitize=fuzzer)
  elseif(SOCKETIO_BUILD_TESTS)
    add_executable(fuzz_${target} ${source} ${PROJECT_SOURCE_DIR}/tests/support/replay_main.cpp)
    target_link_libraries(fuzz_${target} PRIVATE socketio_layer_${layer})
    add_test(NAME corpus.${target}
             COMMAND fuzz_${target} ${PROJECT_SOURCE_DIR}/tests/corpus/${target})
    set_tests_properties(corpus.${target} PROPERTIES LABELS unit)
  endif()
endfunction()
