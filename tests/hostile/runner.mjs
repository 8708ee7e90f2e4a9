// The runner of the hostile tables: sends a row's bytes to a real server whole, then written in two pieces, and demands of
// each pair exactly what the whole got: the same answers, the same close, the same entries in the server's log. After every row
// nothing may be held for the peers that are gone, and a bystander, the official client, must still get its echo.
//
// Two writes are not two reads: the kernel may hand the server both pieces at once, and often does. That a cut at no byte of
// any row changes anything is for the simulator to show, where the server is sure to have read (tests/sim/split_test.cpp);
// here are real kernels, backends and threads.
//
// Cuts that could show little that is new are left out: those whose first piece an earlier row of the same table had, since the server
// waits there in the same state, and those inside a run of one byte but at its ends.
//
// With SIO_HOSTILE_RUNS=100000 it then goes on, with rows and cuts (into up to five pieces) that are drawn, until it has made
// that many connections; SIO_SEED repeats a draw.
//
// A row is { id, what, play, sent, check, log }:
//   sent    the hostile bytes
//   play    (server, pieces) => what the server said, a list of strings (see ways.mjs)
//   check   (said) => throws unless that is what the row demands
//   checkLog  (told) => throws unless the server's log of the whole says so; that of each cut must say the same
//   unheard   entries of the log that a row's way of asking causes itself
import assert from "node:assert/strict";
import { kSlack, told } from "../e2e/support/raw.mjs";
import { kPatienceMs, request, until, within } from "../e2e/support/wire.mjs";

const kMostCut = 2048;  // longer inputs are sent whole
const kAtOnce = 24;     // connections of one row

const cut = (sent, at) => [sent.subarray(0, at), sent.subarray(at)];

/** Where to cut `sent`, unless it is long. `had`: the first pieces of earlier cuts; it grows. */
function places(sent, had) {
  const all = [];
  for (let at = 1; at < sent.length && sent.length <= kMostCut; ++at) {
    if (at > 2 && sent[at] === sent[at - 1] && sent[at] === sent[at - 2]) continue;
    const first = sent.toString("latin1", 0, at);
    if (had.has(first)) continue;
    had.add(first);
    all.push(at);
  }
  return all;
}

/** Numbers below n, the same for the same seed. */
function drawing(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % n;
  };
}

function drawnPieces(sent, below) {
  const places = new Set();
  const most = Math.min(1 + below(4), sent.length - 1);
  while (places.size < most) places.add(1 + below(sent.length - 1));
  const all = [0, ...[...places].sort((a, b) => a - b), sent.length];
  return all.slice(1).map((end, i) => sent.subarray(all[i], end));
}

export class Runner {
  passed = 0;
  failed = [];
  connections = 0;

  /** `bystander`: a connected client of socket.io-client. */
  constructor(server, bystander) {
    this.server = server;
    this.bystander = bystander;
  }

  async begin() {
    await this.#echo();
    await this.#state();
    this.idle = (await this.#state()).ext;
  }

  /** What the server holds and has logged; the lab does not tell its bytes. */
  async #state() { return { ext: 0, ...JSON.parse((await request(`${this.server.url}/__log`)).body) }; }

  async #echo() { assert.equal(await within(this.bystander.emitWithAck("echo", this.connections), "the bystander's echo", kPatienceMs), this.connections); }

  /** The log once only the bystander is left. */
  async #settled(unheard = []) {
    const log = [];
    await until(async () => {
      const state = await this.#state();
      log.push(...state.log);
      return { clients: state.clients - 1, bytes: state.ext - this.idle };
    }, ({ clients, bytes }) => clients === 0 && bytes <= kSlack, "all that is held to be given back");
    return told(log).filter((entry) => entry !== "event:echo" && !unheard.includes(entry)).sort();
  }

  async #once(row, pieces) {
    ++this.connections;
    return within(row.play(this.server, pieces), `the end of ${row.id}`, kPatienceMs);
  }

  async #run(row, had) {
    const whole = await this.#once(row, [row.sent]);
    row.check(whole);
    const log = await this.#settled(row.unheard);
    row.checkLog(log);
    const cuts = had ? places(row.sent, had) : [];
    const queue = [...cuts];
    await Promise.all(Array.from({ length: kAtOnce }, async () => {
      for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
        try {
          assert.deepEqual(await this.#once(row, cut(row.sent, at)), whole);
        } catch (error) {
          queue.length = 0;
          error.message = `cut at ${at} of ${row.sent.length}: ${error.message}`;
          throw error;
        }
      }
    }));
    assert.deepEqual(await this.#settled(row.unheard), log.flatMap((entry) => Array(cuts.length).fill(entry)), "the log of the cut ones");
    await this.#echo();
  }

  /** Draws rows of these, and cuts, until `wanted` connections have been made. */
  async draw(rows, wanted, seed) {
    const below = drawing(seed);
    const cuttable = rows.filter(({ sent }) => sent.length > 1 && sent.length <= kMostCut);
    const whole = new Map();
    for (let batch = 0; this.connections < wanted; ++batch) {
      const row = cuttable[below(cuttable.length)];
      if (!whole.has(row)) {
        whole.set(row, await this.#once(row, [row.sent]));
        await this.#settled(row.unheard);
      }
      const cuts = Array.from({ length: kAtOnce }, () => drawnPieces(row.sent, below));
      await Promise.all(cuts.map(async (pieces) => {
        try {
          assert.deepEqual(await this.#once(row, pieces), whole.get(row));
        } catch (error) {
          this.failed.push(`seed ${seed}, batch ${batch}, ${row.id} ${row.what}, pieces of ${pieces.map(({ length }) => length)}: ${error.message}`);
        }
      }));
      await this.#settled(row.unheard);
      if (batch % 16 === 0) await this.#echo();
    }
  }

  /** Resolves once nothing is held but for the bystander, which is served; the log is dropped. */
  async calm() {
    await this.#settled();
    await this.#echo();
  }

  /** Runs all rows, cut or whole only; a failed one is kept in `failed`, and the next are run all the same. */
  async run(rows, { cut = true } = {}) {
    const had = cut ? new Set() : null;
    for (const row of rows) {
      try {
        await this.#run(row, had);
        ++this.passed;
      } catch (error) {
        this.failed.push(`${row.id} ${row.what}: ${error.message}`);
        await this.#settled().catch(() => {});
      }
    }
  }
}
