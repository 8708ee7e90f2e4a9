// Measures bench-server and its peers in interleaved rounds: every cell has a server started for it alone, pinned to
// core 0, and the load generator (`sio bench`) on core 1. Medians, with the spread beside them, go to bench/results.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cells, choose } from "./cells.mjs";
import { plots } from "./plots.mjs";
import { delivered, markdown, median, mergeHistograms } from "./report.mjs";
import { here, launch, machine, quoted, requirePrograms, servers, startServer, stop, takesPart } from "./servers.mjs";

const usage = `bench/run [options]
  --rounds N          interleaved rounds (5)
  --duration S        seconds measured (3);  --warm-up S (1)
  --quick             one round of 1 s without the slow cells: to see that it works, not to learn anything
  --cells P1,P6,...   only these; P16, P17 and P20 stand for all of theirs (all)
  --rate N            messages per second in the cells of a fixed rate, instead of what other cells reached
  --backends a,b      ours once per backend: epoll, io_uring (what the server takes by itself)
  --threads N         of ours, in all cells but P17
  --peer FILE         another server: see peers/socket.io.peer; may be repeated
  --only a,b          only these servers ("ours" is ours on every backend)
  --bin DIR           where bench-server and sio are (build/bench/bin)
  --nice N            priority of server and generator, where other work shares the machine
  --label NAME        kind of machine, for the name of the result (${cpus().length}core)
  --out DIR           where results go (bench/results); "none" prints only`;

const kPatienceMs = 900_000;  // more than 900 kB through each of 10,000 clients takes

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" }, duration: { type: "string" }, "warm-up": { type: "string" },
      quick: { type: "boolean", default: false }, cells: { type: "string" }, rate: { type: "string" },
      backends: { type: "string" }, backend: { type: "string" }, threads: { type: "string" },
      peer: { type: "string", multiple: true, default: [] }, only: { type: "string" },
      bin: { type: "string", default: join(here, "../build/bench/bin") }, nice: { type: "string" },
      label: { type: "string", default: `${cpus().length}core` }, out: { type: "string", default: join(here, "results") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const number = (name, otherwise, least) => {
    if (values[name] === undefined) return otherwise;
    const value = Number(values[name]);
    if (!(value >= least)) throw new Error(`--${name} is a number from ${least}, not "${values[name]}"`);
    return value;
  };
  return {
    ...values, bin: resolve(values.bin),
    rounds: Math.floor(number("rounds", values.quick ? 1 : 5, 1)), duration: number("duration", values.quick ? 1 : 3, 0.1),
    warmUp: number("warm-up", values.quick ? 0.5 : 1, 0), rate: number("rate", undefined, 0.01),
    threads: number("threads", undefined, 1), nice: number("nice", undefined, -20),
    cells: values.cells?.split(","), only: values.only?.split(","),
    backends: (values.backends ?? values.backend)?.split(",") ?? [],
  };
}

// Server on core 0, generator on core 1; more threads get more cores where there are enough.
function placement(cell, server, options) {
  const threads = server.ours ? (cell.threads ?? options.threads ?? 1) : 1;
  return cpus().length > threads ? { server: threads > 1 ? `0-${threads - 1}` : "0", generator: threads } : { server: 0, generator: 1 };
}

async function measure(cell, server, rate, options) {
  const place = placement(cell, server, options);
  const { nice } = options;
  const child = await startServer(server, cell.mode, {
    cores: place.server, nice, threads: cell.threads, tls: cell.tls, deflate: cell.deflate,
  });
  try {
    const args = [...cell.args, "--port", child.port, "--pid", child.pid, "--json", "--quiet",
      "--duration", options.duration, "--warm-up", options.warmUp];
    if (server.kind === "raw") args.push("--raw");
    if (cell.tls) args.push("--tls");
    if (cell.deflate) args.push("--deflate");
    if (rate) args.push("--rate", rate.toFixed(2));
    const core = cpus().length > 1 ? place.generator : 0;
    const generator = launch(`${quoted(`${options.bin}/sio`)} bench ${args.join(" ")}`, { cores: core, nice });
    const late = setTimeout(() => generator.kill("SIGKILL"), kPatienceMs + 1000 * (options.duration + options.warmUp));
    const code = await generator.ended;
    clearTimeout(late);
    if (code !== 0) throw new Error(generator.errors.trim() || `sio bench ended with ${code ?? "a signal"}`);
    return { cell: cell.id, server: server.name, ...delivered(JSON.parse(generator.output)) };
  } finally {
    await stop(child);
  }
}

