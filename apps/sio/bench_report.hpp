// The result of `sio bench`, for people and for programs.
#pragma once

#include "load/options.hpp"

namespace sio_tool {

void print_text(const load::Options& options, const load::Report& report);
// One line; the fields are listed in docs/internals/benchmarks.md.
void print_json(const load::Options& options, const load::Report& report);

}  // namespace sio_tool
