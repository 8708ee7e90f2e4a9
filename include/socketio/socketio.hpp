// Everything of the public API.
#pragma once

#include <socketio/server.hpp>
