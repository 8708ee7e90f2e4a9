// The official JavaScript client against the `probe` server, once per way of transport: what a user of the library sees.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { RawSocket, frame, kSocketPath, kText } from "./support/raw.mjs";
import { conformance, conformanceAt, quietPort, start } from "./support/server.mjs";
import { client as official, closeClients, connected as officialConnected, kWays, once, settled } from "./support/suites.mjs";
import { idOf, Log, sleep, until, within } from "./support/wire.mjs";

const kTimeout = { timeout: 180_000 };
let server;
let log;

before(async () => {
  server = await conformance("probe");
  log = new Log(server);
}, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
}, kTimeout);

const client = (transports, options) => official(server, transports, options);
const connected = (transports, options) => officialConnected(server, transports, options);
const ask = (socket, ...args) => within(socket.emitWithAck("echo", ...args), "an acknowledgement");

/** What an event without an ack brings back. */
function echo(socket, ...args) {
  const answer = once(socket, "echo", "the echo");
  socket.emit("echo", ...args);
  return answer;
}

const kValues = [
  null, true, false, 0, -1, 1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, "", "text", "\u0000\n\t\"\\/", "Ελληνικά 日本語 🚀 e\u0301 \u2028",
  [], {}, [[[[]]]], [1, "2", { three: [4] }], { a: { b: { c: [null, false, { d: "e" }] } }, "": 1, "ключ 🔑": "значение" },
  { _placeholder: false, num: 7 },
];

