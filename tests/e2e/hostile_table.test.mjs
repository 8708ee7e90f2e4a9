// The hostile inputs of tests/hostile, whole and written in two pieces, against servers that must outlive them all: `probe`, and a
// lab server that speaks MessagePack.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import parser from "socket.io-msgpack-parser";
import { Runner } from "../hostile/runner.mjs";
import { kMessages, kTables } from "../hostile/tables.mjs";
import { lab } from "./support/lab.mjs";
import { conformance } from "./support/server.mjs";
import { closeClients, connected, kTimeout } from "./support/suites.mjs";

const servers = [];
let probe;
let packed;
let all = 0;
let passed = 0;

async function begin(server, options) {
  servers.push(server);
  const runner = new Runner(server, await connected(server, ["websocket"], options));
  await runner.begin();
  return runner;
}

before(async () => {
  probe = await begin(await conformance("probe"));  // its first ping comes after 25 s: no heartbeat closes what a row should
  packed = await begin(await lab({ parser: "message_pack" }), { parser });
}, kTimeout);
after(async () => {
  console.log(`hostile: ${passed} of ${all} rows, ${probe?.connections + packed?.connections} connections`);
  closeClients();
  for (const server of servers) await server.stop();
}, kTimeout);

function table(name, runnerOf, rows) {
  test(name, { timeout: 240_000 }, async (t) => {
    const runner = runnerOf();
    const start = Date.now();
    runner.passed = 0;
    runner.failed = [];
    await runner.run(rows);
    all += rows.length;
    passed += runner.passed;
    t.diagnostic(`${runner.passed} of ${rows.length} in ${Date.now() - start} ms`);
    assert.deepEqual(runner.failed, []);
  });
}

for (const [name, rows] of Object.entries(kTables)) table(name, () => probe, rows);
table("M: MessagePack", () => packed, kMessages);

const wanted = Number(process.env.SIO_HOSTILE_RUNS ?? 0);
if (wanted > 0) {
  test(`drawn cuts, to ${wanted} connections`, { timeout: 4 * 3_600_000 }, async (t) => {
    const seed = Number(process.env.SIO_SEED ?? Date.now() % 2 ** 32);
    t.diagnostic(`seed ${seed}`);
    for (const [runner, rows, share] of [[probe, Object.values(kTables).flat(), 0.9], [packed, kMessages, 0.1]]) {
      runner.failed = [];
      await runner.draw(rows, wanted * share, seed);
      assert.deepEqual(runner.failed, []);
    }
  });
}
