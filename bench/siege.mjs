// Attacks siege-server in every way of bench/attacks.mjs, one after the other, each beside a client that chats; samples the
// server's memory and CPU, and measures what a single flood costs a thousand others. Writes bench/results.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { kAttacks, kFloods } from "./attacks.mjs";
import { Chat } from "./chat.mjs";
import { curves } from "./plots.mjs";
import { freePort, here, launch, machine, stop } from "./servers.mjs";

const kUsage = `bench/siege [options]
  --attack NAME    only this one (several times for several)
  --backend NAME   epoll or io_uring
  --threads N      of the server (default 1)
  --seconds N      how long each attack lasts (default 10)
  --connections N  at most so many for each (default: as the attack says, up to 10,000)
  --input MB, --output MB   what the server may hold for all (default 32, 64)
  --clients N      others beside a flood (default 1000); 0 leaves the floods out
  --rate N         messages a second of each of them (default 1)
  --bin DIR        where siege-server and sio are (default build/bench/bin)
  --note TEXT      what else is to be known of this run
  --name NAME      of the result files; without it nothing is written`;

const kSampleMs = 100;
const kReturnSeconds = 10;  // how long memory may take to come back
const kOver = 1.2;          // of what the server may hold: the bound of its memory
const kPage = 4096;
const kTick = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const quantile = (sorted, q) => (sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]);
const ms = (value) => Number(value.toFixed(1));
const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));

function resident(pid) { return Number(fs.readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * kPage; }
function cpu(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * kTick;
}

class Sampler {
  samples = [];  // [seconds, bytes, ms of CPU since the last]
  constructor(pid) {
    this.pid = pid;
    this.began = performance.now();
    this.last = cpu(pid);
    this.timer = setInterval(() => this.#sample(), kSampleMs);
  }
  #sample() {
    const used = cpu(this.pid);
    this.samples.push([Number(((performance.now() - this.began) / 1000).toFixed(2)), resident(this.pid), used - this.last]);
    this.last = used;
  }
  stop() { clearInterval(this.timer); }
}

async function startServer(options) {
  const port = await freePort();
  const child = launch(`${path.resolve(options.bin)}/siege-server --port ${port} --threads ${options.threads} --input ${options.input} ` +
    `--output ${options.output}${options.backend ? ` --backend ${options.backend}` : ""}`);
  const listening = new Promise((done) => child.stdout.on("data", () => child.output.includes("listening") && done(true)));
  if (!(await Promise.race([listening, child.ended.then(() => false)]))) throw new Error(`siege-server does not start: ${child.errors}`);
  child.port = port;
  return child;
}

async function startAttack(port, name, count) {
  const child = launch(`${process.execPath} ${here}/attacker.mjs ${port} ${JSON.stringify(name)}${count ? ` ${count}` : ""}`);
  await new Promise((done) => child.stdout.on("data", () => child.output.includes("attacking") && done()));
  return child;
}
async function endAttack(child) {
  child.kill("SIGTERM");
  await child.ended;
  return JSON.parse(child.output.trim().split("\n").at(-1));
}

/** What the server says it holds; asked again when it was too busy to answer in time. */
async function statistics(port) {
  for (let attempt = 0; ; ++attempt) {
    try {
      return await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
    } catch (error) {
      if (attempt === 10) throw error;
      await sleep(1000);
    }
  }
}

async function siege(name, options) {
  const server = await startServer(options);
  const chat = await Chat.join(server.port);
  chat.start();
  await sleep(2000);
  const before = chat.take();
  const sampler = new Sampler(server.pid);
  const base = resident(server.pid);
  const attacker = await startAttack(server.port, name, options.connections);
  await sleep(options.seconds * 1000);
  const during = chat.take();
  const held = await statistics(server.port);
  const attacked = await endAttack(attacker);
  await sleep(kReturnSeconds * 1000);
  const after = chat.take();
  sampler.stop();
  await chat.finish();
  const ended = chat.ended;
  chat.leave();
  const left = await statistics(server.port);
  const back = resident(server.pid);
  await stop(server);
  const highest = Math.max(...sampler.samples.map(([, bytes]) => bytes));
  const bound = base + kOver * (options.input + options.output) * 1e6;
  return {
    name, what: kAttacks[name].what, base, highest, bound, back, held, left, attacked,
    cpu: sampler.samples.filter(([at]) => at <= options.seconds).reduce((sum, [, , used]) => sum + used, 0) / (options.seconds * 1000),
    chat: { sent: chat.sent, answered: chat.answered, ended, before: quantile(before, 0.99), during: quantile(during, 0.99), after: quantile(after, 0.99) },
    samples: sampler.samples,
    kept: highest <= bound && ended === null && chat.sent === chat.answered,
  };
}

/** p50 and p99 in ms of `clients` others, as sio bench sees them. */
async function others(server, options) {
  const child = launch(`${path.resolve(options.bin)}/sio bench --port ${server.port} --scenario echo --clients ${options.clients} ` +
    `--rate ${options.rate * options.clients} --warm-up 1 --duration ${options.seconds} --json`);
  const code = await child.ended;
  if (code !== 0) throw new Error(`sio bench: ${child.errors}`);
  const { p50_us, p99_us, bottleneck } = JSON.parse(child.output);
  return { p50: p50_us / 1000, p99: p99_us / 1000, bottleneck };
}

async function fairness(name, options) {
  const server = await startServer(options);
  const alone = await others(server, options);
  const attacker = await startAttack(server.port, name);
  const beside = await others(server, options);
  const attacked = await endAttack(attacker);
  await stop(server);
  return { name, what: kFloods[name].what, alone, beside, attacked };
}

const row = (cells) => `| ${cells.join(" | ")} |`;

function report(result) {
  const { options, attacks, floods } = result;
  const lines = [
    `# Siege, ${result.date}`, "", ...(result.note ? [result.note, ""] : []),
    `${options.backend ?? "automatic"} backend, ${options.threads} thread(s); each attack lasted ${options.seconds} s, and the memory had ${kReturnSeconds} s to come back. ` +
    `The server may hold ${options.input} MB of input and ${options.output} MB of output for all; its memory must stay below what it was before plus ${kOver} times that. ` +
    "The client beside it says something every 50 ms; it must stay connected and get every answer. Attackers, client and server share the cores below.", "",
    ...Object.entries(result.machine).map(([key, value]) => `* ${key}: ${value}`), "",
    "| Attack | Connections opened | MB sent | Memory before, MB | highest | bound | after | CPU | Shed | Chat p99 before, ms | during | after | Answers | |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ...attacks.map((a) => row([a.name, a.attacked.opened, megabytes(a.attacked.bytes), megabytes(a.base), megabytes(a.highest), megabytes(a.bound), megabytes(a.back),
      `${Math.round(a.cpu * 100)} %`, a.held.shed, ms(a.chat.before), ms(a.chat.during), ms(a.chat.after), `${a.chat.answered}/${a.chat.sent}`, a.kept ? "kept" : "**broken**"])),
    "", ...attacks.map((a) => `* **${a.name}**: ${a.what}`),
  ];
  if (floods.length > 0) {
    lines.push("", `## One flood beside ${options.clients} others`, "",
      `Each of the others sends ${options.rate} event(s) a second and waits for the answer (open loop, \`sio bench\`).`, "",
      "| Flood | p50 alone, ms | p99 alone | p50 beside it | p99 beside it | MB of it |", "|---|--:|--:|--:|--:|--:|",
      ...floods.map((f) => row([f.name, ...[f.alone.p50, f.alone.p99, f.beside.p50, f.beside.p99].map((value) => value.toFixed(2)), megabytes(f.attacked.bytes)])),
      "", ...floods.map((f) => `* **${f.name}**: ${f.what}`));
  }
  return `${lines.join("\n")}\n`;
}

