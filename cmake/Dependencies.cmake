# Everything that is not ours. No downloads: all of it is in Debian 12, vcpkg and Conan.
#
# socketio_dependency(<target> <pkg-config module or ""> <find_package arguments>...)
#
# A library that users of the static libsocketio_server have to link too; the CMake package and the pkg-config file
# are written from this list (Library.cmake). A library that is all headers is an ordinary find_package: users of the
# installed library never see it.
set(socketio_linked_targets "")
set(socketio_find_dependencies "")
set(socketio_pkgconfig_requires "")

macro(socketio_dependency target module)
  find_package(${ARGN} REQUIRED)
  list(APPEND socketio_linked_targets ${target})
  string(REPLACE ";" " " socketio_find_arguments "${ARGN}")
  string(APPEND socketio_find_dependencies "find_dependency(${socketio_find_arguments})\n")
  if(NOT "${module}" STREQUAL "")
    list(APPEND socketio_pkgconfig_requires ${module})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
socketio_dependency(Threads::Threads "" Threads)
socketio_dependency(OpenSSL::SSL libssl OpenSSL 3.0 COMPONENTS SSL Crypto)
socketio_dependency(OpenSSL::Crypto libcrypto OpenSSL 3.0 COMPONENTS SSL Crypto)
socketio_dependency(ZLIB::ZLIB zlib ZLIB)
option(SOCKETIO_ANY_ZLIB "Build with a zlib before 1.2.12, which the distribution has mended (CVE-2018-25032)" OFF)
if(ZLIB_VERSION_STRING VERSION_LESS 1.2.12 AND NOT SOCKETIO_ANY_ZLIB)
  message(FATAL_ERROR "zlib ${ZLIB_VERSION_STRING} is too old: before 1.2.12 compressing could write past a buffer "
    "(CVE-2018-25032). If your distribution has mended its own, say -DSOCKETIO_ANY_ZLIB=ON.")
endif()
socketio_dependency(fmt::fmt fmt fmt)
socketio_dependency(Crypt::Crypt libcrypt Crypt)
socketio_dependency(simdjson::simdjson simdjson simdjson)
find_package(tsl-robin-map REQUIRED)

# Optional: without it src/net/uring_absent.cpp stands in for the other src/net/uring_*.cpp.
option(SOCKETIO_IO_URING "Build the io_uring backend when liburing is installed" ON)
set(socketio_uring_left_out "/uring_(backend|backend_test|listeners|nested|ring|send)\\.cpp$")
set(socketio_uring_libs "")
if(SOCKETIO_IO_URING)
  find_package(Liburing 2.3 QUIET)
endif()
if(SOCKETIO_IO_URING AND Liburing_FOUND)
  socketio_dependency(Liburing::Liburing liburing Liburing 2.3)
  set(socketio_uring_left_out "/uring_absent\\.cpp$")
  set(socketio_uring_libs Liburing::Liburing)
else()
  message(STATUS "io_uring backend: left out (liburing 2.3 not found or SOCKETIO_IO_URING=OFF)")
endif()

# Optional: without it src/http/brotli_absent.cpp stands in for brotli.cpp, and the browser client is not offered in br.
option(SOCKETIO_BROTLI "Serve the browser client in brotli when libbrotlienc is installed" ON)
set(socketio_brotli_left_out "/brotli\\.cpp$")
set(socketio_brotli_libs "")
if(SOCKETIO_BROTLI)
  find_package(Brotli QUIET)
endif()
if(SOCKETIO_BROTLI AND Brotli_FOUND)
  socketio_dependency(Brotli::Encoder libbrotlienc Brotli)
  set(socketio_brotli_left_out "/brotli_absent\\.cpp$")
  set(socketio_brotli_libs Brotli::Encoder)
else()
  message(STATUS "brotli: left out (libbrotlienc not found or SOCKETIO_BROTLI=OFF)")
endif()

# llhttp: node-llhttp (Debian) ships C sources, which we compile in strict mode: Debian's defaults are loose.
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp PATH_SUFFIXES share/llhttp NO_CACHE)
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp PATH_SUFFIXES llhttp NO_CACHE)
if(LLHTTP_SOURCE_DIR AND LLHTTP_INCLUDE_DIR)
  add_library(socketio_llhttp OBJECT
    ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
  target_include_directories(socketio_llhttp SYSTEM PUBLIC $<BUILD_INTERFACE:${LLHTTP_INCLUDE_DIR}>)
  target_compile_definitions(socketio_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
  target_compile_options(socketio_llhttp PRIVATE -w -fvisibility=hidden)
else()
  message(FATAL_ERROR "llhttp's C sources not found: install node-llhttp (Debian), or set "
                      "LLHTTP_SOURCE_DIR and LLHTTP_INCLUDE_DIR")
endif()
