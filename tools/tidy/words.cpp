// Words that may not stand somewhere, and what to write instead.
#include <array>

#include "tidy.hpp"

namespace tidy {
namespace {

constexpr auto kNone = std::string_view::npos;

// How a word must stand to count.
enum class As {
  word,
  call,    // followed by '(' and not a member of something
  prefix,  // the line begins with it
};

struct Banned {
  std::string_view word;
  As as;
  std::string_view instead;
};

// Reading a clock, drawing randomness, printing and threads make protocol code untestable.
constexpr std::array kImpure = {
    Banned{"_clock::now", As::word, "take `now` as an argument"},
    Banned{"gettimeofday", As::call, "take `now` as an argument"},
    Banned{"clock_gettime", As::call, "take `now` as an argument"},
    Banned{"time", As::call, "take `now` as an argument"},
    Banned{"sleep_for", As::word, "express a delay as deadline()"},
    Banned{"sleep_until", As::word, "express a delay as deadline()"},
    Banned{"usleep", As::call, "express a delay as deadline()"},
    Banned{"nanosleep", As::call, "express a delay as deadline()"},
    Banned{"rand", As::call, "take a base::Random&"},
    Banned{"srand", As::call, "take a base::Random&"},
    Banned{"random_device", As::word, "take a base::Random&"},
    Banned{"RAND_bytes", As::call, "take a base::Random&"},
    Banned{"getrandom", As::call, "take a base::Random&"},
    Banned{"getenv", As::call, "take an option"},
};
// These are allowed in the tests of pure layers.
constexpr std::array kSilent = {
    Banned{"mt19937", As::word, "take a base::Random&"},
    Banned{"printf", As::call, "return an event; drivers log"},
    Banned{"fprintf", As::call, "return an event; drivers log"},
    Banned{"puts", As::call, "return an event; drivers log"},
    Banned{"std::cout", As::word, "return an event; drivers log"},
    Banned{"std::cerr", As::word, "return an event; drivers log"},
    Banned{"std::clog", As::word, "return an event; drivers log"},
    Banned{"std::thread", As::word, "threads belong to net and server"},
    Banned{"std::jthread", As::word, "threads belong to net and server"},
    Banned{"std::mutex", As::word,
           "nothing in a shard is locked; the door between threads is net's mailbox"},
};

constexpr std::array<std::string_view, 2> kImpureLayers = {"net", "server"};
// check.cpp prints the broken invariant before it aborts: there is nobody left to return it to.
constexpr std::string_view kMayPrint = "src/base/check.cpp";

constexpr std::array kBannedEverywhere = {
    Banned{"strcpy", As::call, "std::string or std::memcpy with a checked size"},
    Banned{"strcat", As::call, "std::string"},
    Banned{"strncpy", As::call, "std::string or std::memcpy with a checked size"},
    Banned{"sprintf", As::call, "fmt::format_to or std::to_chars"},
    Banned{"vsprintf", As::call, "fmt::format_to"},
    Banned{"atoi", As::call, "std::from_chars"},
    Banned{"atol", As::call, "std::from_chars"},
    Banned{"atof", As::call, "std::from_chars"},
    Banned{"strtok", As::call, "std::string_view::find"},
    Banned{"gets", As::call, "a read with a size"},
    Banned{"alloca", As::call, "a fixed array or the arena"},
    Banned{"malloc", As::call, "a container or a Chunk"},
    Banned{"calloc", As::call, "a container or a Chunk"},
    Banned{"realloc", As::call, "a container or a Chunk"},
    Banned{"assert", As::call, "SIO_CHECK, which stays on in release builds"},
    Banned{"std::regex", As::word, "a written-out parser: std::regex recurses on input"},
    Banned{"std::endl", As::word, "'\\n'"},
    Banned{"std::bind", As::word, "a lambda"},
    Banned{"volatile", As::word, "std::atomic"},
    Banned{"goto", As::word, "a function"},
    Banned{"NULL", As::word, "nullptr"},
    Banned{"enable_shared_from_this", As::word, "an owner, and an Id that may be stale"},
    Banned{"shared_from_this", As::word, "an owner, and an Id that may be stale"},
    Banned{"using namespace std;", As::word, "std::"},
    Banned{"GTEST_SKIP", As::word, "a test that runs everywhere"},
    Banned{"DISABLED_", As::word, "a test that runs"},
};

// In src/ besides. Preprocessor conditions: an option adds files, it does not fork functions.
constexpr std::array kBannedInLayers = {
    Banned{"#if", As::prefix, "a file the build adds"},
    Banned{"#ifdef", As::prefix, "a file the build adds"},
    Banned{"#ifndef", As::prefix, "#pragma once, or a file the build adds"},
    Banned{"std::unordered_map", As::word,
           "tsl::robin_map with the keyed hash (attackers choose the keys)"},
    Banned{"std::unordered_set", As::word,
           "tsl::robin_set with the keyed hash (attackers choose the keys)"},
};

bool is_call(std::string_view line, std::size_t at, std::size_t size) {
  const auto open = line.find_first_not_of(' ', at + size);
  if (open == kNone || line[open] != '(') return false;
  const auto before = line.substr(0, at);
  if (before.ends_with('.') || before.ends_with("->")) return false;
  if (before.ends_with("::"))
    return before.ends_with("std::") || before == "::" || before.ends_with(" ::");
  // A declaration of the same name: `Time time(`, `int rand(`. `return` and the like are no types.
  const auto words = split_words(before);
  if (words.empty() || !before.ends_with(' ')) return true;
  return !is_word(words.back().back()) || words.back() == "return" || words.back() == "else" ||
         words.back() == "co_return";
}

bool stands(std::string_view line, const Banned& rule) {
  if (rule.as == As::prefix) {
    line = trim(line);
    const auto end = rule.word.size();
    return line.starts_with(rule.word) && (line.size() == end || !is_word(line[end]));
  }
  // A word that is a part of names, such as steady_clock::now, is looked for as it is.
  if (rule.word.starts_with('_') || rule.word.ends_with('_')) return line.find(rule.word) != kNone;
  for (auto at = find_word(line, rule.word); at != kNone; at = find_word(line, rule.word, at + 1)) {
    if (rule.as == As::word || is_call(line, at, rule.word.size())) return true;
  }
  return false;
}

template <std::size_t N>
void check_words(const std::string& path, const SourceFile& file,
                 const std::array<Banned, N>& rules, Findings& findings) {
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    for (const auto& rule : rules) {
      if (!stands(file.code[i], rule)) continue;
      findings.push_back(
          {path, i + 1, std::string(rule.word) + " is banned: " + std::string(rule.instead)});
    }
  }
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view item) {
  for (const auto entry : list) {
    if (entry == item) return true;
  }
  return false;
}

// `new T` and `delete x`. Placement new owns nothing; <new>, operator new and = delete are other
// things.
bool allocates(std::string_view line) {
  if (trim(line).starts_with('#')) return false;
  for (const std::string_view word : {"new", "delete"}) {
    const auto at = find_word(line, word);
    if (at == kNone) continue;
    const auto before = trim(line.substr(0, at));
    const auto after = trim(line.substr(at + word.size()));
    if (before.ends_with("operator") || (before.ends_with('=') && word == "delete")) continue;
    if (after.starts_with("(std::nothrow")) return true;
    const bool placement = word == "new" && after.starts_with('(');
    if (!after.empty() && !placement && (is_word(after.front()) || after.front() == '['))
      return true;
  }
  return false;
}

bool is_code(std::string_view path) {
  return is_cpp(path) || path.ends_with(".js") || path.ends_with(".mjs") || path.ends_with(".sh") ||
         path.ends_with(".cmake") || path.ends_with("CMakeLists.txt") || path == "dev";
}

}  // namespace

