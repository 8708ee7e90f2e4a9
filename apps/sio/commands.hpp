// The commands of `sio`, one file each: they add themselves and their options to the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace sio_tool {

// Each returns at once; what it registers runs after parsing and throws std::exception to fail.
void add_bench(CLI::App& app);

}  // namespace sio_tool
