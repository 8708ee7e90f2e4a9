// The server of the README, extracted from it and run: the official client does what the README says it can.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { start } from "./support/server.mjs";
import { closeClients, connected, kWays, once } from "./support/suites.mjs";
import { within } from "./support/wire.mjs";

const kTimeout = { timeout: 60_000 };
let server;

before(async () => { server = await start("readme-server"); }, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
}, kTimeout);

for (const [way, transports] of Object.entries(kWays)) {
  test(`chat and add: ${way}`, kTimeout, async () => {
    const [ann, bob] = [await connected(server, transports), await connected(server, transports)];
    const heard = [ann, bob].map((socket) => once(socket, "chat"));
    ann.emit("chat", "hello 🚀");
    assert.deepEqual(await Promise.all(heard), [["hello 🚀"], ["hello 🚀"]]);
    assert.equal(await within(ann.emitWithAck("add", 2, 3), "the sum"), 5);
  });
}
