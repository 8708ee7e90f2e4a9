// Each rule against a sample that breaks it, and against the nearest one that does not.
#include "tidy.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tidy {
namespace {

using Check = void (*)(const Tree&, Findings&);
using Files = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kCMake =
    "socketio_layer(base)\n"
    "socketio_layer(http DEPS base LIBS socketio_llhttp)\n"
    "socketio_layer(sio DEPS base http TEST_HEADERS <sio/testing.hpp>)\n"
    "socketio_layer(net DEPS base)\n";

Findings run(Check check, const Files& files) {
  Tree tree;
  for (const auto& [path, text] : files) tree.add(path, text);
  Findings findings;
  check(tree, findings);
  return findings;
}

// Exactly one finding, on that line, whose message holds `part`.
void expect_finding(Check check, const Files& files, std::size_t line, std::string_view part) {
  const auto findings = run(check, files);
  ASSERT_EQ(findings.size(), 1u) << files.back().second;
  EXPECT_EQ(findings[0].path, files.back().first);
  EXPECT_EQ(findings[0].line, line);
  EXPECT_NE(findings[0].message.find(part), std::string::npos) << findings[0].message;
}

void expect_clean(Check check, const Files& files) {
  for (const auto& finding : run(check, files))
    ADD_FAILURE() << finding.path << ": " << finding.message;
}

std::string repeat(std::string_view line, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += line;
  return text;
}

Files with_layers(const std::string& path, const std::string& text) {
  return {{"CMakeLists.txt", kCMake}, {path, text}};
}

TEST(Layers, OnlyWhatIsListedBelow) {
  expect_clean(check_layers,
               with_layers("src/sio/a.cpp", "#include \"http/url.hpp\"\n#include <string>\n"));
  expect_finding(check_layers, with_layers("src/http/a.cpp", "\n#include \"sio/core.hpp\"\n"), 2,
                 "may not include");
  expect_finding(check_layers, with_layers("src/sio/a.cpp", "#include \"net/loop.hpp\"\n"), 1,
                 "may not include");
  expect_finding(check_layers, with_layers("src/sio/a.cpp", "#include \"a.hpp\"\n"), 1,
                 "by its layer");
  expect_finding(check_layers, with_layers("src/other/a.cpp", "\n"), 0, "no layer");
}

TEST(Layers, ArrowsPointDown) {
  expect_finding(check_layers,
                 {{"CMakeLists.txt", "socketio_layer(a DEPS b)\nsocketio_layer(b)\n"}}, 1,
                 "point down");
}

TEST(Layers, LibrariesAreListed) {
  expect_clean(check_layers, with_layers("src/http/a.cpp", "#include <llhttp.h>\n"));
  expect_finding(check_layers, with_layers("src/sio/a.cpp", "#include <llhttp.h>\n"), 1,
                 "does not list");
  expect_finding(check_layers, with_layers("src/base/a.cpp", "#include <openssl/evp.h>\n"), 1,
                 "does not list");
}

TEST(Layers, SystemHeadersOnlyInNetAndServer) {
  expect_clean(check_layers, with_layers("src/net/a.cpp", "#include <sys/epoll.h>\n"));
  expect_finding(check_layers, with_layers("src/http/a.cpp", "#include <sys/stat.h>\n"), 1,
                 "operating system");
  expect_finding(check_layers, with_layers("src/base/a.cpp", "#include <unistd.h>\n"), 1,
                 "operating system");
}

TEST(Layers, PublicApiOnlyWhereItIsKnown) {
  expect_clean(check_layers, with_layers("src/sio/a.cpp", "#include <socketio/value.hpp>\n"));
  expect_finding(check_layers, with_layers("src/http/a.cpp", "#include <socketio/value.hpp>\n"), 1,
                 "public API");
  expect_finding(check_layers, with_layers("examples/a.cpp", "#include \"net/loop.hpp\"\n"), 1,
                 "only <socketio/");
}

TEST(Layers, TestsMayUseTheirTools) {
  const std::string text = "#include <gtest/gtest.h>\n#include \"support/pipe.hpp\"\n";
  expect_clean(check_layers, with_layers("src/http/a_test.cpp", text));
  EXPECT_EQ(run(check_layers, with_layers("src/http/a.cpp", text)).size(), 2u);
}

TEST(PublicHeaders, StandAlone) {
  const auto check = check_public_headers;
  expect_clean(check,
               {{"include/socketio/a.hpp", "#include <string>\n#include <socketio/b.hpp>\n"}});
  expect_clean(check, {{"include/socketio/nlohmann.hpp", "#include <nlohmann/json.hpp>\n"}});
  expect_finding(check, {{"include/socketio/a.hpp", "#include <nlohmann/json.hpp>\n"}}, 1,
                 "standard library");
  expect_finding(check, {{"include/socketio/a.hpp", "#include <fmt/format.h>\n"}}, 1,
                 "standard library");
  expect_finding(check, {{"include/socketio/a.hpp", "#include \"base/bytes.hpp\"\n"}}, 1,
                 "with <>");
  expect_finding(check, {{"include/socketio/a.hpp", "#include <socketio/nlohmann.hpp>\n"}}, 1,
                 "opt-in");
}

TEST(PureLayers, NoClockEntropyPrintingThreads) {
  for (const char* line :
       {"auto t = std::chrono::steady_clock::now();", "auto t = std::chrono::system_clock::now();",
        "int r = rand();", "std::random_device d;", "std::mt19937 g;", "printf(\"x\");",
        "std::cout << 1;", "std::cerr << 1;", "std::thread t;", "std::this_thread::sleep_for(1s);",
        "auto t = time(nullptr);", "std::mutex m;", "RAND_bytes(p, 1);",
        "const char* e = std::getenv(\"X\");"}) {
    EXPECT_EQ(run(check_pure_layers, {{"src/ws/a.cpp", line}}).size(), 1u) << line;
    expect_clean(check_pure_layers, {{"src/net/a.cpp", line}});
  }
  for (const char* line :
       {"// printf(1)", "const char* s = \"rand()\";", "Time time() const;", "machine.time();",
        "int operand(int x);", "snprintf(a, 1);", "writer.printf(1);"}) {
    expect_clean(check_pure_layers, {{"src/ws/a.cpp", line}});
  }
  expect_clean(check_pure_layers, {{"src/base/check.cpp", "std::fprintf(stderr, s);"}});
  expect_clean(check_pure_layers, {{"src/ws/a_test.cpp", "std::thread t;"}});
  expect_finding(check_pure_layers, {{"src/ws/a_test.cpp", "std::this_thread::sleep_for(1s);"}}, 1,
                 "deadline");
}

TEST(Banned, NamesTheReplacement) {
  expect_finding(check_banned, {{"examples/a.cpp", "int x = atoi(s);"}}, 1, "std::from_chars");
  expect_finding(check_banned, {{"src/ws/a.cpp", "\nassert(x);"}}, 2, "SIO_CHECK");
  for (const char* line :
       {"strcpy(a, b);", "std::sprintf(a, b);", "std::strtok(a, b);", "std::regex r;",
        "volatile int x;", "out << std::endl;", "class A : std::enable_shared_from_this<A> {};",
        "using namespace std;", "auto* x = new Foo(1);", "delete x;", "delete[] x;",
        "p = new (std::nothrow) Foo;", "malloc(1);", "#ifdef X", "#if defined(X)",
        "std::unordered_map<int, int> m;", "int* p = NULL;"}) {
    EXPECT_EQ(run(check_banned, {{"src/ws/a.cpp", line}}).size(), 1u) << line;
  }
  for (const char* line :
       {"static_assert(x);", "A(const A&) = delete;", "#include <new>", "x.volatile_();",
        "::operator delete(block);", "int renew = 1;", "auto s = R\"(new Foo)\";",
        "snprintf(a, 1);", "using namespace std::literals;"}) {
    expect_clean(check_banned, {{"src/ws/a.cpp", line}});
  }
  expect_clean(check_banned, {{"src/base/slab.hpp", "object = new (memory) T;"}});
}

TEST(Marks, NeedAReason) {
  const std::string mark =
      "TO"
      "DO";
  expect_finding(check_marks, {{"src/ws/a.cpp", "// " + mark + ": later"}}, 1, "reason");
  expect_finding(check_marks,
                 {{"dev",
                   "# FIX"
                   "ME\n"}},
                 1, "reason");
  expect_clean(
      check_marks,
      {{"src/ws/a.cpp", "// " + mark + "(kernel 6.7 has it in the ring): take it from there"}});
  expect_clean(check_marks, {{"src/ws/a.cpp", "int " + mark + "S;"}});
}

TEST(MachineTraces, PathsAndHosts) {
  const std::string slash = "/";
  expect_finding(check_machine_traces, {{"README.md", "see " + slash + "work/main"}}, 1,
                 "one machine");
  expect_finding(check_machine_traces, {{"dev", "cd " + slash + "root/x\n"}}, 1, "one machine");
  expect_finding(check_machine_traces, {{"src/a/b.cpp", "\"" + slash + "tmp/x\""}}, 1,
                 "one machine");
  expect_finding(check_machine_traces, {{"a.json", "https:/" + slash + "registry" + ".npmjs.org"}},
                 1, "registry host");
  expect_clean(check_machine_traces, {{"tests/e2e/a.js", "\"" + slash + "tmp/x\""}});
  expect_clean(check_machine_traces,
               {{"README.md", "https://example.org/home/x, net/work, /worker, /template"}});
}

TEST(FileSizes, AtMost500Lines) {
  expect_clean(check_file_sizes, {{"src/a/a.cpp", repeat("x\n", 500)}});
  expect_finding(check_file_sizes, {{"src/a/a.cpp", repeat("x\n", 501)}}, 0, "501 lines");
  expect_clean(check_file_sizes, {{"docs/a.md", repeat("x\n", 900)}});
}

TEST(FunctionSizes, AtMost70Lines) {
  const auto function = [](const std::string& head, std::size_t lines) {
    return "namespace a {\n" + head + " {\n" + repeat("  if (x) { y(); }\n", lines - 2) + "}\n}\n";
  };
  for (const char* head : {"int f(int x)", "void A::f() const noexcept", "auto f() -> int",
                           "A::A(int x) : a_{x}, b_(x)", "TEST(A, B)", "A::A(int x) : a_(x), b_{x}",
                           "template <class T>\nrequires C<T>\nvoid f(T t)", "struct A f()",
                           "bool operator==(const A& a, const A& b)", "void f(A a = {})"}) {
    expect_clean(check_function_sizes, {{"src/a/a.cpp", function(head, 70)}});
    const auto findings = run(check_function_sizes, {{"src/a/a.cpp", function(head, 71)}});
    ASSERT_EQ(findings.size(), 1u) << head;
    EXPECT_NE(findings[0].message.find("has 71 lines"), std::string::npos) << findings[0].message;
  }
  for (const char* head : {"class A", "struct A : B", "enum class E", "constexpr int kTable[] =",
                           "extern \"C\"", "constexpr std::array kTable = std::to_array<int>("}) {
    expect_clean(check_function_sizes, {{"src/a/a.cpp", function(head, 200)}});
  }
}

TEST(FunctionSizes, RowsOfATableAreData) {
  const auto table = "void f() {\n  const Row rows[] = {\n" + repeat("      {1, \"a\"},\n", 100) +
                     "  };\n" + repeat("  x();\n", 60) + "}\n";
  expect_clean(check_function_sizes, {{"src/a/a.cpp", table}});
}

TEST(FunctionSizes, MethodsAreMeasuredOneByOne) {
  const auto method = "  void f() {\n" + repeat("    x();\n", 50) + "  }\n";
  expect_clean(check_function_sizes, {{"src/a/a.cpp", "class A {\n" + method + method + "};\n"}});
  const auto big = "  void g() {\n" + repeat("    call([] { x(); });\n", 80) + "  }\n";
  expect_finding(check_function_sizes, {{"src/a/a.cpp", "class A {\n" + method + big + "};\n"}}, 54,
                 "g has 82 lines");
}

TEST(Heads, SayWhatTheFileIs) {
  expect_clean(check_heads, {{"src/a/a.hpp", "// Why.\n#pragma once\n"}});
  expect_finding(check_heads, {{"src/a/a.hpp", "#include <x>\n#pragma once\n"}}, 1,
                 "begin with a comment");
  expect_finding(check_heads, {{"src/a/a.hpp", "// Why.\n"}}, 1, "#pragma once");
  expect_finding(check_heads, {{"src/a/a.cpp", "#include <x>\n"}}, 1, "begin with a comment");
  expect_clean(check_heads, {{"src/a/a.hpp", "// Why.\n#pragma once\n"},
                             {"src/a/a.cpp", "#include \"a/a.hpp\"\n"}});
  expect_finding(check_heads, {{"src/a/a_fuzz.cpp", "#include <x>\n"}}, 1, "property");
}

TEST(Whitespace, NoneAtTheEnd) {
  expect_finding(check_whitespace, {{"a.md", "x \n"}}, 1, "white space");
  expect_finding(check_whitespace, {{"a.md", "x\ny"}}, 2, "no newline");
  expect_finding(check_whitespace, {{"a.md", "x\r\n"}}, 1, "carriage return");
  expect_clean(check_whitespace, {{"tests/corpus/http/a", "GET / HTTP/1.1\r\n"}});
}

TEST(Links, LeadSomewhere) {
  expect_clean(check_links,
               {{"docs/b.md", "x\n"},
                {"docs/a.md", "[b](b.md#part) [c](../docs) [d](https://x.org) [e](#e)\n"}});
  expect_finding(check_links, {{"docs/a.md", "\nsee [b](b.md)\n"}}, 2, "leads nowhere");
  expect_clean(check_links, {{"docs/a.md", "```\nsee [b](b.md)\n```\n"}});
  expect_clean(check_links, {{"docs/a.md", "`f([](int b) {})`\n"}});
  expect_finding(check_links, {{"docs/a.md", "`code` [b](b.md) `code`\n"}}, 1, "leads nowhere");
}

TEST(Mentions, FilesAndFunctionsExist) {
  const auto with = [](const std::string& doc) {
    return Files{{"src/ws/machine.cpp", "Event Machine::next() {}\n// gone()\n"}, {"ZZ.md", doc}};
  };
  expect_clean(
      check_mentions,
      with("`src/ws/machine.cpp:next` `ws/machine:Machine::next()` `ws::Machine` `a:b`\n"));
  expect_clean(check_mentions, with("`src/<layer>/x.cpp` `src/ws/` `http://a.b/c:d`\n"));
  expect_finding(check_mentions, with("\n`ws/machine.cpp:feed`\n"), 2, "has no feed");
  expect_finding(check_mentions, with("`ws/machine.cpp:gone`\n"), 1, "has no gone");
  expect_finding(check_mentions, with("`ws/frame.cpp:parse`\n"), 1, "no file");
  expect_finding(check_mentions, with("`src/ws/frame.cpp`\n"), 1, "there is no src/ws/frame.cpp");
}

TEST(Options, AreDocumented) {
  const std::string header =
      "struct PollingOptions;\n"
      "struct ServerOptions {\n"
      "  Duration ping_interval = 25s;  // not: comment_word = 1\n"
      "  std::vector<std::string> origins{};\n"
      "  int threads;\n"
      "  bool valid() const { return true; }\n"
      "};\n"
      "int not_an_option = 1;\n";
  const auto with = [&](const std::string& doc) {
    return Files{{"docs/reference/options.md", doc}, {"include/socketio/server.hpp", header}};
  };
  expect_clean(check_options, with("`ping_interval` `origins` `threads`\n"));
  expect_finding(check_options, with("`ping_interval` `origins`\n"), 5, "threads is missing");
  expect_finding(check_options, with("`ping_intervals` `origins` `threads`\n"), 3,
                 "ping_interval is missing");
  expect_clean(check_options, {{"include/socketio/server.hpp", header}});
}

TEST(Options, HaveTheDefaultsThatAreDocumented) {
  const auto with = [](const std::string& declaration, const std::string& cell) {
    return Files{
        {"docs/reference/options.md",
         "| Option | Default |\n|---|---|\n| `limit` | " + cell + " | x |\n"},
        {"include/socketio/server.hpp", "struct ServerOptions {\n  " + declaration + "\n};\n"}};
  };
  const auto agree = [&](const std::string& declaration, const std::string& cell) {
    expect_clean(check_options, with(declaration, cell));
  };
  const auto differ = [&](const std::string& declaration, const std::string& cell) {
    expect_finding(check_options, with(declaration, cell), 2, "another default");
  };
  agree("std::chrono::milliseconds limit{25'000};", "25 s");
  differ("std::chrono::milliseconds limit{25'000};", "25 ms");
  differ("std::chrono::milliseconds limit{25'000};", "20 s");
  agree("std::size_t limit =\n      16 * 1024;", "16 KiB");
  differ("std::size_t limit = 16 * 1024;", "16 KiB, or 3");
  differ("int limit = 10;", "none");
  agree("bool limit = true;", "`true`");
  differ("bool limit = true;", "`false`");
  agree("Backend limit = Backend::automatic;", "`Backend::automatic`");
  differ("Backend limit = Backend::automatic;", "`Backend::epoll`");
  agree("std::function<void()> limit{};", "none");
}

TEST(Catalogue, EveryIdIsNamedOrExcused) {
  const auto with = [](const std::string& list) {
    return Files{{"src/ws/frame_test.cpp", "// T01, xT02, T021\n"},
                 {"tests/hostile/http.mjs", "[\"T03b\", 1]\n"},
                 {"src/ws/frame.cpp", "// T02\n"},
                 {"tests/hostile/ids.txt", list}};
  };
  expect_clean(check_catalogue, with("# T 9\nT 3 connections\nT02 none no such thing\n"));
  expect_finding(check_catalogue, with("\nT 3 connections\n"), 2, "no test names T02");
  expect_finding(check_catalogue, with("T 3\nT02 none\n"), 2, "why");
  expect_finding(check_catalogue, with("T 3\nT02 none x\nT03 none x\n"), 3, "has a test");
  expect_finding(check_catalogue, with("T three\n"), 1, "how many");
}

TEST(Limits, EachHasItsValueAndItsTest) {
  const auto with = [](const std::string& list) {
    return Files{{"docs/reference/limits.md", "| Limit | Value |\n|---|---|\n| size (`s`) | 5 |\n"},
                 {"src/a.hpp", "int kSize =\n    5;\n"},
                 {"src/a_test.cpp", "TEST(A, Size) {}\n"},
                 {"tests/limits.txt", list}};
  };
  expect_clean(check_limits,
               with("# a\nsize (`s`) | src/a.hpp: kSize = 5; | src/a_test.cpp: Size\n"));
  expect_clean(check_limits, with("size (`s`) | - none | -\n"));
  expect_finding(check_limits, with("size (`s`) | src/a.hpp: kSize = 6; | -\n"), 1, "code");
  expect_finding(check_limits, with("size (`s`) | - none | src/a_test.cpp: Length\n"), 1,
                 "no such test");
  expect_finding(check_limits, with("size (`s`) | - none | -\nsize (`s`) | - none | -\n"), 2,
                 "twice");
  expect_finding(check_limits, with("size (`s`) | - none | -\nlength | - | -\n"), 0, "no limit");
  const auto findings = run(check_limits, with("# nothing\n"));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].message.find("missing"), std::string::npos);
}

