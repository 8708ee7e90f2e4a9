// One measurement from connecting to the report.
#pragma once

#include "load/options.hpp"

namespace load {

// Throws std::runtime_error when a client cannot connect or is cut off.
Report run(const Options& options);

}  // namespace load