for (const [way, transports] of Object.entries(kWays)) {
  describe(way, () => {
    test("connects, and the auth arrives", async () => {
      await log.clear();
      const auth = { token: "§ 123", nested: { list: [1, null] } };
      const socket = await connected(transports, { auth });
      assert.match(socket.id, /^[\w-]{20}$/);
      assert.notEqual(socket.id, socket.io.engine.id);
      assert(!socket.recovered);
      assert.deepEqual((await log.until((entry) => "connected" in entry, "the connection")), { connected: "/", auth });
      socket.disconnect();
    });

    test("ends up on the expected transport", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      assert.equal(socket.io.engine.transport.name, transports.at(-1));
      assert.deepEqual(await echo(socket, "over it"), ["over it"]);
      socket.disconnect();
    });

    test("namespaces share one connection and keep apart", async () => {
      const root = await connected(transports);
      const rest = ["/admin", "/dyn-1"].map((name) => root.io.socket(name));
      await Promise.all(rest.map((socket) => once(socket, "connect")));
      const all = [root, ...rest];
      assert.equal(new Set(all.map((socket) => socket.id)).size, 3);
      for (const socket of all) socket.onAny(() => { socket.heard = (socket.heard ?? 0) + 1; });
      for (const socket of all) assert.deepEqual(await echo(socket, socket.nsp), [socket.nsp]);
      assert.deepEqual(all.map((socket) => socket.heard), [1, 1, 1]);
      rest[0].disconnect();
      assert.deepEqual(await echo(root, "still here"), ["still here"]);
      assert.deepEqual(await ask(rest[1], "here too"), "here too");
      root.io.engine.close();
    });

    test("an unknown namespace gives connect_error; the connection goes on", async () => {
      const root = await connected(transports);
      const [error] = await once(root.io.socket("/nope"), "connect_error");
      assert.equal(error.message, "Invalid namespace");
      const bad = root.io.socket("/dyn-x");
      assert.equal((await once(bad, "connect_error"))[0].message, "Invalid namespace");
      assert.deepEqual(await echo(root, 1), [1]);
      root.io.engine.close();
    });

    test("every kind of JSON comes back the same, alone and together, echoed and acknowledged", async () => {
      const socket = await connected(transports);
      for (const value of kValues) {
        assert.deepEqual(await echo(socket, value), [value]);
        assert.deepEqual(await ask(socket, value), value);
      }
      assert.deepEqual(await echo(socket, ...kValues), kValues);
      assert.deepEqual(await echo(socket), []);
      socket.disconnect();
    });

    // covers siop/arraybuffer: encodes ArrayBuffers deep in JSON
    // covers siop/arraybuffer: encodes deep binary JSON with null values
    test("binary at depth in both directions, echoed and acknowledged", async () => {
      const socket = await connected(transports);
      const bytes = (...values) => Buffer.from(values);
      const cases = [
        [bytes(1, 2, 3)],
        [bytes()],
        [{ a: { b: [bytes(1), { c: bytes(2, 255, 0) }] }, text: "é", none: null }, "between", bytes(3), [null]],
        Array.from({ length: 10 }, (_, i) => bytes(i)),
        [Buffer.alloc(100_000, 7)],
      ];
      for (const args of cases) {
        assert.deepEqual(await echo(socket, ...args), args);
        assert.deepEqual(await ask(socket, ...args), args[0]);
      }
      assert.deepEqual((await echo(socket, new Uint8Array([9, 8])))[0], bytes(9, 8));
      socket.disconnect();
    });

    test("acknowledgements find their callers, whatever their order", async () => {
      const socket = await connected(transports);
      const numbers = Array.from({ length: 200 }, (_, i) => i);
      assert.deepEqual(await Promise.all(numbers.map((i) => ask(socket, i, { i }))), numbers);
      const several = await within(new Promise((resolve) => socket.emit("echo", 1, "two", [3], (...args) => resolve(args))), "the ack");
      assert.deepEqual(several, [1, "two", [3]]);
      const none = await within(new Promise((resolve) => socket.emit("echo", (...args) => resolve(args))), "the empty ack");
      assert.deepEqual(none, []);
      await assert.rejects(socket.timeout(200).emitWithAck("nobody answers this"), /timed out/);
      socket.disconnect();
    });

    test("a message of maxHttpBufferSize passes, one byte more ends the connection", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      const frame = '42["echo",""]'.length;
      const largest = "x".repeat(1_000_000 - frame);
      assert.equal((await echo(socket, largest))[0].length, largest.length);
      assert.equal((await echo(socket, Buffer.alloc(700_000)))[0].length, 700_000);
      const { id } = socket;
      const gone = once(socket, "disconnect");
      socket.emit("echo", `${largest}y`);
      const [reason] = await gone;
      assert(["transport close", "transport error"].includes(reason), reason);
      // After a 413 the session lives on in the server until the client's silence ends it, so only WebSocket shows a reason.
      if (transports.includes("websocket")) assert.match((await log.disconnect(id)).disconnect, /^transport (error|close)$/);
    });

    test("1,000 messages each way keep their order", async () => {
      const socket = client(transports);
      const heard = [];
      const all = within(new Promise((resolve) => socket.on("echo", (i) => { if (heard.push(i) === 1000) resolve(); })), "all echoes", 60_000);
      await once(socket, "connect");
      let next = 0;
      const send = (count) => { for (let i = 0; i < count; ++i) socket.emit("echo", next++); };
      if (transports.length > 1) {
        // Before, during and after the change of transport.
        send(200);
        while (socket.io.engine.transport.name === "polling" && next < 800) {
          send(5);
          await sleep(1);
        }
        if (socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
      }
      send(1000 - next);
      await all;
      assert.deepEqual(heard, Array.from({ length: 1000 }, (_, i) => i));
      socket.disconnect();
    });

    // covers sio/uws: should not crash when socket is disconnected before the upgrade
    test("reasons: the client leaves at once", async () => {
      const socket = await connected(transports);
      const { id } = socket;
      socket.disconnect();  // whatever upgrade there is has just begun
      assert.equal((await log.disconnect(id)).disconnect, "client namespace disconnect");
      const next = await connected(transports);
      const echoed = once(next, "echo");
      next.emit("echo", "the server is there");
      assert.deepEqual(await echoed, ["the server is there"]);
      next.disconnect();
    });

    test("reasons: the client leaves", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      const { id } = socket;
      const gone = once(socket, "disconnect");
      socket.disconnect();
      assert.equal((await gone)[0], "io client disconnect");
      assert.equal((await log.disconnect(id)).disconnect, "client namespace disconnect");
    });

    test("reasons: the client closes the transport", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      const { id } = socket;
      const gone = once(socket, "disconnect");
      socket.io.engine.close();
      assert.equal((await gone)[0], "forced close");
      assert.equal((await log.disconnect(id)).disconnect, "transport close");
    });

    test("reasons: the client breaks the protocol", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      const { id } = socket;
      const gone = once(socket, "disconnect");
      socket.io.engine.write('2"not an array"');
      assert.equal((await gone)[0], "transport close");
      assert.match((await log.disconnect(id)).disconnect, /^forced (server )?close$/);
    });

    test("reconnects after the server was restarted", async () => {
      const own = await conformanceAt(await quietPort(), "probe");
      const socket = await officialConnected(own, transports, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
      await settled(socket, transports);
      const first = socket.id;
      const gone = once(socket, "disconnect");
      await own.kill();
      assert.match((await gone)[0], /^transport (close|error)$/);
      socket.emit("echo", "sent meanwhile");
      const [echoed, back] = [once(socket, "echo"), once(socket, "connect")];
      const second = await own.again();
      await back;
      assert.notEqual(socket.id, first);
      assert.deepEqual(await echoed, ["sent meanwhile"]);
      socket.disconnect();
      await second.stop();
    });
  });
}

