// What the shared library shows; everything else is hidden.
#pragma once

#if defined(__GNUC__)
#define SOCKETIO_EXPORT __attribute__((visibility("default")))
#else
#define SOCKETIO_EXPORT
#endif
