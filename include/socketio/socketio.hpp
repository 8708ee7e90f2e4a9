// Everything of the public API.
#pragma once

#include <socketio/admin.hpp>
#include <socketio/server.hpp>