TEST(Limits, SayWhatTheCodeSays) {
  const auto with = [](const std::string& cell, const std::string& code) {
    return Files{
        {"src/a.hpp",
         "int size = 16 * 1024;\nstd::chrono::milliseconds limit{10'000};\nint kMany{7};\n"
         "int k = std::chrono::microseconds(250);\nlong big = (std::uint64_t{1} << 53) - 1;\n"
         "int off = 0;\nint sum = o.one * o.two;\n"},
        {"tests/limits.txt", "size | " + code + " | -\n"},
        {"docs/reference/limits.md", "| Limit | Value |\n|---|---|\n| size | " + cell + " |\n"}};
  };
  const auto agree = [&](const std::string& cell, const std::string& code) {
    expect_clean(check_limits, with(cell, code));
  };
  const auto differ = [&](const std::string& cell, const std::string& code) {
    expect_finding(check_limits, with(cell, code), 3, "its value is");
  };
  agree("16 KiB", "src/a.hpp: size = 16 * 1024;");
  agree("16,384, an option", "src/a.hpp: size = 16 * 1024;");
  agree("an option, `size`", "src/a.hpp: size = 16 * 1024;");
  differ("99 KiB", "src/a.hpp: size = 16 * 1024;");
  differ("16", "src/a.hpp: size = 16 * 1024;");
  differ("`sizes`", "src/a.hpp: size = 16 * 1024;");
  differ("an option", "src/a.hpp: size = 16 * 1024;");
  differ("16 KiB and 7 lines", "src/a.hpp: size = 16 * 1024;");
  agree("16 KiB and 7 lines", "src/a.hpp: size = 16 * 1024; && src/a.hpp: kMany{7};");
  differ("16 KiB", "src/a.hpp: size = 16 * 1024; && src/a.hpp: kMany{7};");
  agree("10 s", "src/a.hpp: limit{10'000};");
  agree("10,000 ms", "src/a.hpp: limit{10'000};");
  differ("10,000", "src/a.hpp: limit{10'000};");
  differ("1 s", "src/a.hpp: limit{10'000};");
  agree("0.25 ms", "src/a.hpp: std::chrono::microseconds(250);");
  differ("1 ms", "src/a.hpp: k = std::chrono::microseconds(250);");
  agree("9,007,199,254,740,991", "src/a.hpp: big = (std::uint64_t{1} << 53) - 1;");
  differ("9,007,199,254,740,992", "src/a.hpp: big = (std::uint64_t{1} << 53) - 1;");
  agree("none", "src/a.hpp: off = 0;");
  differ("none", "src/a.hpp: kMany{7};");
  agree("`one` × `two`", "src/a.hpp: o.one * o.two;");
  differ("`one`", "src/a.hpp: o.one * o.two;");
  agree("of the system", "-");
  differ("5", "-");
  agree("5", "- OpenSSL's");
}

