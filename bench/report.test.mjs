// The tables and pictures of bench/run, from made-up numbers.
import assert from "node:assert/strict";
import test from "node:test";
import { cells, choose } from "./cells.mjs";
import { bars, lines, plots, ticks } from "./plots.mjs";
import { delivered, limitFor, markdown, median, mergeHistograms, quantile, summarize, verdicts } from "./report.mjs";
import { launch, parsePeer, quoted, servers, takesPart } from "./servers.mjs";

const cell = (id) => cells.find((one) => one.id === id);
const result = (id, server, cpu, more = {}) => ({
  round: 0, cell: id, server, cpu_us: cpu, per_second: 1000, own_cpu: 0.5, messages: 1000, seconds: 1,
  offered_per_second: 0, histogram: [[10, 98], [20, 2]], ...more,
});

function report(results, backends = ["io_uring"]) {
  return {
    date: "2000-01-01", machine: { cpu: "abacus" }, rounds: 1, duration: 1, warm_up: 0, failures: [],
    servers: [
      ...backends.map((backend) => ({ name: `ours-${backend}`, kind: "socketio", ours: true, backend })),
      { name: "socket.io", kind: "socketio", ours: false }, { name: "uws", kind: "raw", ours: false },
      { name: "bun", kind: "socketio", ours: false, missing: "no bun" },
    ],
    histograms: mergeHistograms(results), results,
  };
}

test("medians, spread and marks", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  const one = summarize(report([result("P1", "uws", 4), result("P1", "uws", 6), result("P1", "uws", 5)]), cell("P1"), "uws");
  assert.equal(one.value, 5);
  assert.equal(one.spread, 0.4);
  assert.equal(summarize(report([]), cell("P1"), "uws"), null);
  const marked = report([result("P1", "uws", 4, { bottleneck: true }), result("P3", "uws", 4, { offered_per_second: 1030 })]);
  assert.equal(summarize(marked, cell("P1"), "uws").bottleneck, true);
  assert.equal(summarize(marked, cell("P3"), "uws").bottleneck, false);
  assert.equal(summarize(marked, cell("P3"), "uws").behind, true);
  assert.match(markdown(marked, cells), /\| P1 \| echo 100×1 .*4\.00 †/);
  assert.match(markdown(marked, cells), /\| P3 \| echo 1,000×1 .*4\.00 ‡/);
});

test("limits: the table on io_uring, µWebSockets plus a tenth on epoll", () => {
  assert.equal(limitFor(cell("P6"), { backend: "io_uring" }, "uws"), 0.8);
  assert.equal(limitFor(cell("P6"), {}, "socket.io"), 0.36);
  assert.equal(limitFor(cell("P6"), { backend: "epoll" }, "uws"), 1.1);
  assert.equal(limitFor(cell("P2"), { backend: "epoll" }, "uws"), undefined);  // 1.08: nothing is asked of epoll
  assert.equal(limitFor(cell("P6"), { backend: "epoll" }, "socket.io"), undefined);
  assert.equal(limitFor(cell("P6"), { backend: "io_uring" }, "bun"), undefined);
});

test("requirements are judged: ratios, absolute values, growth", () => {
  const found = verdicts(report([
    result("P1", "ours-io_uring", 4), result("P1", "uws", 4), result("P1", "socket.io", 10),
    result("P9", "ours-io_uring", 0, { rss_per_client: 1001 }),
    result("P17.1", "ours-io_uring", 4), result("P17.2", "ours-io_uring", 5),
  ]), cells);
  const verdict = (text) => found.find((one) => one.text.includes(text));
  assert.equal(verdict("ours-io_uring/uws").passed, true);
  assert.equal(verdict("ours-io_uring/socket.io").passed, false);
  assert.equal(verdict("rss_per_client").passed, false);
  assert.equal(verdict("by threads").ratio, 1.25);
  assert.equal(found.length, 4);
});

test("who delivers nothing does not pass for being cheap", () => {
  assert.throws(() => delivered({ scenario: "echo", operations: 0 }), /nothing was delivered/);
  assert.equal(delivered({ scenario: "idle", operations: 0 }).operations, 0);
  assert.equal(delivered({ scenario: "echo", operations: 1 }).operations, 1);
  const made = report([
    result("P1", "ours-io_uring", 0), result("P1", "uws", 4), result("P9", "ours-io_uring", 0, { rss_per_client: 0 }),
  ]);
  assert.deepEqual(verdicts(made, cells).map(({ passed }) => passed), [false, false]);
  assert(markdown(made, cells).includes("**0.000 (≤ 1.00)**"));
});

