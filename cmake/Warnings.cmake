# Warnings for our own code. Errors only when SOCKETIO_WERROR is on: in the presets for work on the library, never for
# its users (preset `install`).
add_library(socketio_warnings INTERFACE)
target_compile_options(socketio_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef -Wnull-dereference -Wimplicit-fallthrough
  $<$<BOOL:${SOCKETIO_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports null dereferences and stale coroutine frames that cannot happen once it inlines.
  target_compile_options(socketio_warnings INTERFACE -Wno-null-dereference -Wno-restrict)
endif()

add_library(socketio_sanitize INTERFACE)
if(SOCKETIO_SANITIZE)
  target_compile_options(socketio_sanitize INTERFACE -fsanitize=${SOCKETIO_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(socketio_sanitize INTERFACE -fsanitize=${SOCKETIO_SANITIZE})
  # The check of an object's type opens a pipe, which aborts where a test uses up all descriptors.
  if(SOCKETIO_SANITIZE MATCHES "undefined")
    target_compile_options(socketio_sanitize INTERFACE -fno-sanitize=vptr)
    target_link_options(socketio_sanitize INTERFACE -fno-sanitize=vptr)
  endif()
  # clang 14's check of indirect calls cannot be assembled with coroutines.
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_compile_options(socketio_sanitize INTERFACE -fno-sanitize=function)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 loses track of what is initialised between the checks it inserts.
    target_compile_options(socketio_sanitize INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(SOCKETIO_BUILD_FUZZ)
  target_compile_options(socketio_sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()
