#include "eio/jsonp.hpp"

#include <algorithm>

namespace socketio::eio {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A broken escape stays as it is, as in Node.
base::MutBytes unescape_form(base::MutBytes text) {
  std::size_t out = 0;
  for (std::size_t in = 0; in < text.size(); ++in) {
    char c = text[in] == '+' ? ' ' : text[in];
    if (c == '%' && text.size() - in > 2) {
      const int high = hex(text[in + 1]);
      const int low = hex(text[in + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high << 4 | low);
        in += 2;
      }
    }
    text[out++] = c;
  }
  return text.first(out);
}

base::MutBytes unescape_newlines(base::MutBytes text) {
  const base::Bytes whole = base::as_bytes(text);
  std::size_t out = 0;
  for (std::size_t in = 0; in < text.size();) {
    const base::Bytes rest = whole.substr(in);
    if (rest.starts_with("\\\\n")) {
      text[out++] = '\\';
      text[out++] = 'n';
      in += 3;
    } else if (rest.starts_with("\\n")) {
      text[out++] = '\n';
      in += 2;
    } else {
      text[out++] = text[in++];
    }
  }
  return text.first(out);
}

void append_escape(std::string& out, unsigned code) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> shift & 15U];
}

// As JSON.stringify, and what JSON allows in a string but JavaScript did not (U+2028, U+2029).
void append_string(std::string& out, base::Bytes text) {
  static constexpr base::Bytes kShort = "b\bf\fn\nr\rt\t";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      const std::size_t known = kShort.find(c);
      if (known == base::Bytes::npos) {
        append_escape(out, byte);
      } else {
        out += '\\';
        out += kShort[known - 1];
      }
    } else if (byte == 0xE2 && text.size() - i > 2 && text[i + 1] == '\x80' &&
               (text[i + 2] == '\xA8' || text[i + 2] == '\xA9')) {
      append_escape(out, text[i + 2] == '\xA8' ? 0x2028U : 0x2029U);
      i += 2;
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

std::string jsonp_script(base::Bytes index, base::Bytes payload) {
  std::string out = "___eio[";
  std::copy_if(index.begin(), index.end(), std::back_inserter(out),
               [](char c) { return c >= '0' && c <= '9'; });
  out.reserve(out.size() + payload.size() + payload.size() / 8 + 8);
  out += "](";
  append_string(out, payload);
  out += ");";
  return out;
}

std::optional<base::MutBytes> decode_jsonp_form(base::MutBytes form) {
  std::optional<base::MutBytes> found;
  while (!form.empty()) {
    const auto end = std::find(form.begin(), form.end(), '&');
    const auto size = static_cast<std::size_t>(end - form.begin());
    const base::MutBytes field = form.first(size);
    form = form.subspan(std::min(size + 1, form.size()));
    const base::Bytes text = base::as_bytes(field);
    if (text != "d" && !text.starts_with("d=")) continue;
    if (found) return std::nullopt;
    found = field.subspan(std::min<std::size_t>(2, field.size()));
  }
  if (found) found = unescape_newlines(unescape_form(*found));
  return found;
}

}  // namespace socketio::eio