test("the text has everything: machine, misses in bold, what is missing, failures", () => {
  const made = report([result("P1", "ours-epoll", 8), result("P1", "uws", 4)], ["epoll"]);
  made.failures.push("P2 uws: gone\nfor good");
  const text = markdown(made, cells, ["x.svg"]);
  for (const part of ["cpu: abacus", "**2.000 (≤ 1.10)**", "Not installed: bun (no bun).", "- P2 uws: gone for good", "![x.svg](x.svg)",
    "0 of 1 hold."]) assert(text.includes(part), part);
  assert(!/undefined|NaN|Infinity|null/.test(text), text);
});

test("histograms of several rounds add up", () => {
  const merged = mergeHistograms([result("P1", "uws", 1), result("P1", "uws", 1, { histogram: [[20, 50], [30, 50]] })]);
  assert.deepEqual(merged, { P1: { uws: [[10, 98], [20, 52], [30, 50]] } });
  assert.equal(quantile(merged.P1.uws, 0.5), 20);
  assert.equal(quantile(merged.P1.uws, 0.999), 30);
});

test("cells are chosen with those they take their rate from", () => {
  const ids = (wanted, quick) => choose(wanted, quick).map((one) => one.id);
  assert.deepEqual(ids(["P16"]), ["P1", "P6", "P16a", "P16b"]);
  assert.deepEqual(ids(["P9"]), ["P9"]);
  assert.deepEqual(ids(["P17"]), ["P17.1", "P17.2", "P17.4"]);
  assert(ids(undefined, true).includes("P12") && !ids(undefined, true).includes("P8"));
  assert.throws(() => choose(["P99"]), /no cell P99/);
  assert.equal(new Set(cells.map((one) => one.id)).size, cells.length);
});

test("a path is one word of a command, whatever it has in it", async () => {
  const odd = "it's a $HOME with \"blanks\"";
  const child = launch(`printf '%s|' ${quoted(odd)} x`);
  assert.equal(await child.ended, 0);
  assert.equal(child.output, `${odd}|x|`);
  assert.match(servers({ bin: "/a b" })[0].command, /^'\/a b\/bench-server' /);
});

test("a peer file says name, kind and command", () => {
  const peer = parsePeer("# comment\nname=x\nkind=raw\ncommand=./x --port {port} --a=b\n", "peers");
  assert.deepEqual(peer, { folder: "peers", name: "x", kind: "raw", command: "./x --port {port} --a=b" });
  assert.throws(() => parsePeer("name=x\nkind=raw", "/"), /command/);
  assert.throws(() => parsePeer("name=x\nkind=http\ncommand=x", "/"), /kind/);
});

test("pictures are well-formed and within their frame", () => {
  assert.deepEqual(ticks(0.9, 12), [1, 2, 5, 10]);
  assert.equal(bars("nothing", ["a"], [{ label: "x", values: [null] }]), null);
  assert.equal(lines("nothing", [{ name: "a", points: [[1, 0]] }]), null);
  const made = report([
    result("P1", "ours-io_uring", 4), result("P1", "uws", 400), result("P16a", "uws", 4, { p99_us: 20 }),
    result("P20.100", "uws", 3), result("P20.9000", "uws", 5),
  ]);
  const pictures = plots(made, cells);
  assert.deepEqual(Object.keys(pictures), ["cpu", "latency-P16a", "growth-P20a"]);
  for (const picture of [...Object.values(pictures), bars("<&>", ['"'], [{ label: "<", values: [1] }])]) {
    assert(!/NaN|undefined|Infinity/.test(picture), picture);
    assert.equal(picture.match(/<text/g).length, picture.match(/<\/text>/g).length);
    for (const [, y] of picture.matchAll(/ y="([-\d.]+)"/g)) assert(Number(y) >= 0 && Number(y) <= 360, y);
  }
  assert(bars("<&>", ["a"], [{ label: "x", values: [1] }]).includes("&lt;&amp;&gt;"));
});

test("who takes part in a cell", () => {
  const ours = { name: "ours", kind: "socketio", ours: true };
  const bare = { name: "bare", kind: "raw" };
  const able = { name: "able", kind: "raw", can: "tls deflate" };
  const taking = (id) => [ours, bare, able].filter((server) => takesPart(server, cell(id))).map(({ name }) => name);
  assert.deepEqual(taking("P1"), ["ours", "bare", "able"]);
  assert.deepEqual(taking("P4"), ["ours"]);
  assert.deepEqual(taking("P14a"), ["ours", "able"]);
  assert.deepEqual(taking("P15"), ["ours", "able"]);
});
