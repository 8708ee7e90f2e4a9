// RFC 6455 and 7692 on the wire: our suite (tests/rfc6455) against the bare WebSocket echo (`--suite ws`), in which everything
// must be OK. The numbers of the cases are those of the Autobahn test suite where it has the case.
import test from "node:test";
import assert from "node:assert/strict";
import { testServer } from "../rfc6455/server_role.mjs";
import { conformance } from "./support/server.mjs";

// What the echo allows; never how fast it has to be.
const kEcho = { maxMessage: 64 * 1024 * 1024, maxFragments: 131_072, patience: 60_000, haste: 60_000 };

async function judged(t, args, options) {
  const server = await conformance("ws", ...args);
  t.after(() => server.stop());
  return testServer(`${server.ws}/`, { ...kEcho, ...options });
}

test("handshakes, frames, text, closing, sizes, splits", { timeout: 240_000 }, async (t) => {
  const results = await judged(t, [], { deflate: false });
  assert.deepEqual(results.filter(({ verdict }) => verdict !== "OK"), []);
  assert(results.length > 850, `${results.length} cases`);
});

test("permessage-deflate", { timeout: 240_000 }, async (t) => {
  const results = await judged(t, ["--deflate"], { only: ["D", "W", "12", "13", "S.1", "5"] });
  assert.deepEqual(results.filter(({ verdict }) => verdict !== "OK"), []);
  assert(results.length > 170, `${results.length} cases`);
});

test("permessage-deflate is declined when it is off", { timeout: 120_000 }, async (t) => {
  const results = await judged(t, [], { only: ["D19", "D01", "12.1.1"] });
  assert.deepEqual([...new Set(results.map(({ verdict }) => verdict))], ["UNIMPLEMENTED"]);
});