/** Messages per second for a cell that takes its rate from another one; 0 when that one has no result. */
export function rateFor(cell, results, running) {
  const reached = running.flatMap((server) => {
    const found = results.filter((r) => r.cell === cell.of && r.server === server.name);
    return found.length > 0 ? [{ server, rate: median(found.map((r) => r.messages / r.seconds)) }] : [];
  });
  if (reached.length === 0) return 0;
  const reference = reached.find(({ server }) => server.name === "uws") ?? reached.find(({ server }) => server.ours);
  const rate = cell.rateOf === "slowest" ? Math.min(...reached.map((r) => r.rate)) : (reference ?? reached[0]).rate;
  return rate * cell.share;
}

async function runCells(part, running, options, results, failures) {
  const rates = new Map(part.map((cell) => [cell, cell.of ? (options.rate ?? rateFor(cell, results, running)) : undefined]));
  for (let round = 0; round < options.rounds; ++round) {
    for (const cell of part) {
      for (const server of running.filter((one) => takesPart(one, cell))) {
        try {
          if (rates.get(cell) === 0) throw new Error(`no result of ${cell.of} to take a rate from`);
          const result = { round, ...(await measure(cell, server, rates.get(cell), options)) };
          results.push(result);
          const value = `${result[cell.what ?? "cpu_us"].toFixed(2)} ${cell.what ?? "us"}`;
          console.log(`${round + 1}/${options.rounds} ${cell.id} ${server.name}: ${value}, ${Math.round(result.per_second)}/s`);
        } catch (error) {
          const text = `${cell.id} ${server.name}: ${error.message}`;
          if (!failures.includes(text)) failures.push(text);
          console.error(text);
        }
      }
    }
  }
}

async function main() {
  const options = readOptions();
  requirePrograms(options.bin);
  const known = servers({ ...options, peers: options.peer });
  for (const server of known.filter((one) => one.missing)) console.error(`${server.name}: not installed (${server.missing})`);
  const running = known.filter((server) => !server.missing);
  const chosen = choose(options.cells, options.quick);
  const results = [];
  const failures = [];
  for (const part of [chosen.filter((cell) => !cell.of), chosen.filter((cell) => cell.of)])
    await runCells(part, running, options, results, failures);
  const date = new Date().toISOString().slice(0, 10);
  const report = {
    date, machine: machine(options), rounds: options.rounds, duration: options.duration, warm_up: options.warmUp,
    servers: known.map(({ name, kind, ours = false, backend, missing }) => ({ name, kind, ours, backend, missing })),
    cells: chosen.map((cell) => cell.id), failures,
    histograms: mergeHistograms(results), results: results.map(({ histogram, ...rest }) => rest),
  };
  const name = `${date}-${options.label}`;
  const pictures = plots(report, cells);
  const text = markdown(report, cells, Object.keys(pictures).map((key) => `${name}-${key}.svg`));
  console.log(`\n${text}`);
  if (failures.length > 0) process.exitCode = 1;
  if (options.out === "none") return;
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, `${name}.md`), text);
  writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(report)}\n`);
  for (const [key, svg] of Object.entries(pictures)) writeFileSync(join(options.out, `${name}-${key}.svg`), svg);
}

main().catch((error) => {
  console.error(`bench/run: ${error.message}`);
  process.exit(1);
});
