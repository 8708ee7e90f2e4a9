// Numbers with a unit, as the documents write them ("16 KiB", "0.4 s", "131,072") and as the code
// does ("16 * 1024", "std::chrono::seconds(2)", "{10'000}" of milliseconds), so that one can be
// held against the other.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace tidy {

struct Quantity {
  long double value = 0;  // a time: in microseconds
  bool time = false;
  bool operator==(const Quantity&) const = default;
};

// What a declaration says: "kSize = 5;", "timeout{10'000};", a bare value. `before` is the word in
// front of it: its type, which decides what a number in braces is. Nothing when that is no number.
std::optional<Quantity> quantity_in_code(std::string_view text, std::string_view before);

// All numbers of a cell, but those in code spans and those that are part of a word.
std::vector<Quantity> quantities_in_prose(std::string_view cell);

}  // namespace tidy
