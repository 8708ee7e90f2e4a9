#include "http/content_coding.hpp"

#include <algorithm>

#include "http/chars.hpp"
#include "http/message.hpp"

namespace socketio::http {
namespace {

using base::Bytes;

constexpr int kWhole = 1000;

// qvalue (RFC 9110 §12.4.2), in thousandths.
int weight(Bytes text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[1] != '.')) return 0;
  if (text[0] != '0' && text[0] != '1') return 0;
  int value = (text[0] - '0') * kWhole;
  int unit = kWhole / 10;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is_digit(c)) return 0;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return std::min(value, kWhole);
}

struct Item {
  Bytes name;
  int weight = kWhole;
};

// "gzip ; q=0.5"
Item read_item(Bytes text) {
  Item item;
  const std::size_t end = std::min(text.find(';'), text.size());
  item.name = trim(text.substr(0, end));
  text.remove_prefix(end);
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::size_t next = std::min(text.find(';'), text.size());
    const Bytes parameter = trim(text.substr(0, next));
    if (parameter.size() >= 2 && (parameter[0] == 'q' || parameter[0] == 'Q') &&
        parameter[1] == '=')
      item.weight = weight(parameter.substr(2));
    text.remove_prefix(next);
  }
  return item;
}

struct Standing {
  int weight = 0;
  std::size_t place = 0;
  bool named = false;  // not only by "*"
};

}  // namespace

Bytes coding_name(Coding coding) {
  switch (coding) {
    case Coding::gzip:
      return "gzip";
    case Coding::deflate:
      return "deflate";
    case Coding::br:
      return "br";
    case Coding::identity:
      break;
  }
  return {};
}

Coding choose_coding(Bytes accept_encoding, std::span<const Coding> offered, Ties ties) {
  Coding best = Coding::identity;
  Standing of_best;
  for (const Coding coding : offered) {
    Standing standing;
    std::size_t place = 0;
    for (Bytes rest = accept_encoding; !rest.empty(); ++place) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const Item item = read_item(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      const bool named = iequals(item.name, coding_name(coding));
      if (!named && (item.name != "*" || standing.named)) continue;
      standing = {item.weight, place, named};
    }
    const bool earlier =
        ties == Ties::theirs && standing.weight == of_best.weight && standing.place < of_best.place;
    if (standing.weight == 0 || (standing.weight <= of_best.weight && !earlier)) continue;
    best = coding;
    of_best = standing;
  }
  return best;
}

}  // namespace socketio::http
