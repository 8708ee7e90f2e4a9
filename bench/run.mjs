// Measures bench-server and its peers in interleaved rounds: every cell has a server started for it alone, pinned to
// core 0, and the load generator (`sio bench`) on core 1. Medians, with the spread beside them, go to bench/results.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, release, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cells } from "./cells.mjs";
import { markdown, median } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const usage = `bench/run [options]
  --rounds N          interleaved rounds (5)
  --cells P1,P6,...   only these (all)
  --quick             3 rounds of 2 s, without the cells of 10,000 connections
  --duration S        seconds measured (3);  --warm-up S (1)
  --peer FILE         another server: see peers/socket.io.peer; may be repeated
  --only a,b          only these servers (ours is "ours")
  --bin DIR           where bench-server and sio are (build/bench/bin)
  --backend NAME      handed to bench-server
  --nice N            priority of server and generator, where other work shares the machine
  --label NAME        kind of machine, for the name of the result (e.g. vm-2core)
  --out DIR           where results go (bench/results); "none" prints only`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" }, cells: { type: "string" }, quick: { type: "boolean" }, duration: { type: "string" },
    "warm-up": { type: "string", default: "1" }, peer: { type: "string", multiple: true, default: [] },
    only: { type: "string" }, bin: { type: "string", default: join(here, "../build/bench/bin") },
    backend: { type: "string" }, nice: { type: "string" }, label: { type: "string", default: `${cpus().length}core` },
    out: { type: "string", default: join(here, "results") }, help: { type: "boolean" },
  },
});
if (options.help) {
  console.log(usage);
  process.exit(0);
}
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const duration = options.duration ?? (options.quick ? "2" : "3");
const bin = resolve(options.bin);

function readPeer(file) {
  const peer = { folder: dirname(resolve(file)) };
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const match = /^(\w+)=(.*)$/.exec(line);
    if (match) peer[match[1]] = match[2];
  }
  return peer;
}

function servers() {
  const backend = options.backend ? ` --backend ${options.backend}` : "";
  const found = [
    { name: "ours", kind: "socketio", folder: here, command: `${bin}/bench-server --port {port} --mode {mode}${backend}` },
  ];
  for (const file of readdirSync(join(here, "peers")).filter((name) => name.endsWith(".peer")).sort())
    found.push(readPeer(join(here, "peers", file)));
  for (const file of options.peer) found.push(readPeer(file));
  const only = options.only?.split(",");
  return only ? found.filter((server) => only.includes(server.name)) : found;
}

// Below the ports the kernel gives to clients, of which the generator takes thousands.
async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const probe = createServer();
    const free = await new Promise((done) => {
      probe.once("error", () => done(false));
      probe.listen(port, "127.0.0.1", () => done(true));
    });
    await new Promise((done) => probe.close(done));
    if (free) return port;
  }
}

// Starts on one core; resolves when it prints what `ready` looks for.
function start(command, core, folder, ready) {
  const nice = options.nice ? `nice -n ${options.nice} ` : "";
  const child = spawn("bash", ["-c", `ulimit -n 20000; exec taskset -c ${core} ${nice}${command}`], {
    cwd: folder, stdio: ["ignore", "pipe", "pipe"],
  });
  child.output = "";
  child.errors = "";
  child.ended = new Promise((done) => child.on("close", done));
  child.stderr.on("data", (text) => (child.errors += text));
  const began = new Promise((done, fail) => {
    child.stdout.on("data", (text) => {
      child.output += text;
      if (ready && child.output.includes(ready)) done(child);
    });
    child.on("close", () => (ready ? fail(new Error(`${command}: ${child.errors}`)) : done(child)));
  });
  return began;
}

async function measure(cell, server, rate) {
  const port = await freePort();
  const command = server.command.replaceAll("{port}", port).replaceAll("{mode}", cell.mode);
  const child = await start(command, 0, server.folder, "listening");
  const args = [...cell.args, "--port", port, "--pid", child.pid, "--json", "--duration", duration,
    "--warm-up", options["warm-up"]];
  if (server.kind === "raw") args.push("--raw");
  if (rate) args.push("--rate", rate.toFixed(2));
  const generator = await start(`${bin}/sio bench ${args.join(" ")}`, 1, here, null);
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
  await child.ended;
  clearTimeout(hard);
  if (generator.exitCode !== 0) throw new Error(`${cell.id} ${server.name}: ${generator.errors}`);
  return { cell: cell.id, server: server.name, rate, ...JSON.parse(generator.output) };
}

function command(program, ...args) {
  try {
    return execFileSync(program, args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

function machine() {
  const lock = JSON.parse(readFileSync(join(here, "peers/package-lock.json"), "utf8")).packages;
  const version = (name) => lock[`node_modules/${name}`].version;
  return {
    cpu: cpus()[0].model, cores: cpus().length, memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${release().split("-")[0]}`, compiler: command("c++", "--version").split("\n")[0],
    node: process.version, "socket.io": version("socket.io"), ws: version("ws"),
    commit: command("git", "rev-parse", "--short", "HEAD"), backend: options.backend ?? "default",
  };
}

// A broadcast's rate is counted in messages, what was measured in deliveries.
function rateFor(cell, results) {
  const source = cells.find((other) => other.id === cell.of);
  const rates = servers().flatMap(({ name }) => {
    const found = results.filter((r) => r.cell === cell.of && r.server === name);
    return found.length > 0 ? [median(found.map((r) => r.per_second))] : [];
  });
  if (rates.length === 0) return 0;
  const best = cell.rateOf === "slowest" ? Math.min(...rates) : Math.max(...rates);
  const receivers = source.mode === "broadcast" ? Number(source.args[source.args.indexOf("-c") + 1]) : 1;
  return (best * cell.share) / receivers;
}

async function main() {
  for (const program of ["bench-server", "sio"]) {
    if (!existsSync(join(bin, program)))
      throw new Error(`no ${program}: cmake --preset bench && cmake --build build/bench --target sio bench-server`);
  }
  const wanted = options.cells?.split(",");
  const chosen = cells.filter((cell) => (wanted ? wanted.includes(cell.id) : !(options.quick && cell.slow)));
  const results = [];
  const failures = [];
  for (const part of [chosen.filter((cell) => !cell.of), chosen.filter((cell) => cell.of)]) {
    const rates = new Map(part.map((cell) => [cell, cell.of ? rateFor(cell, results) : undefined]));
    for (let round = 0; round < rounds; ++round) {
      for (const cell of part) {
        if (rates.get(cell) === 0) continue;
        for (const server of servers()) {
          if (cell.only && cell.only !== server.kind) continue;
          try {
            const result = { round, ...(await measure(cell, server, rates.get(cell))) };
            results.push(result);
            const value = cell.what ? `${result[cell.what]} ${cell.what}` : `${result.cpu_us.toFixed(2)} us`;
            console.log(`${round + 1}/${rounds} ${cell.id} ${server.name}: ${value}, ${result.per_second}/s`);
          } catch (error) {
            failures.push(String(error.message));
            console.error(error.message);
          }
        }
      }
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  const report = { date, machine: machine(), rounds, duration: Number(duration), failures, results };
  const text = markdown(report, chosen, servers().map((server) => server.name));
  console.log(`\n${text}`);
  if (options.out === "none") return;
  mkdirSync(options.out, { recursive: true });
  const name = join(options.out, `${date}-${options.label}`);
  writeFileSync(`${name}.md`, text);
  writeFileSync(`${name}.json`, `${JSON.stringify(report)}\n`);
}

await main();
