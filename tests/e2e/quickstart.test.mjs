// The server of the README, extracted from it and run: the official client does what the README says it can.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { start } from "./support/server.mjs";
import { within } from "./support/wire.mjs";

const kTimeout = { timeout: 60_000 };
let server;
const sockets = [];

before(async () => { server = await start("readme-server"); }, kTimeout);
after(async () => {
  for (const socket of sockets) socket.close();
  await server?.stop();
}, kTimeout);

async function connected(transports) {
  const socket = io(server.url, { transports, forceNew: true });
  sockets.push(socket);
  await within(new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  }), "the connection");
  return socket;
}

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  test(`chat and add over ${transports.join(", then ")}`, kTimeout, async () => {
    const [ann, bob] = [await connected(transports), await connected(transports)];
    const heard = [ann, bob].map((socket) => within(new Promise((resolve) => socket.once("chat", resolve)), "the chat"));
    ann.emit("chat", "hello 🚀");
    assert.deepEqual(await Promise.all(heard), ["hello 🚀", "hello 🚀"]);
    assert.equal(await within(ann.emitWithAck("add", 2, 3), "the sum"), 5);
  });
}
