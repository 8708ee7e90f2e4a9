# Everything that is not ours. No downloads: all of it is in Debian 12, vcpkg and Conan.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(tsl-robin-map REQUIRED)

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
