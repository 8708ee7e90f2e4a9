# The installed library: the objects of all layers in one archive or shared object.
set(objects "")
foreach(layer IN LISTS SOCKETIO_LAYERS)
  list(APPEND objects $<TARGET_OBJECTS:socketio_${layer}_objects>)
endforeach()
list(APPEND objects $<TARGET_OBJECTS:socketio_llhttp>)
add_library(server ${objects})
