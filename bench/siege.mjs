// Attacks siege-server in every way of bench/attacks.mjs, one after the other, each beside a client that chats; samples the
// server's memory and CPU, and measures what a single flood costs a thousand others. Writes bench/results.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { kAttacks, kFloods } from "./attacks.mjs";
import { Chat } from "./chat.mjs";
import { curves } from "./plots.mjs";
import { freePort, here, launch, machine, quoted, stop } from "./servers.mjs";

const kUsage = `bench/siege [options]
  --attack NAME    only this one (several times for several)
  --backend NAME   epoll or io_uring
  --threads N      of the server (default 1)
  --seconds N      how long each attack lasts (default 10)
  --connections N  at most so many for each (default: as the attack says, up to 10,000)
  --input MB, --output MB   what the server may hold for all (default 32, 64)
  --clients N      others beside a flood (default 1000); 0 leaves the floods out
  --rate N         messages a second of each of them (default 10)
  --rounds N       how often each flood is measured (default 3): medians count
  --bin DIR        where siege-server and sio are (default build/bench/bin)
  --note TEXT      what else is to be known of this run
  --name NAME      of the result files; without it nothing is written`;

const kSampleMs = 100;
const kWarmUpSeconds = 2;   // of the same attack before: what it leaves in the heap makes the second one harder
const kQuietSeconds = 2;    // of the client that chats, before the attack
const kExpirySeconds = 60;  // how long sessions that nobody comes for may stay: a ping's interval and time-out, and what was put off
const kReturnSeconds = 10;  // how long memory may then take to come back
const kReturned = 3;        // MB more than a fresh server has: code and buffers that were used for the first time
const kFloodSeconds = 4;    // of one measurement of the others
const kFair = 2;            // times the latency that the others may have beside one attacker at full speed
// The server has a core to itself, as far as there are two; attackers give way at once to those who are measured, or these
// would wait for the attacker's own use of their core.
const kPlaces = cpus().length > 1 ? { server: { cores: "0" }, others: { cores: `1-${cpus().length - 1}` } } : { server: {}, others: {} };
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
  const child = launch(`${quoted(path.resolve(options.bin, "siege-server"))} --port ${port} --threads ${options.threads} --input ${options.input} ` +
    `--output ${options.output}${options.backend ? ` --backend ${options.backend}` : ""}`, options.threads === 1 ? kPlaces.server : {});
  const listening = new Promise((done) => child.stdout.on("data", () => child.output.includes("listening") && done(true)));
  if (!(await Promise.race([listening, child.ended.then(() => false)]))) throw new Error(`siege-server does not start: ${child.errors}`);
  child.port = port;
  return child;
}

