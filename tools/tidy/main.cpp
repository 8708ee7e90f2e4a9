// tidy ROOT   checks the repository at ROOT; prints path:line: message for whatever breaks a rule
#include <cstdio>

#include "tidy.hpp"

int main(int argc, char** argv) {
  const auto tree = tidy::load_tree(argc > 1 ? argv[1] : ".");
  tidy::Findings findings;
  for (auto* check :
       {tidy::check_layers, tidy::check_public_headers, tidy::check_pure_layers, tidy::check_banned,
        tidy::check_marks, tidy::check_machine_traces, tidy::check_file_sizes,
        tidy::check_function_sizes, tidy::check_heads, tidy::check_whitespace, tidy::check_links,
        tidy::check_mentions, tidy::check_options, tidy::check_catalogue, tidy::check_limits,
        tidy::check_bindings}) {
    check(tree, findings);
  }
  for (const auto& finding : findings) {
    std::printf("%s:%zu: %s\n", finding.path.c_str(), finding.line, finding.message.c_str());
  }
  std::printf("tidy: %zu files, %zu findings\n", tree.files.size(), findings.size());
  return findings.empty() && !tree.files.empty() ? 0 : 1;
}
