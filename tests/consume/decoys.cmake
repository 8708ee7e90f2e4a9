# The user's own modules, named as each of ours: the library takes its own nevertheless.
file(GLOB modules ${CMAKE_CURRENT_LIST_DIR}/../../cmake/*.cmake)
foreach(module IN LISTS modules)
  get_filename_component(name ${module} NAME)
  file(WRITE ${CMAKE_BINARY_DIR}/decoys/${name} "message(FATAL_ERROR \"the library took the user's ${name}\")\n")
endforeach()
list(APPEND CMAKE_MODULE_PATH ${CMAKE_BINARY_DIR}/decoys)