async function startAttack(port, name, count) {
  const child = launch(`${quoted(process.execPath)} ${quoted(`${here}/attacker.mjs`)} ${port} ${JSON.stringify(name)}${count ? ` ${count}` : ""}`, { ...kPlaces.others, idle: true });
  const attacking = new Promise((done) => child.stdout.on("data", () => child.output.includes("attacking") && done(true)));
  if (!(await Promise.race([attacking, child.ended.then(() => false)]))) throw new Error(`${name} does not start: ${child.errors}`);
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

/** Waits until the server has no sessions but that of the client that chats: seconds. */
async function expiry(port) {
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  while ((await statistics(port)).clients > 1 && seconds() < kExpirySeconds) await sleep(1000);
  return seconds();
}

async function siege(name, options) {
  const server = await startServer(options);
  const chat = await Chat.join(server.port);
  chat.start();
  const fresh = resident(server.pid);
  const warmUp = await startAttack(server.port, name, options.connections);
  await sleep(kWarmUpSeconds * 1000);
  await endAttack(warmUp);
  await sleep(kReturnSeconds * 1000);
  chat.take();
  await sleep(kQuietSeconds * 1000);
  const before = chat.take();
  const sampler = new Sampler(server.pid);
  const base = resident(server.pid);
  const attacker = await startAttack(server.port, name, options.connections);
  await sleep(options.seconds * 1000);
  const during = chat.take();
  const held = await statistics(server.port);
  const attacked = await endAttack(attacker);
  const expired = await expiry(server.port);
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
  const bound = fresh + kOver * (options.input + options.output) * 1e6;
  return {
    name, what: kAttacks[name].what, fresh, base, highest, bound, back, expired, held, left, attacked,
    cpu: sampler.samples.filter(([at]) => at <= options.seconds).reduce((sum, [, , used]) => sum + used, 0) / (options.seconds * 1000),
    chat: { sent: chat.sent, answered: chat.answered, ended, before: quantile(before, 0.99), during: quantile(during, 0.99), after: quantile(after, 0.99) },
    samples: sampler.samples,
    kept: highest <= bound && ended === null && chat.sent === chat.answered,
    returned: back <= fresh + kReturned * 1e6,
  };
}

/** p50 and p99 in ms of `clients` others, as sio bench sees them. */
async function others(server, options) {
  const child = launch(`${quoted(path.resolve(options.bin, "sio"))} bench --port ${server.port} --scenario echo --clients ${options.clients} ` +
    `--rate ${options.rate * options.clients} --warm-up 1 --duration ${kFloodSeconds} --json`, kPlaces.others);
  const code = await child.ended;
  if (code !== 0) throw new Error(`sio bench: ${child.errors}`);
  const { p50_us, p99_us, late_p99_us, bottleneck } = JSON.parse(child.output);
  return { p50: p50_us / 1000, p99: p99_us / 1000, late: late_p99_us / 1000, bottleneck };
}

/** The others, and how long 99 of 100 turns of the server took meanwhile, in ms: the upper end of a bucket. */
async function measure(server, options) {
  const before = (await statistics(server.port)).turns;
  const result = await others(server, options);
  const turns = (await statistics(server.port)).turns.map(([upper, count], i) => [upper, count - before[i][1]]);
  const all = turns.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  const [upper] = turns.find(([, count]) => (seen += count) >= 0.99 * all);
  return { ...result, turn: upper / 1000 };
}

const median = (values) => quantile([...values].sort((a, b) => a - b), 0.5);

/** Rounds of the others alone and beside a flood, by turns; medians. */
async function fairness(name, options) {
  const server = await startServer(options);
  const rounds = { alone: [], beside: [], bytes: [] };
  for (let round = 0; round < options.rounds; ++round) {
    rounds.alone.push(await measure(server, options));
    const attacker = await startAttack(server.port, name);
    rounds.beside.push(await measure(server, options));
    rounds.bytes.push((await endAttack(attacker)).bytes);
  }
  await stop(server);
  const middle = (which) => Object.fromEntries(["p50", "p99", "late", "turn"].map((key) => [key, median(rounds[which].map((one) => one[key]))]));
  const [alone, beside] = [middle("alone"), middle("beside")];
  return { name, what: kFloods[name].what, alone, beside, bytes: median(rounds.bytes), ratio: { p50: beside.p50 / alone.p50, p99: beside.p99 / alone.p99 }, rounds };
}

const row = (cells) => `| ${cells.join(" | ")} |`;

function report(result) {
  const { options, attacks, floods } = result;
  const lines = [
    `# Siege, ${result.date}`, "", ...(result.note ? [result.note, ""] : []),
    `${options.backend ?? "automatic"} backend, ${options.threads} thread(s); each attack lasted ${options.seconds} s, against a server of its own. ` +
    `"Before" is after ${kWarmUpSeconds} s of the same attack and ${kReturnSeconds} s of calm, in which sessions do not expire yet. ` +
    `"After" is ${kReturnSeconds} s after they have expired, by their time-outs, as nobody comes for them; ` +
    `the memory has returned when it is within ${kReturned} MB of a fresh server's. ` +
    `The server may hold ${options.input} MB of input and ${options.output} MB of output for all; its memory must stay below that of a fresh server plus ${kOver} times that. ` +
    "The client beside it says something every 50 ms; it must stay connected and get every answer. The server has a core to itself where there are two. `answers` is what it got of what it asked for.", "",
    ...Object.entries(result.machine).map(([key, value]) => `* ${key}: ${value}`), "",
    "| Attack | Connections at once | opened | MB sent | Memory of a fresh server, MB | before | highest | bound | after | sessions expired after, s | CPU | Shed | Chat p99 before, ms | during | after | Answers | |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ...attacks.map((a) => row([a.name, a.attacked.most, a.attacked.opened, megabytes(a.attacked.bytes), megabytes(a.fresh), megabytes(a.base), megabytes(a.highest), megabytes(a.bound), megabytes(a.back), a.expired,
      `${Math.round(a.cpu * 100)} %`, a.held.shed, ms(a.chat.before), ms(a.chat.during), ms(a.chat.after), `${a.chat.answered}/${a.chat.sent}`, `${a.kept ? "kept" : "**broken**"}, ${a.returned ? "returned" : "**not returned**"}`])),
    "", ...attacks.map((a) => `* **${a.name}**: ${a.what}`),
  ];
  if (floods.length > 0) {
    lines.push("", `## One flood beside ${options.clients} others`, "",
      `Each of the others sends ${options.rate} event(s) a second (open loop, \`sio bench\`); how long the answers took, alone and beside one attacker ` +
        `at full speed, ${kFloodSeconds} s each by turns, medians of ${options.rounds}. The attacker is scheduled when its core is idle, lest the others wait for their own core: ` +
        "`late` is how late 99 of 100 of their messages were sent at most, which their latency includes. `turn`: 99 of 100 turns of the server took at most as long.", "",
      "| Flood | p50 alone, ms | p50 beside it | ratio | p99 alone, ms | p99 beside it | ratio | late alone | late beside it | turn alone, ms | turn beside it | MB of it | |",
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
      ...floods.map((f) => row([f.name, ...[f.alone.p50, f.beside.p50, f.ratio.p50, f.alone.p99, f.beside.p99, f.ratio.p99, f.alone.late, f.beside.late, f.alone.turn, f.beside.turn].map((value) => value.toFixed(2)),
        megabytes(f.bytes), f.ratio.p99 <= kFair ? "fair" : "**unfair**"])),
      "", ...floods.map((f) => `* **${f.name}**: ${f.what}`));
  }
  return `${lines.join("\n")}\n`;
}