TEST(Options, HaveTests) {
  const std::pair<std::string, std::string> header = {
      "include/socketio/server.hpp",
      "struct ServerOptions {\n  int port = 0;\n  int host = 0;\n};\n"};
  const Files others = {{"docs/reference/options.md", "`port` `host`\n"},
                        {"src/server/port_test.cpp", "TEST(Port, Free) {}\n"},
                        {"tests/e2e/host.test.mjs", "test(\"the host: any\", f);\n"}};
  const auto rows = [](const std::string& text) {
    return std::pair<std::string, std::string>("docs/reference/option-tests.md", text);
  };
  const auto with = [&](const auto& first, const auto& last) {
    Files files = others;
    files.push_back(first);
    files.push_back(last);
    return files;
  };
  const std::string port = "| `ServerOptions::port` | `src/server/port_test.cpp:Free` |\n";
  const std::string host = "| `ServerOptions::host` | `tests/e2e/host.test.mjs`: the host: any |\n";
  const std::string gone = "| `ServerOptions::port` | `src/server/gone_test.cpp:Free` |\n";
  const std::string other = "| `ServerOptions::host` | `tests/e2e/host.test.mjs`: another |\n";
  expect_clean(check_options, with(rows(port + host), header));
  expect_finding(check_options, with(rows(port), header), 3, "ServerOptions::host is missing");
  expect_finding(check_options, with(header, rows(gone + host)), 1,
                 "the test of ServerOptions::port is not there");
  expect_finding(check_options, with(header, rows(port + other)), 2,
                 "the test of ServerOptions::host is not there");
}