async function main() {
  const text = { type: "string" };
  const { values } = parseArgs({ options: {
    attack: { type: "string", multiple: true }, backend: text, threads: text, seconds: text, connections: text, input: text, output: text,
    clients: text, rate: text, bin: text, name: text, note: text, help: { type: "boolean" },
  } });
  if (values.help) return void console.log(kUsage);
  const number = (name, otherwise) => Number(values[name] ?? otherwise);
  const options = {
    backend: values.backend, threads: number("threads", 1), seconds: number("seconds", 10), connections: values.connections && Number(values.connections),
    input: number("input", 32), output: number("output", 64), clients: number("clients", 1000), rate: number("rate", 1),
    bin: values.bin ?? path.join(here, "../build/bench/bin"),
  };
  const wanted = (name) => !values.attack || values.attack.includes(name);
  const result = { note: values.note, date: new Date().toISOString().slice(0, 10), machine: machine({ threads: options.threads }), options: { ...options, bin: undefined }, attacks: [], floods: [] };
  for (const name of Object.keys(kAttacks).filter(wanted)) {
    const done = await siege(name, options);
    result.attacks.push(done);
    console.log(`${name}: ${done.kept ? "kept" : "BROKEN"}; memory ${megabytes(done.base)} -> ${megabytes(done.highest)} -> ${megabytes(done.back)} MB, ` +
      `shed ${done.held.shed}, chat p99 ${ms(done.chat.before)} -> ${ms(done.chat.during)} ms, ${done.chat.answered}/${done.chat.sent} answered`);
  }
  for (const name of Object.keys(kFloods).filter((one) => options.clients > 0 && wanted(one))) {
    const done = await fairness(name, options);
    result.floods.push(done);
    console.log(`${name}: p99 of ${options.clients} others ${done.alone.p99.toFixed(2)} -> ${done.beside.p99.toFixed(2)} ms`);
  }
  if (values.name) {
    const file = path.join(here, "results", values.name);
    fs.writeFileSync(`${file}.md`, report(result));
    fs.writeFileSync(`${file}.json`, `${JSON.stringify(result)}\n`);
    const memory = curves("Memory of the server, MB: the attack begins at 0 s", result.attacks.map((a) => ({ name: a.name, points: a.samples.map(([at, bytes]) => [at, bytes / 1e6]) })));
    if (memory) fs.writeFileSync(`${file}-memory.svg`, memory);
    const used = curves("CPU of the server, % of a core", result.attacks.map((a) => ({ name: a.name, points: a.samples.map(([at, , spent]) => [at, (spent / kSampleMs) * 100]) })));
    if (used) fs.writeFileSync(`${file}-cpu.svg`, used);
  }
  if (!result.attacks.every((a) => a.kept)) process.exitCode = 1;
}

await main();
