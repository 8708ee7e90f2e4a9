// The hostile inputs of tests/hostile, whole and cut at every byte, against one `probe` server that must outlive them all.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { kPackets, kPosts } from "../hostile/engineio.mjs";
import { kRows } from "../hostile/http.mjs";
import { Runner } from "../hostile/runner.mjs";
import { kSmuggling } from "../hostile/smuggling.mjs";
import { kTable } from "../hostile/socketio.mjs";
import { events, frames, handshakes, packets, posts, requests } from "../hostile/ways.mjs";
import { kFrames, kHandshakes } from "../hostile/websocket.mjs";
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

const only = (rows, fewer) => rows.filter((row) => !fewer.includes(row.id));
const kTables = {
  "H: requests": requests(kRows),
  "H: smuggling": requests(kSmuggling),
  "W: handshakes": handshakes(kHandshakes),
  "F: frames": only(frames(kFrames), ["F24b"]),  // F24b announces more than it sends: nothing can follow it
  "P: payloads": posts(kPosts),
  "U: packets": packets(kPackets),
  "S, J: events": events(kTable),
};

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
