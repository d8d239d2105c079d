# SPDX-License-Identifier: Apache-2.0
# What every folder's CMakeLists.txt uses: the build's flags, outbox_library and outbox_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()
# Assertions stay in a release (house rules), so no build type defines NDEBUG.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_package(Threads REQUIRED)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# One target carries what all code is compiled with. A warning that is on here is worth an error;
# those that cry wolf with g++ 12 (-Wconversion on every byte shift) are left to clang-tidy.
add_library(outbox_flags INTERFACE)
target_compile_definitions(outbox_flags INTERFACE
  OUTBOX_VERSION="${PROJECT_VERSION}" _GLIBCXX_ASSERTIONS)
target_compile_options(outbox_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wcast-align -Wunused -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -Wextra-semi
  -Wundef -Wvla -fstack-protector-strong -fno-omit-frame-pointer
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -fstack-clash-protection>
  $<$<BOOL:${OUTBOX_WERROR}>:-Werror>)
target_link_options(outbox_flags INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
target_link_libraries(outbox_flags INTERFACE Threads::Threads)

if(OUTBOX_SANITIZE)
  target_compile_options(outbox_flags INTERFACE -fsanitize=${OUTBOX_SANITIZE} -g1
    -fno-sanitize-recover=all)
  target_link_options(outbox_flags INTERFACE -fsanitize=${OUTBOX_SANITIZE})
  # The sanitizers' instrumentation makes g++ 12 see null pointers and loose ends that are none.
  target_compile_options(outbox_flags INTERFACE -Wno-null-dereference
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  # g++ may have a weaker default of its own, which must not clash.
  target_compile_options(outbox_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# Adds a folder that has a CMakeLists.txt; a folder that is not there yet is no error.
function(outbox_add_folder folder)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt")
    add_subdirectory("${CMAKE_CURRENT_SOURCE_DIR}/${folder}"
      "${CMAKE_CURRENT_BINARY_DIR}/${folder}")
  endif()
endfunction()

# outbox_library(<target> [SOURCES ..] [PUBLIC_LINKS ..] [PRIVATE_LINKS ..])
# One folder's library. Without sources (a seam of headers only) it is an interface library.
function(outbox_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC_LINKS;PRIVATE_LINKS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "outbox_library(${target}): unknown words ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(public PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_LINKS})
  else()
    add_library(${target} INTERFACE)
    set(public INTERFACE)
  endif()
  target_include_directories(${target} ${public}
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} ${public} outbox_flags ${arg_PUBLIC_LINKS})
endfunction()

# Where the tests' own servers live: apart from a developer's, one folder for each build folder.
string(SHA256 outbox_build_hash "${PROJECT_BINARY_DIR}")
string(SUBSTRING "${outbox_build_hash}" 0 12 outbox_build_hash)
set(OUTBOX_TEST_SERVICES "/tmp/outboxd-ctest-${outbox_build_hash}" CACHE PATH
  "Scratch folder of the PostgreSQL and the Kafka that ctest starts")
set(outbox_test_environment
  "OUTBOXD_SERVICES_DIR=${OUTBOX_TEST_SERVICES}"
  "OUTBOXD_SERVICES_ENV=${OUTBOX_TEST_SERVICES}/services.env"
  "OUTBOXD_PROGRAM=${OUTBOX_PROGRAM_DIRECTORY}/outboxd"
  "OUTBOXD_SOURCE=${PROJECT_SOURCE_DIR}"
  "ASAN_OPTIONS=detect_stack_use_after_return=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1")

# outbox_test(<target> SOURCES .. [LINKS ..] LABELS <label> [TIMEOUT seconds] [LOCK name])
# One gtest program; each of its tests is one of ctest's. Labels integration, conformance and
# system get the servers (fixture "services") and their addresses (tests/support/services.hpp).
function(outbox_test target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;LOCK" "SOURCES;LINKS;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "outbox_test(${target}): unknown words ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(LENGTH arg_LABELS labels)
  if(NOT labels EQUAL 1)
    message(FATAL_ERROR "outbox_test(${target}): give exactly one of unit, conformance, "
      "integration, simulation, system as LABELS")
  endif()
  find_package(GTest REQUIRED)
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${target} PRIVATE outbox_flags ${arg_LINKS} GTest::gmock GTest::gtest_main)
  set(properties LABELS ${arg_LABELS})
  if(arg_LABELS MATCHES "^(integration|conformance|system)$")
    list(APPEND properties FIXTURES_REQUIRED services)
    set(timeout 300)
  else()
    set(timeout 120)
  endif()
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  if(arg_LOCK)
    list(APPEND properties RESOURCE_LOCK ${arg_LOCK})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${target} NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 TEST_PREFIX "${arg_LABELS}."
    TEST_LIST ${target}_tests PROPERTIES ${properties} TIMEOUT ${timeout})
  # gtest_discover_tests cannot pass a list such as the environment, a script read after it can.
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}_environment.cmake")
  file(CONFIGURE OUTPUT "${script}" @ONLY CONTENT
    "set_tests_properties(\${@target@_tests} PROPERTIES
       ENVIRONMENT \"@outbox_test_environment@\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
endfunction()
