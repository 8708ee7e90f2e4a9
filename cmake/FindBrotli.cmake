# Brotli::Encoder; libbrotli comes with pkg-config files only. Installed beside the CMake package, because users of the
# static library link it too.
find_path(Brotli_INCLUDE_DIR brotli/encode.h)
find_library(Brotli_ENCODER_LIBRARY brotlienc)
mark_as_advanced(Brotli_INCLUDE_DIR Brotli_ENCODER_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Brotli REQUIRED_VARS Brotli_ENCODER_LIBRARY Brotli_INCLUDE_DIR)

if(Brotli_FOUND AND NOT TARGET Brotli::Encoder)
  add_library(Brotli::Encoder UNKNOWN IMPORTED)
  set_target_properties(Brotli::Encoder PROPERTIES
    IMPORTED_LOCATION ${Brotli_ENCODER_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Brotli_INCLUDE_DIR})
endif()
