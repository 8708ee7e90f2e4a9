// The hostile inputs of tests/hostile, whole and cut at every byte, against one `probe` server that must outlive them all.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { Runner } from "../hostile/runner.mjs";
import { kTables } from "../hostile/tables.mjs";
import { conformance } from "./support/server.mjs";
import { closeClients, connected, kTimeout } from "./support/suites.mjs";

let server;
let runner;
let all = 0;
let passed = 0;

before(async () => {
  server = await conformance("probe");  // its first ping comes after 25 s: no heartbeat closes what a row should
  runner = new Runner(server, await connected(server, ["websocket"]));
  await runner.begin();
}, kTimeout);
after(async () => {
  console.log(`hostile: ${passed} of ${all} rows, ${runner?.connections} connections`);
  closeClients();
  await server?.stop();
}, kTimeout);

for (const [name, rows] of Object.entries(kTables)) {
  test(name, { timeout: 240_000 }, async (t) => {
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