describe("many at once", () => {
  test("200 clients of all three kinds", async (t) => {
    const ways = Object.values(kWays);
    const own = await conformance("probe");
    t.after(() => own.stop());
    const ownLog = new Log(own);
    const sockets = await Promise.all(Array.from({ length: 200 }, (_, i) => officialConnected(own, ways[i % 3])));
    assert.equal(new Set(sockets.map((socket) => socket.id)).size, 200);
    assert.equal((await ownLog.read()).clients, 200);
    const answers = await Promise.all(sockets.map((socket, i) => ask(socket, i, Buffer.from([i % 256]))));
    assert.deepEqual(answers, sockets.map((_, i) => i));
    for (const socket of sockets) socket.disconnect();
    await until(() => ownLog.read(), ({ clients }) => clients === 0, "the end of all clients");
  });
});

describe("other programs", () => {
  test("the `ws` suite echoes text and binary of any size on any path", async () => {
    const plain = await conformance("ws");
    for (const path of ["/", "/any/path?x=1"]) {
      const socket = new WebSocket(plain.ws + path);
      await once(socket, "open");
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 5_000_000]) {
        for (const data of ["x".repeat(size), Buffer.alloc(size, 3)]) {
          socket.send(data);
          const [back, binary] = await once(socket, "message");
          assert.equal(binary, Buffer.isBuffer(data));
          assert(Buffer.from(data).equals(back), `${size} bytes`);
        }
      }
      const gone = once(socket, "close");
      socket.close(4321, "bye");
      assert.equal((await gone)[0], 4321);
    }
    await plain.stop();
  });

  test("bench-server: echo, broadcast and rooms", async () => {
    const modes = { echo: [1, 0, 0, 0], broadcast: [1, 1, 1, 1], "rooms:2": [1, 0, 1, 0] };
    for (const [mode, expected] of Object.entries(modes)) {
      const bench = await start("bench-server", ["--mode", mode]);
      const sockets = [];
      for (let i = 0; i < 4; ++i) sockets.push(await officialConnected(bench, i % 2 ? ["polling"] : ["websocket"]));
      const heard = [0, 0, 0, 0];
      const total = expected.reduce((sum, n) => sum + n);
      const all = new Promise((resolve) => sockets.forEach((socket, i) => socket.on("m", (...args) => {
        assert.deepEqual(args, ["a", { b: 1 }, Buffer.from([1, 2])]);
        ++heard[i];
        if (heard.reduce((sum, n) => sum + n) === total) resolve();
      })));
      sockets[0].emit("m", "a", { b: 1 }, Buffer.from([1, 2]));
      await within(all, `the messages of ${mode}`);
      if (mode === "echo") assert.equal(await within(sockets[0].emitWithAck("m", "acked"), "the ack"), "acked");
      assert.deepEqual(heard, expected);
      for (const socket of sockets) socket.disconnect();
      await bench.stop();
    }
  });

  test("--fast: a client whose pongs stop is dropped with a ping timeout", async () => {
    const fast = await conformance("probe", "--fast");
    const fastLog = new Log(fast);
    // A bare peer: the official client watches the pings itself and would hang up at the same moment.
    const peer = await RawSocket.open(fast, kSocketPath, { pong: false, early: frame(kText, "40") });
    await peer.next("the handshake");
    assert.equal((await fastLog.disconnect(idOf(await peer.next()))).disconnect, "ping timeout");
    peer.close();
    await fast.stop();
  });
});
