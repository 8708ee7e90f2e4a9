// Who may include whom. The table is the one the build uses: the socketio_layer() lines of
// CMakeLists.txt.
#include <array>
#include <optional>

#include "tidy.hpp"

namespace tidy {
namespace {

struct Layer {
  std::set<std::string, std::less<>> deps;
  std::set<std::string, std::less<>> libs;
};
using Layers = std::map<std::string, Layer, std::less<>>;

// Only these may include the operating system's headers.
constexpr std::array<std::string_view, 2> kSystemLayers = {"net", "server"};
// Only these see the installed API from inside.
constexpr std::array<std::string_view, 3> kPublicApiLayers = {"value", "sio", "server"};

struct Library {
  std::string_view header;  // a header, or a folder of headers when it ends in a slash
  std::string_view target;
};
constexpr std::array kLibraries = {Library{"simdjson.h", "simdjson::simdjson"},
                                   Library{"llhttp.h", "socketio_llhttp"},
                                   Library{"openssl/", "OpenSSL::"},
                                   Library{"zlib.h", "ZLIB::ZLIB"},
                                   Library{"brotli/", "${socketio_brotli_libs"},
                                   Library{"tsl/", "tsl::robin_map"},
                                   Library{"fmt/", "fmt::fmt"},
                                   Library{"liburing.h", "${socketio_uring_libs"},
                                   Library{"crypt.h", "Crypt::"},
                                   Library{"nlohmann/", "nlohmann_json::nlohmann_json"}};

// What tests, benchmarks and fuzz targets may include besides.
constexpr std::array<std::string_view, 3> kTestHeaders = {"gtest/", "benchmark/", "gmock/"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view item) {
  for (const auto entry : list) {
    if (entry == item) return true;
  }
  return false;
}

bool names(std::string_view entry, std::string_view header) {
  return entry.ends_with('/') ? header.starts_with(entry) : header == entry;
}

struct Include {
  std::size_t line;
  std::string header;
  bool quoted;
};

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> includes;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (!file.code[i].starts_with("#include")) continue;
    const auto open = file.lines[i].find_first_of("\"<");
    if (open == std::string::npos) continue;
    const bool quoted = file.lines[i][open] == '"';
    const auto close = file.lines[i].find(quoted ? '"' : '>', open + 1);
    if (close == std::string::npos) continue;
    includes.push_back({i + 1, file.lines[i].substr(open + 1, close - open - 1), quoted});
  }
  return includes;
}

// C++'s own headers have neither a dot nor a slash.
bool is_standard(std::string_view header) {
  return header.find_first_of("./") == std::string_view::npos;
}

// socketio_layer(ws DEPS base LIBS OpenSSL::Crypto)
std::optional<std::pair<std::string, Layer>> parse_layer(std::string_view line) {
  constexpr std::string_view kCall = "socketio_layer(";
  if (!line.starts_with(kCall)) return {};
  line.remove_prefix(kCall.size());
  const auto words = split_words(line.substr(0, line.find(')')));
  if (words.empty()) return {};
  Layer layer;
  std::set<std::string, std::less<>> others;
  auto* list = &layer.deps;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "DEPS") {
      list = &layer.deps;
    } else if (words[i] == "LIBS") {
      list = &layer.libs;
    } else if (words[i].starts_with("TEST_") || words[i] == "WITHOUT") {
      list = &others;
    } else {
      list->insert(std::string(words[i]));
    }
  }
  return std::pair{std::string(words[0]), layer};
}

Layers parse_layers(const Tree& tree, Findings& findings) {
  Layers layers;
  const auto found = tree.files.find("CMakeLists.txt");
  if (found == tree.files.end()) return layers;
  for (std::size_t i = 0; i < found->second.lines.size(); ++i) {
    auto layer = parse_layer(found->second.lines[i]);
    if (!layer) continue;
    for (const auto& dep : layer->second.deps) {
      if (!layers.contains(dep)) {
        findings.push_back({"CMakeLists.txt", i + 1,
                            layer->first + " depends on " + dep +
                                ", which does not stand above it: arrows point down"});
      }
    }
    layers.insert(std::move(*layer));
  }
  return layers;
}

std::string check_quoted(const Layers& layers, std::string_view own, const Include& include,
                         bool test) {
  const auto target = std::string_view(include.header).substr(0, include.header.find('/'));
  if (target == own) return {};
  if (test && target == "support") return {};
  if (target == include.header)
    return "name a header by its layer: \"" + std::string(own) + "/" + include.header + "\"";
  if (layers.find(own)->second.deps.contains(target)) return {};
  return std::string(own) + " may not include " + include.header +
         " (see its line in CMakeLists.txt)";
}

std::string check_angle(const Layers& layers, std::string_view own, const Include& include,
                        bool test) {
  const std::string_view header = include.header;
  if (is_standard(header)) return {};
  if (header.starts_with("socketio/")) {
    // The export macro is a word of the build, not of the API.
    if (contains(kPublicApiLayers, own) || header == "socketio/export.hpp") return {};
    return std::string(own) + " may not include the public API";
  }
  for (const auto& library : kLibraries) {
    if (!names(library.header, header)) continue;
    for (const auto& lib : layers.find(own)->second.libs) {
      if (lib.starts_with(library.target)) return {};
    }
    return std::string(own) + " does not list " + std::string(library.target) +
           " in CMakeLists.txt";
  }
  if (test) {
    for (const auto entry : kTestHeaders) {
      if (names(entry, header)) return {};
    }
  }
  if (contains(kSystemLayers, own)) return {};
  return "<" + include.header +
         "> is a header of the operating system: only net and server may include those";
}

}  // namespace

void check_layers(const Tree& tree, Findings& findings) {
  const auto layers = parse_layers(tree, findings);
  for (const auto& [path, file] : tree.files) {
    if (!is_cpp(path)) continue;
    const auto own = layer_of(path);
    if (own.empty()) {
      if (!under(path, "apps") && !under(path, "examples")) continue;
      for (const auto& include : includes_of(file)) {
        if (include.quoted && layers.contains(include.header.substr(0, include.header.find('/')))) {
          findings.push_back({path, include.line, "apps and examples use only <socketio/…>"});
        }
      }
      continue;
    }
    if (!layers.contains(own)) {
      findings.push_back({path, 0, "the folder is no layer of CMakeLists.txt"});
      continue;
    }
    for (const auto& include : includes_of(file)) {
      const auto problem = include.quoted ? check_quoted(layers, own, include, is_test(path))
                                          : check_angle(layers, own, include, is_test(path));
      if (!problem.empty()) findings.push_back({path, include.line, problem});
    }
  }
}

void check_public_headers(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!under(path, "include") || !is_cpp(path)) continue;
    for (const auto& include : includes_of(file)) {
      const bool own = include.header.starts_with("socketio/");
      const bool opt_in =
          path.ends_with("/nlohmann.hpp") && include.header.starts_with("nlohmann/");
      if (include.quoted) {
        findings.push_back(
            {path, include.line, "a public header includes with <>, as its user does"});
      } else if (!is_standard(include.header) && !own && !opt_in) {
        findings.push_back(
            {path, include.line,
             "a public header may include only the standard library and <socketio/…>"});
      } else if (include.header == "socketio/nlohmann.hpp") {
        findings.push_back(
            {path, include.line, "nlohmann.hpp is opt-in: no other public header includes it"});
      }
    }
  }
}

}  // namespace tidy
