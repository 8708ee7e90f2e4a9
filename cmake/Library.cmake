# The installed library: the objects of all layers in one archive or shared object, its headers, and what a user needs
# to find it (CMake package `socketio`, pkg-config module `socketio-server`).
set(objects $<TARGET_OBJECTS:socketio_llhttp>)
get_property(layers GLOBAL PROPERTY SOCKETIO_LAYERS)
foreach(layer IN LISTS layers)
  list(APPEND objects $<TARGET_OBJECTS:socketio_${layer}_objects>)
endforeach()

file(GLOB_RECURSE public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/socketio/*.hpp)

add_library(socketio_server ${objects})
add_library(socketio::server ALIAS socketio_server)
target_sources(socketio_server
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${public_headers})
target_compile_features(socketio_server PUBLIC cxx_std_20)
target_link_libraries(socketio_server PRIVATE ${socketio_linked_targets} $<BUILD_INTERFACE:socketio_sanitize>)

# Before 1.0 a new minor version may break the ABI, so it is part of the name the loader looks for.
set(abi_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(socketio_server PROPERTIES
  EXPORT_NAME server
  VERSION ${PROJECT_VERSION}
  SOVERSION ${abi_version}
  LINKER_LANGUAGE CXX)

if(SOCKETIO_BUILD_TESTS)
  # Every public header compiles alone, as its user sees it: a part of the ordinary build.
  set_target_properties(socketio_server PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  add_custom_target(socketio_public_headers_compile_alone ALL)
  cmake_language(DEFER CALL add_dependencies
    socketio_public_headers_compile_alone all_verify_interface_header_sets)
endif()

if(NOT SOCKETIO_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/socketio)

install(TARGETS socketio_server EXPORT socketio_targets
  ARCHIVE COMPONENT development
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
  RUNTIME COMPONENT runtime
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT socketio_targets NAMESPACE socketio:: FILE socketioTargets.cmake
  DESTINATION ${package_dir} COMPONENT development)

get_target_property(library_type socketio_server TYPE)
if(library_type STREQUAL "STATIC_LIBRARY")
  set(config_dependencies "include(CMakeFindDependencyMacro)\n${socketio_find_dependencies}")
else()
  set(config_dependencies "")
endif()
file(WRITE ${PROJECT_BINARY_DIR}/socketioDependencies.cmake "${config_dependencies}")
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/socketioConfig.cmake.in
  ${PROJECT_BINARY_DIR}/socketioConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/socketioConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/socketioConfig.cmake ${PROJECT_BINARY_DIR}/socketioConfigVersion.cmake
  ${PROJECT_BINARY_DIR}/socketioDependencies.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindBrotli.cmake ${CMAKE_CURRENT_LIST_DIR}/FindLiburing.cmake ${CMAKE_CURRENT_LIST_DIR}/FindCrypt.cmake
  DESTINATION ${package_dir} COMPONENT development)

if(SOCKETIO_CLIENT_DIST)
  foreach(name IN ITEMS socket.io socket.io.min socket.io.esm.min socket.io.msgpack.min)
    install(FILES ${SOCKETIO_CLIENT_DIST}/${name}.js ${SOCKETIO_CLIENT_DIST}/${name}.js.map
      DESTINATION ${CMAKE_INSTALL_DATADIR}/socketio/client COMPONENT client)
  endforeach()
  install(FILES ${SOCKETIO_CLIENT_DIST}/../LICENSE
    DESTINATION ${CMAKE_INSTALL_DATADIR}/socketio/client COMPONENT client OPTIONAL)
endif()

# Relative to the .pc file, so that the installed tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
list(JOIN socketio_pkgconfig_requires ", " pc_requires)
configure_file(${CMAKE_CURRENT_LIST_DIR}/socketio-server.pc.in ${PROJECT_BINARY_DIR}/socketio-server.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/socketio-server.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
