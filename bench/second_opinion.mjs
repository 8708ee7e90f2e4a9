// The same question asked with a load generator that is not ours: the official socket.io-client, in a process of its own on
// core 1, drives bench-server and the official server on core 0 at one fixed rate, and what the server's process spent is
// divided by the messages that arrived. Nothing of `sio bench` takes part. The client is slow, so the rates are low, where
// each message costs a server more than at saturation: only ratios compare with those of bench/run (its cells F1, F6, F12).
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "./report.mjs";
import { here, launch, quoted, requirePrograms, servers, startServer, stop } from "./servers.mjs";

const usage = `bench/second_opinion [options]
  --rounds N      interleaved rounds (5)
  --duration S    seconds measured (5)
  --quick         one round of 1 s
  --cells P1,...  P1 (echo, 100 clients), P6 (broadcast to 1,000), P12 (long-polling echo, 100 clients)
  --rate N        deliveries per second, instead of each cell's own
  --backends a,b  ours once per backend: epoll, io_uring
  --only a,b      only these servers ("ours" is ours on every backend)
  --bin DIR       where bench-server is (build/bench/bin)`;

// Deliveries per second, of which the client's core has about half to spare.
const scenarios = {
  P1: { mode: "echo", clients: 100, transport: "websocket", rate: 12000 },
  P6: { mode: "broadcast", clients: 1000, transport: "websocket", rate: 30000 },
  P12: { mode: "echo", clients: 100, transport: "polling", rate: 2000 },
};
const kWarmUpMs = 1000;
const kTickMs = 5;
const kAtOnce = 50;  // connections being made
const kPayload = "abcdefghijklmnopqrstuvwxyzabcdef";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Seconds of CPU that all threads of a process have had. */
function cpuSeconds(pid) {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return nanos / 1e9;
}

// --- The generator: this same file, started with --generate.

async function connect(url, { clients, transport }, onMessage) {
  const { io } = createRequire(join(here, "peers/"))("socket.io-client");
  const one = async () => {
    const socket = io(url, { transports: [transport], forceNew: true, reconnection: false, upgrade: false });
    await new Promise((done, fail) => socket.once("connect", done).once("connect_error", fail));
    socket.on("m", onMessage);
    socket.on("disconnect", (why) => { throw new Error(`a client was cut off: ${why}`); });
    return socket;
  };
  const sockets = [];
  while (sockets.length < clients) {
    const more = Math.min(kAtOnce, clients - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, one))));
  }
  return sockets;
}

async function generate(scenario, port, pid, seconds) {
  let received = 0;
  const sockets = await connect(`http://127.0.0.1:${port}`, scenario, () => ++received);
  const receivers = scenario.mode === "broadcast" ? scenario.clients : 1;
  const perMs = scenario.rate / receivers / 1000;
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) * perMs);
    for (; sent < due; ++sent) sockets[receivers > 1 ? 0 : sent % sockets.length].emit("m", kPayload);
  }, kTickMs);
  await sleep(kWarmUpMs);
  const before = { cpu: cpuSeconds(pid), own: process.cpuUsage(), received, at: performance.now() };
  await sleep(seconds * 1000);
  const own = process.cpuUsage(before.own);
  const elapsed = (performance.now() - before.at) / 1000;
  const deliveries = received - before.received;
  clearInterval(timer);
  const micros = (spent) => (spent * 1e6) / Math.max(deliveries, 1);
  console.log(JSON.stringify({
    deliveries, per_second: deliveries / elapsed, cpu_us: micros(cpuSeconds(pid) - before.cpu),
    own_cpu: (own.user + own.system) / 1e6 / elapsed,
  }));
  process.exit(0);
}

// --- The runner.

async function measure(name, scenario, server, seconds) {
  const child = await startServer(server, scenario.mode, { cores: 0 });
  try {
    const told = JSON.stringify({ scenario, port: child.port, pid: child.pid, seconds });
    const generator = launch(`node ${quoted(fileURLToPath(import.meta.url))} --generate '${told}'`, { cores: 1 });
    if ((await generator.ended) !== 0) throw new Error(`${name} ${server.name}: ${generator.errors.trim()}`);
    return { cell: name, server: server.name, ...JSON.parse(generator.output) };
  } finally {
    await stop(child);
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" }, duration: { type: "string" }, quick: { type: "boolean", default: false }, cells: { type: "string" },
      rate: { type: "string" }, backends: { type: "string" }, only: { type: "string" },
      bin: { type: "string", default: join(here, "../build/bench/bin") }, generate: { type: "string" }, help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const cells = values.cells?.split(",") ?? Object.keys(scenarios);
  for (const id of cells) if (!scenarios[id]) throw new Error(`no cell ${id}\n${usage}`);
  return {
    ...values, cells, bin: resolve(values.bin), rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    duration: Number(values.duration ?? (values.quick ? 1 : 5)), backends: values.backends?.split(",") ?? [],
    only: values.only?.split(",") ?? ["ours", "socket.io"],
  };
}

function table(results, cells, running) {
  const lines = ["| # | Server | deliveries/s | CPU µs each | client busy | against socket.io |", "| --- | --- | ---: | ---: | ---: | ---: |"];
  for (const cell of cells) {
    const of = (name, key) => median(results.filter((r) => r.cell === cell && r.server === name).map((r) => r[key]));
    for (const { name } of running.filter((one) => results.some((r) => r.cell === cell && r.server === one.name))) {
      const ratio = of(name, "cpu_us") / of("socket.io", "cpu_us");
      lines.push(`| ${cell} | ${name} | ${Math.round(of(name, "per_second"))} | ${of(name, "cpu_us").toFixed(2)} | ` +
        `${Math.round(of(name, "own_cpu") * 100)} % | ${Number.isFinite(ratio) ? ratio.toFixed(3) : "–"} |`);
    }
  }
  return lines.join("\n");
}

async function main() {
  const options = readOptions();
  if (options.generate) {
    const { scenario, port, pid, seconds } = JSON.parse(options.generate);
    return generate(scenario, port, pid, seconds);
  }
  requirePrograms(options.bin);
  const running = servers(options).filter((server) => !server.missing && server.kind === "socketio");
  const results = [];
  for (let round = 0; round < options.rounds; ++round) {
    for (const id of options.cells) {
      for (const server of running) {
        const scenario = { ...scenarios[id], ...(options.rate ? { rate: Number(options.rate) } : {}) };
        const result = await measure(id, scenario, server, options.duration);
        results.push(result);
        console.error(`${round + 1}/${options.rounds} ${id} ${server.name}: ${result.cpu_us.toFixed(2)} us, ${Math.round(result.per_second)}/s`);
      }
    }
  }
  console.log(table(results, options.cells, running));
}

main().catch((error) => {
  console.error(`bench/second_opinion: ${error.message}`);
  process.exit(1);
});