async function main() {
  const text = { type: "string" };
  const { values } = parseArgs({ options: {
    attack: { type: "string", multiple: true }, backend: text, threads: text, seconds: text, connections: text, input: text, output: text,
    clients: text, rate: text, rounds: text, bin: text, name: text, note: text, help: { type: "boolean" },
  } });
  if (values.help) return void console.log(kUsage);
  const number = (name, otherwise) => Number(values[name] ?? otherwise);
  const options = {
    backend: values.backend, threads: number("threads", 1), seconds: number("seconds", 10), connections: values.connections && Number(values.connections),
    input: number("input", 32), output: number("output", 64), clients: number("clients", 1000), rate: number("rate", 10), rounds: number("rounds", 3),
    bin: values.bin ?? path.join(here, "../build/bench/bin"),
  };
  const known = [...Object.keys(kAttacks), ...Object.keys(kFloods)];
  const unknown = (values.attack ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no attack ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const wanted = (name) => !values.attack || values.attack.includes(name);
  const result = { note: values.note, date: new Date().toISOString().slice(0, 10), machine: machine({ threads: options.threads }), options: { ...options, bin: undefined }, attacks: [], floods: [] };
  for (const name of Object.keys(kAttacks).filter(wanted)) {
    const done = await siege(name, options);
    result.attacks.push(done);
    console.log(`${name}: ${done.kept ? "kept" : "BROKEN"}, ${done.returned ? "returned" : "NOT RETURNED"}; memory ${megabytes(done.fresh)} -> ${megabytes(done.base)} -> ${megabytes(done.highest)} (${megabytes(done.bound)} at most) -> ${megabytes(done.back)} MB, ` +
      `shed ${done.held.shed}, chat p99 ${ms(done.chat.before)} -> ${ms(done.chat.during)} ms, ${done.chat.answered}/${done.chat.sent} answered`);
  }
  for (const name of Object.keys(kFloods).filter((one) => options.clients > 0 && wanted(one))) {
    const done = await fairness(name, options);
    result.floods.push(done);
    console.log(`${name}: p50 of ${options.clients} others ${done.alone.p50.toFixed(2)} -> ${done.beside.p50.toFixed(2)} ms, ` +
      `p99 ${done.alone.p99.toFixed(2)} -> ${done.beside.p99.toFixed(2)} ms, ${done.ratio.p99.toFixed(1)} times; ` +
      `late ${done.alone.late.toFixed(2)} -> ${done.beside.late.toFixed(2)} ms, turns ${done.alone.turn} -> ${done.beside.turn} ms`);
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
  const fair = result.floods.every((f) => f.ratio.p99 <= kFair);
  if (!fair || !result.attacks.every((a) => a.kept && a.returned)) process.exitCode = 1;
}

await main();
