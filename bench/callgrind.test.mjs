// What bench/instructions makes of a profile and of its baseline.
import assert from "node:assert/strict";
import test from "node:test";
import { countCalls, formatBaseline, growth, parseBaseline, parseProfile, perEvent, platform } from "./callgrind.mjs";

const profile = (a, b) => `# callgrind format
version: 1
positions: line
events: Ir

fl=(1) main.cpp
fn=(1) main
1 10
cfn=(2) a(std::vector<int, std::allocator<int> > const&)
calls=3 20
2 ${a + b}
+1 5

fn=(2)
20 ${a - 1}
* 1
cfn=(3) b'2
calls=1 +4
-2 ${b}

fn=(3)
30 ${b}
totals: ${a + b + 15}
`;

test("a profile is cut into what each function costs by itself", () => {
  const costs = parseProfile(profile(100, 7));
  assert.deepEqual([...costs], [["main", 15], ["a(std::vector<int, std::allocator<int> > const&)", 100], ["b", 7]]);
});

test("calls are counted by name", () => {
  assert.equal(countCalls(profile(100, 7), /^a\(std::vector/), 3);
  assert.equal(countCalls(profile(100, 7), /^b/), 1);
  assert.equal(countCalls(profile(100, 7), /^vector/), 0);
});

test("the difference of two runs is what the events cost", () => {
  const { total, functions } = perEvent(parseProfile(profile(100, 7)), parseProfile(profile(300, 17)), 10);
  assert.equal(total, 21);
  assert.deepEqual(functions.map(([, cost]) => cost), [20, 1, 0]);
});

const measured = (a, b, c = 0) => ({ total: a + b + c, functions: [["a", a], ["b", b], ["c(int)  const", c]] });

test("a baseline survives being written and read", () => {
  const text = formatBaseline(["head"], "g++ 12", { echo: measured(90.04, 10, 5), ack: measured(1, 0.2) }, 2);
  const { platform: of, modes } = parseBaseline(text);
  assert.equal(of, "g++ 12");
  assert.equal(modes.echo.total, 105);
  assert.deepEqual([...modes.echo.functions], [["a", 90], ["b", 10]]);  // the two dearest
  assert.deepEqual([...modes.ack.functions], [["a", 1]]);  // and none below one instruction
});

test("a baseline is of one compiler and one kind of CPU", () => {
  const version = "g++ 12\nCopyright";
  assert.equal(platform(version, "x64", "processor\t: 0\nflags\t\t: fpu avx avx2 bmi\n"), "g++ 12, x64 with AVX2");
  assert.equal(platform(version, "x64", "flags\t\t: fpu avx\n"), "g++ 12, x64");
  assert.equal(platform(version, "arm64", "Features\t: fp asimd\n"), "g++ 12, arm64");
});

test("growth names the functions that grew, and is silent within the tolerance", () => {
  const { modes } = parseBaseline(formatBaseline([], "x", { echo: measured(900, 100) }, 5));
  assert.equal(growth("echo", measured(920, 109), modes.echo, 0.03), null);
  assert.equal(growth("echo", measured(500, 100), modes.echo, 0.03), null);
  const reason = growth("echo", measured(900, 110, 40), modes.echo, 0.03);
  assert.match(reason, /^echo: 1000\.0 -> 1050\.0 instructions per event \(\+5\.0 %\)/);
  assert.deepEqual(reason.split("\n").slice(1), ["  0.0 -> 40.0  c(int) const", "  100.0 -> 110.0  b"]);
  assert.match(growth("poll", measured(1, 1), undefined, 0.03), /not in the baseline/);
});
