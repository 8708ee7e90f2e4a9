// Instructions per event of bench-server in user space. Time on a shared machine varies by tenths; the instructions of
// the same build for the same work do not. Each mode is run twice under callgrind, with N and with 2N messages: the
// difference is what N messages cost, without starting, connecting and stopping. 4,000 instructions are about 1 µs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { countCalls, formatBaseline, growth, parseBaseline, parseProfile, perEvent, platform } from "./callgrind.mjs";
import { here, launch, quoted, requirePrograms, startServer, stop } from "./servers.mjs";

const usage = `bench/instructions [MODE...] [options]
  MODE          echo, ack, broadcast, rooms, poll, connect (all)
  --check       compare with bench/instructions.baseline; fails when a mode costs more than 3 % more
  --update      write bench/instructions.baseline (of the modes named, the others stay)
  --functions N also print the N dearest functions (20 when one mode is named)
  --messages N  fewer or more than the mode's own number
  --clients N   instead of the mode's own number
  --backend B   of the server: epoll (what the baseline is of) or io_uring
  --threads N   of the server; above 1 the jobs sent from thread to thread per event are printed as well
  --bin DIR     where bench-server and sio are (build/bench/bin)
The baseline holds for one compiler and one kind of CPU; with another one --check ends with status 77 and says so.`;

const kBaseline = join(here, "instructions.baseline");
const kTolerance = 0.03;
const kTop = 40;
const kSkipped = 77;
const kHop = /\bHub::put\([^{]*$/;  // how a thread gives another one something to do; not the lambdas in it
const kClients = 100;
const kHead = [
  "Instructions per event in user space, by bench/instructions --update, with --backend epoll: the whole event, then the",
  "dearest functions without what they call. Holds for this compiler and this kind of CPU (simdjson chooses by it).",
];

const modes = {
  echo: { server: "echo", args: ["--scenario", "echo"], messages: 4000 },
  ack: { server: "echo", args: ["--scenario", "echo", "--ack"], messages: 4000 },
  broadcast: { server: "broadcast", args: ["--scenario", "broadcast"], messages: 200 },
  // Ids are random, so what a look-up costs is luck where a table of them is nearly full, as with 100 clients here and below.
  rooms: { server: "rooms:10", args: ["--scenario", "rooms:10"], messages: 1000, clients: 120 },
  poll: { server: "echo", args: ["--scenario", "echo", "--transport", "polling"], messages: 2000, clients: 60 },
  connect: { server: "echo", args: ["--scenario", "connect"], messages: 1000 },
};

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      check: { type: "boolean", default: false }, update: { type: "boolean", default: false },
      functions: { type: "string" }, messages: { type: "string" }, clients: { type: "string" },
      backend: { type: "string", default: "epoll" }, threads: { type: "string", default: "1" },
      bin: { type: "string", default: join(here, "../build/bench/bin") }, help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  for (const name of positionals) if (!modes[name]) throw new Error(`no mode ${name}\n${usage}`);
  const asBaseline = values.backend === "epoll" && values.threads === "1";
  if (!asBaseline && (values.check || values.update)) throw new Error("the baseline is of epoll and one thread");
  const chosen = positionals.length > 0 ? positionals : Object.keys(modes);
  const functions = Number(values.functions ?? (positionals.length === 1 && !values.check ? 20 : 0));
  return { ...values, bin: resolve(values.bin), chosen, functions };
}

function cpuinfo() {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
const thisPlatform = () => platform(execFileSync("c++", ["--version"], { encoding: "utf8" }), process.arch, cpuinfo());

/** One run: what the functions of the server cost, and how many events it served. */
async function profile(name, messages, options, folder) {
  const mode = modes[name];
  const file = join(folder, `${name}.${messages}`);
  const server = {
    name: "bench-server", folder: here,
    command: `valgrind --fair-sched=yes --tool=callgrind --callgrind-out-file=${quoted(file)} ${quoted(`${options.bin}/bench-server`)} --port {port} --mode {mode} --backend ${options.backend}`,
    ours: true,
  };
  const child = await startServer(server, mode.server, { threads: Number(options.threads) });
  let operations = 0;
  try {
    const args = [...mode.args, "--port", child.port, "-c", options.clients ?? mode.clients ?? kClients, "--messages", messages, "--json", "--quiet"];
    const generator = launch(`${quoted(`${options.bin}/sio`)} bench ${args.join(" ")}`);
    if ((await generator.ended) !== 0) throw new Error(`${name}: ${generator.errors.trim()}`);
    operations = JSON.parse(generator.output).operations;
  } finally {
    await stop(child);
  }
  const text = readFileSync(file, "utf8");
  return { operations, costs: parseProfile(text), hops: countCalls(text, kHop) };
}

async function measure(name, options, folder) {
  const messages = Number(options.messages ?? modes[name].messages);
  const [fewer, more] = await Promise.all([messages, 2 * messages].map((n) => profile(name, n, options, folder)));
  const events = more.operations - fewer.operations;
  return { ...perEvent(fewer.costs, more.costs, events), hops: (more.hops - fewer.hops) / events };
}

function check(measured, baseline) {
  const found = thisPlatform();
  if (baseline.platform !== found) {
    console.log(`not compared: the baseline is of "${baseline.platform}", this is "${found}"`);
    process.exit(kSkipped);
  }
  const reasons = Object.entries(measured).map(([mode, now]) => growth(mode, now, baseline.modes[mode], kTolerance)).filter(Boolean);
  if (reasons.length === 0) return;
  console.error(`\nMore than ${kTolerance * 100} % above bench/instructions.baseline (bench/instructions --update, if that is meant):\n`);
  console.error(reasons.join("\n\n"));
  process.exit(1);
}

function update(measured) {
  const kept = {};
  try {
    const before = parseBaseline(readFileSync(kBaseline, "utf8"));
    for (const [mode, { total, functions }] of Object.entries(before.modes)) kept[mode] = { total, functions: [...functions] };
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  writeFileSync(kBaseline, formatBaseline(kHead, thisPlatform(), { ...kept, ...measured }, kTop));
}

async function main() {
  const options = readOptions();
  requirePrograms(options.bin);
  const baseline = options.check ? parseBaseline(readFileSync(kBaseline, "utf8")) : null;
  const folder = mkdtempSync(join(tmpdir(), "instructions-"));
  const measured = {};
  try {
    for (const name of options.chosen) {
      const result = (measured[name] = await measure(name, options, folder));
      const before = baseline?.modes[name]?.total;
      const change = before ? `  (${((result.total / before - 1) * 100).toFixed(2)} % against the baseline)` : "";
      const hops = Number(options.threads) > 1 ? `, ${result.hops.toFixed(4)} jobs to other threads` : "";
      console.log(`${name.padEnd(10)}${result.total.toFixed(1).padStart(10)} instructions per event${hops}${change}`);
      for (const [text, cost] of result.functions.slice(0, options.functions)) console.log(`${cost.toFixed(1).padStart(10)} ${text.slice(0, 160)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (options.update) update(measured);
  if (baseline) check(measured, baseline);
}

main().catch((error) => {
  console.error(`bench/instructions: ${error.message}`);
  process.exit(1);
});