TEST(LoadTree, LeavesOutWhatGitIgnores) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(::testing::TempDir()) / "tidy_load_tree";
  fs::remove_all(root);
  const auto write = [&](const std::string& path, const std::string& text = "text\n") {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  };
  write(".gitignore", "# comment\n\n/made-*/\nnamed\nfolder/\n*.json\n!kept.json\ndocs/*.log\r\n");
  const std::vector<std::string> kept = {"src/made-x/a", "src/unnamed",    "src/folder",
                                         "a/kept.json",  "src/docs/a.log", "docs/b/a.log",
                                         "# comment"};
  for (const auto& path : kept) write(path);
  for (const auto* path : {"made-x/a", "named", "src/named/a", "src/deep/folder/a", "a/b.json",
                           "docs/a.log", "node_modules/a", "src/build/a", ".hidden/a"})
    write(path);

  const Tree tree = load_tree(root.string());
  std::set<std::string> found;
  for (const auto& [path, file] : tree.files) found.insert(path);
  std::set<std::string> expected(kept.begin(), kept.end());
  expected.insert(".gitignore");
  EXPECT_EQ(found, expected);
  fs::remove_all(root);
}

TEST(Bindings, AreCapturedByInitialisationOnly) {
  const auto sample = [](const std::string& body) {
    return Files{{"src/net/a.cpp", "void f() {\n  auto& [a, b] = pair;\n" + body + "}\n"}};
  };
  const auto broken = [&](const std::string& body) {
    expect_finding(check_bindings, sample(body), 3, "captures no structured binding");
  };
  broken("  run([&] { use(a); });\n");
  broken("  run([=](int c) { use(b, c); });\n");
  broken("  run([this, &a] { use(); });\n");
  broken("  run([&] { run([&, d = b] {}); });\n");
  expect_clean(check_bindings, sample("  run([&, &one = a, b = b] { use(one, b); });\n"));
  expect_clean(check_bindings, sample("  run([&](int a) { use(a, x.b, y->a); });\n"));
  expect_clean(check_bindings, sample("  list[a] = b;\n  return run(list[b], [&] { use(c); });\n"));
  expect_clean(check_bindings,
               {{"src/net/a.cpp",
                 "void f() {\n  for (auto [a, b] : c) use(a);\n  run([&] { use(a); });\n}\n"}});
}

}  // namespace
}  // namespace tidy
