# Liburing::Liburing; liburing itself comes with a pkg-config file only. Installed beside the CMake package, because
# users of the static library link it too.
find_path(Liburing_INCLUDE_DIR liburing.h)
find_library(Liburing_LIBRARY uring)
mark_as_advanced(Liburing_INCLUDE_DIR Liburing_LIBRARY)

# Its headers do not say its version before 2.4; the functions that 2.3 added are asked for instead.
if(Liburing_INCLUDE_DIR AND EXISTS ${Liburing_INCLUDE_DIR}/liburing.h)
  file(STRINGS ${Liburing_INCLUDE_DIR}/liburing.h liburing_has_23 REGEX "io_uring_register_sync_cancel")
  if(liburing_has_23)
    set(Liburing_VERSION 2.3)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Liburing
  REQUIRED_VARS Liburing_LIBRARY Liburing_INCLUDE_DIR VERSION_VAR Liburing_VERSION)

if(Liburing_FOUND AND NOT TARGET Liburing::Liburing)
  add_library(Liburing::Liburing UNKNOWN IMPORTED)
  set_target_properties(Liburing::Liburing PROPERTIES
    IMPORTED_LOCATION ${Liburing_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Liburing_INCLUDE_DIR})
endif()
