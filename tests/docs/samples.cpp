// The C++ samples of a Markdown page, made into something a compiler and a test can judge:
//
//   samples page PAGE.md OUT.cpp    all ```cpp blocks of the page in one source file
//   samples run PAGE.md OUT.cpp     the page's first program, on a free port, which it prints
//   samples same PAGE.md LANG FILE  succeeds if FILE ends with the page's first ```LANG block
//
// A block is cut into paragraphs at empty lines outside braces. A paragraph that begins like a
// declaration (see kDeclarations) stands at namespace scope, all others make up the body of a
// function that has `io`, `socket` and the like as parameters (samples.hpp). #line directives make
// the compiler complain about the page.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

struct Block {
  std::size_t line = 0;  // of its first line of text
  std::vector<std::string> lines;
};

constexpr std::array<std::string_view, 10> kDeclarations = {
    "#include", "struct ",    "class ",  "enum ",   "SOCKETIO_",
    "template", "namespace ", "static ", "inline ", "Task<"};
constexpr std::string_view kListen = "io.listen(3000);";

std::vector<Block> blocks_of(const std::string& page, std::string_view language) {
  std::ifstream in(page);
  if (!in) throw std::runtime_error("cannot read " + page);
  std::vector<Block> blocks;
  bool inside = false;
  bool wanted = false;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with("```")) {
      inside = !inside;
      wanted = inside && line == "```" + std::string(language);
      if (wanted) blocks.push_back({number + 1, {}});
    } else if (wanted) {
      blocks.back().lines.push_back(line);
    }
  }
  if (blocks.empty()) throw std::runtime_error(page + " has no sample");
  return blocks;
}

bool contains(const Block& block, std::string_view text) {
  return std::any_of(block.lines.begin(), block.lines.end(), [text](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
}

int braces(std::string_view line) {
  line = line.substr(0, line.find("//"));
  return static_cast<int>(std::count(line.begin(), line.end(), '{') -
                          std::count(line.begin(), line.end(), '}'));
}

bool declares(const std::vector<std::string>& paragraph) {
  for (const std::string& line : paragraph) {
    if (line.starts_with("//")) continue;
    return std::any_of(kDeclarations.begin(), kDeclarations.end(),
                       [&line](std::string_view word) { return line.starts_with(word); });
  }
  return false;
}

// Appends the block's paragraphs to `declared` or `body`, each with its #line.
void split(const Block& block, const std::string& page, std::string& declared, std::string& body) {
  std::vector<std::string> paragraph;
  std::size_t begin = block.line;
  int depth = 0;
  const auto finish = [&](std::size_t next) {
    std::string& to = declares(paragraph) ? declared : body;
    if (!paragraph.empty()) to += "#line " + std::to_string(begin) + " \"" + page + "\"\n";
    for (const std::string& line : paragraph) to += line + '\n';
    paragraph.clear();
    begin = next;
  };
  for (std::size_t i = 0; i < block.lines.size(); ++i) {
    const std::string& line = block.lines[i];
    depth += braces(line);
    if (line.empty() && depth == 0) {
      finish(block.line + i + 1);
    } else {
      paragraph.push_back(line);
    }
  }
  finish(0);
}

// Included headers go to the top: what follows may stand inside a function or a namespace.
std::string take_includes(Block& block) {
  std::string includes;
  for (std::string& line : block.lines) {
    if (line.starts_with("#include")) includes += std::exchange(line, {}) + '\n';
  }
  return includes;
}

std::string compile_page(const std::string& page) {
  std::string includes = "#include \"docs/samples.hpp\"\n";
  std::string code;
  std::size_t number = 0;
  for (Block& block : blocks_of(page, "cpp")) {
    includes += take_includes(block);
    const std::string name = std::to_string(++number);
    std::string declared;
    std::string body;
    split(block, page, declared, body);
    if (contains(block, "int main(")) {
      code += "namespace program_" + name + " {\n" + declared + body + "}\n";
      continue;
    }
    code += declared;
    if (!body.empty()) code += "void sample_" + name + "(SAMPLE_PARAMETERS) {\n" + body + "}\n";
  }
  return includes +
         "using namespace socketio;\nusing namespace std::chrono_literals;\nnamespace {\n" + code +
         "}\n";
}

std::string run_page(const std::string& page) {
  std::string code = "#include \"docs/listen.hpp\"\n";
  const std::vector<Block> blocks = blocks_of(page, "cpp");
  const auto program = std::find_if(blocks.begin(), blocks.end(), [](const Block& block) {
    return contains(block, "int main(");
  });
  if (program == blocks.end()) throw std::runtime_error(page + " has no program");
  if (!contains(*program, kListen))
    throw std::runtime_error(page + ": the program has no " + std::string(kListen));
  code += "#line " + std::to_string(program->line) + " \"" + page + "\"\n";
  for (std::string line : program->lines) {
    if (const auto at = line.find(kListen); at != std::string::npos)
      line.replace(at, kListen.size(), "listen_for_test(io);");
    code += line + '\n';
  }
  return code;
}

bool same(const std::string& page, const std::string& language, const std::string& file) {
  std::string block;
  const std::vector<Block> blocks = blocks_of(page, language);
  for (const std::string& line : blocks.front().lines) block += line + '\n';
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (text.ends_with(block)) return true;
  std::fprintf(stderr, "%s does not end with the first %s sample of %s\n", file.c_str(),
               language.c_str(), page.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.size() == 4 && args[0] == "same") return same(args[1], args[2], args[3]) ? 0 : 1;
    if (args.size() != 3) throw std::invalid_argument("see samples.cpp");
    std::ofstream out(args[2]);
    out << (args[0] == "run" ? run_page(args[1]) : compile_page(args[1]));
    return out.flush() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "samples: %s\n", e.what());
    return 1;
  }
}
