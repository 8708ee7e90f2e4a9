// Dynamic namespaces with the official JavaScript client: parents, children, and their coming and going.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { lab } from "./support/lab.mjs";
import { client as official, closeClients, connected, kWays, once } from "./support/suites.mjs";
import { within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };

after(closeClients, kTimeout);

/** A socket for another namespace over the connection of `root`. */
async function joined(root, nsp, auth) {
  if (root.io.nsps[nsp]) root.io.nsps[nsp].auth = auth ?? {};  // connects again by itself
  const socket = root.io.socket(nsp, { auth });
  await within(new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  }), `the connection to ${nsp}`);
  return socket;
}

const ask = (socket, ...args) => within(socket.emitWithAck(...args), `an answer to ${args[0]}`);

/** Asks until the server has these children. */
async function children(root, expected) {
  for (;;) {
    const now = (await ask(root, "children")).sort();
    if (JSON.stringify(now) === JSON.stringify(expected)) return;
  }
}

for (const [way, transports] of Object.entries(kWays)) {
  describe(way, () => {
    // covers sio/namespaces: dynamic namespaces › should allow connections to dynamic namespaces with a regex and emit
    // in a room
    // covers sio/middleware: should disable the merge of handshake packets
    test("a pattern's children, and what is sent to all of them", kTimeout, async (t) => {
      const server = await lab({}, t);
      const root = await connected(server, transports);
      const one = await joined(root, "/dynamic-1");
      const two = await joined(root, "/dynamic-2");
      assert.equal(await ask(one, "who"), "/dynamic-1");
      assert.equal(await ask(two, "who"), "/dynamic-2");
      assert.equal(await ask(two, "join", "room"), true);
      const all = [once(one, "to all"), once(two, "to all")];
      root.emit("parent", "", "to all", 1, Buffer.from([1, 2]));
      for (const args of await Promise.all(all)) assert.deepEqual(args, [1, Buffer.from([1, 2])]);
      const some = once(two, "to some");
      one.once("to some", () => assert.fail("it is not in the room"));
      root.emit("parent", "room", "to some", "x");
      assert.deepEqual(await some, ["x"]);
      assert.equal(await ask(one, "who"), "/dynamic-1");  // what was to come has come
      await assert.rejects(joined(root, "/dynamic-x"), { message: "Invalid namespace" });
      await assert.rejects(joined(root, "/dynamic-3", { refuse: true }), { message: "refused" });
      closeClients();
    });

    // covers sio/namespaces: dynamic namespaces › should allow connections to dynamic namespaces with a function
    test("coroutines and later answers decide", kTimeout, async (t) => {
      const server = await lab({}, t);
      const root = await connected(server, transports);
      assert.equal(await ask(await joined(root, "/maybe-a", { ok: true }), "who"), "/maybe-a");
      await assert.rejects(joined(root, "/maybe-b", { ok: false }), { message: "Invalid namespace" });
      assert.equal(await ask(await joined(root, "/later-c"), "who"), "/later-c");
      await assert.rejects(joined(root, "/else"), { message: "Invalid namespace" });
      closeClients();
    });
  });
}

// covers sio/namespaces: should be equivalent for "" and "/" on client
// covers sio/namespaces: should not reuse same-namespace connections
test("one namespace under two names, and two connections to one namespace", kTimeout, async (t) => {
  const server = await lab({}, t);
  const sockets = ["", "/"].map((nsp) => io(server.url + nsp, { transports: ["websocket"], reconnection: false }));
  t.after(() => { for (const socket of sockets) socket.disconnect(); });
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  assert.deepEqual(sockets.map((socket) => socket.nsp), ["/", "/"]);
  assert.notEqual(sockets[0].id, sockets[1].id);
  assert.notEqual(sockets[0].io.engine.id, sockets[1].io.engine.id);
  const { log, clients } = await server.log();
  assert.equal(clients, 2);
  assert.deepEqual(log.filter((entry) => entry.connected).map((entry) => entry.connected), ["/", "/"]);
  for (const socket of sockets) socket.disconnect();
});

// covers sio/namespaces: dynamic namespaces › should handle race conditions with dynamic namespaces (#4136)
test("many clients at once make one namespace", kTimeout, async (t) => {
  const server = await lab({}, t);
  const roots = await Promise.all(Array.from({ length: 12 }, () => connected(server, ["websocket"])));
  for (let round = 0; round < 10; ++round) {
    await Promise.all(roots.flatMap((root) => [joined(root, `/later-${round}`), joined(root, `/dynamic-${round}`)]));
  }
  const { log } = await server.log();
  const created = log.map((entry) => entry.new_namespace).filter(Boolean).sort();
  const expected = Array.from({ length: 10 }, (_, n) => [`/dynamic-${n}`, `/later-${n}`]).flat().sort();
  assert.deepEqual(created, expected);
  closeClients();
});

// covers sio/namespaces: dynamic namespaces › should allow a client to connect to a cleaned up namespace
test("children go with their last client, and come back", kTimeout, async (t) => {
  const server = await lab({ cleanup_empty_child_namespaces: true }, t);
  const root = await connected(server, ["websocket"]);
  const other = await connected(server, ["polling"]);
  for (let round = 0; round < 3; ++round) {
    const here = await joined(root, "/dynamic-1");
    const there = await joined(other, "/dynamic-1");
    here.disconnect();
    assert.equal(await ask(there, "who"), "/dynamic-1");
    await children(root, ["/dynamic-1"]);
    there.disconnect();
    await children(root, []);
    await assert.rejects(joined(root, "/dynamic-1", { refuse: true }), { message: "refused" });
    await children(root, []);
  }
  const lost = official(server, ["websocket"], { nsp: "/dynamic-2" });
  await once(lost, "connect");
  await children(root, ["/dynamic-2"]);
  lost.io.engine.close();
  await children(root, []);
  closeClients();
});

test("children stay when cleaning is off, and their number is limited", kTimeout, async (t) => {
  const server = await lab({ max_child_namespaces: 2 }, t);
  const root = await connected(server, ["websocket"]);
  (await joined(root, "/dynamic-1")).disconnect();
  await joined(root, "/dynamic-2");
  await children(root, ["/dynamic-1", "/dynamic-2"]);
  await assert.rejects(joined(root, "/dynamic-3"), { message: "Too many namespaces" });
  await joined(root, "/dynamic-1");
  closeClients();
});