void check_pure_layers(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    const auto layer = layer_of(path);
    if (layer.empty() || !is_cpp(path) || contains(kImpureLayers, layer) ||
        path.ends_with("_bench.cpp"))
      continue;
    check_words(path, file, kImpure, findings);
    if (!is_test(path) && path != kMayPrint) check_words(path, file, kSilent, findings);
  }
}

void check_banned(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!is_cpp(path)) continue;
    check_words(path, file, kBannedEverywhere, findings);
    if (layer_of(path).empty() || is_test(path)) continue;
    check_words(path, file, kBannedInLayers, findings);
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      if (allocates(file.code[i])) {
        findings.push_back(
            {path, i + 1, "new and delete: use std::make_unique, a Slab or a container"});
      }
    }
  }
}

void check_marks(const Tree& tree, Findings& findings) {
  for (const auto& [path, file] : tree.files) {
    if (!is_code(path)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      // Split so that this file does not find itself.
      for (const std::string_view mark : {"TO"
                                          "DO",
                                          "FIX"
                                          "ME",
                                          "XX"
                                          "X",
                                          "HA"
                                          "CK"}) {
        const std::string_view line = file.lines[i];
        const auto at = find_word(line, mark);
        if (at == kNone || line.substr(at + mark.size()).starts_with('(')) continue;
        findings.push_back(
            {path, i + 1, std::string(mark) + " needs its reason in parentheses behind it"});
      }
    }
  }
}

void check_machine_traces(const Tree& tree, Findings& findings) {
  constexpr std::array<std::string_view, 4> kPaths = {
      "/wo"
      "rk",
      "/ro"
      "ot",
      "/ho"
      "me",
      "/t"
      "mp"};
  constexpr std::array<std::string_view, 4> kHosts = {
      "registry"
      ".npm",
      "deb"
      ".debian.org",
      "\"resol"
      "ved\": \"http",
      "files.python"
      "hosted"};
  for (const auto& [path, file] : tree.files) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string_view line = file.lines[i];
      for (const auto folder : kPaths) {
        if (folder == kPaths.back() && is_test(path)) continue;
        const auto at = find_word(line, folder);
        if (at == kNone) continue;
        // Only where a path begins: docs/home is somebody's own folder.
        if (at > 0 && (is_word(line[at - 1]) || line[at - 1] == '.' || line[at - 1] == '/' ||
                       line[at - 1] == '}'))
          continue;
        const auto after = line.substr(at + folder.size());
        if (!after.starts_with('/') && folder != kPaths.front() && folder != kPaths.back())
          continue;
        findings.push_back({path, i + 1, std::string(folder) + " is a path of one machine"});
      }
      for (const auto host : kHosts) {
        if (line.find(host) != kNone)
          findings.push_back({path, i + 1, "no registry host stands in this repository"});
      }
    }
  }
}

}  // namespace tidy
