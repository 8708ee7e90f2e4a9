// Old generations of the official client: Socket.IO 2 (Engine.IO 3, only with allow_eio3), and the first of 3 and 4,
// which speak what is spoken today.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import v2 from "socket.io-client-v2";
import v3 from "socket.io-client-v3";
import { io as v40 } from "socket.io-client-v4-0";
import { lab } from "./support/lab.mjs";
import { quietPort } from "./support/server.mjs";
import { kTimeout, kWays } from "./support/suites.mjs";
import { Log, pollingUrl, request, sleep, within } from "./support/wire.mjs";

const kClients = { "Socket.IO 2.5.0": v2, "Socket.IO 3.1.3": v3, "Socket.IO 4.0.2": v40 };

let server;
let log;
const opened = new Set();

before(async () => {
  server = await lab({ allow_eio3: true, ping_interval: 300, ping_timeout: 20_000 });
  log = new Log(server);
}, kTimeout);

after(async () => {
  for (const socket of opened) {
    socket.io.reconnection(false);
    socket.io.engine?.close();
  }
  await server.stop();
}, kTimeout);

function client(connect, { nsp = "/", to = server, ...options } = {}) {
  const socket = connect(to.url + nsp, { forceNew: true, reconnection: false, ...options });
  opened.add(socket);
  return socket;
}

const once = (emitter, event, what = event) =>
  within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), what);

async function connected(connect, options) {
  const socket = client(connect, options);
  await within(new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    for (const event of ["connect_error", "error"]) socket.once(event, (error) => reject(new Error(`${event}: ${JSON.stringify(error)} ${error?.message}`)));
  }), "the connection");
  return socket;
}

const asked = (socket, event, ...args) =>
  within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), `the answer to ${event}`);

for (const [name, connect] of Object.entries(kClients)) {
  describe(name, () => {
    for (const [way, transports] of Object.entries(kWays)) {
      test(`${way}: events, acknowledgements, binary, both ways`, async () => {
        const socket = await connected(connect, { transports });
        if (transports.length > 1 && socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
        assert.equal(socket.io.engine.transport.name, transports.at(-1));
        socket.emit("echo", 1, "two", { three: [null, true] }, "€ 🚀 \u2028 \n \\n");
        assert.deepEqual(await once(socket, "echo"), [1, "two", { three: [null, true] }, "€ 🚀 \u2028 \n \\n"]);
        assert.deepEqual(await asked(socket, "echo", "a", 2), ["a", 2]);
        const bytes = Buffer.from([0, 1, 4, 255, 30]);
        assert.deepEqual(await asked(socket, "echo", { deep: [bytes] }, Buffer.alloc(0), "x"), [{ deep: [bytes] }, Buffer.alloc(0), "x"]);
        const big = Buffer.alloc(200_000, 0xa5);
        socket.emit("echo", big, "🚀".repeat(50_000));
        assert.deepEqual(await once(socket, "echo"), [big, "🚀".repeat(50_000)]);
        socket.close();
      });

      test(`${way}: the heartbeat keeps it`, async () => {
        const socket = await connected(connect, { transports });
        let beats = 0;
        const engine = socket.io.engine;
        // 2: the client pings and counts pongs; later ones are pinged.
        await within(new Promise((resolve) => {
          const beat = () => { if (++beats === 4) resolve(); };
          engine.on(connect === v2 ? "pong" : "heartbeat", beat);
          if (connect !== v2) engine.on("packet", ({ type }) => { if (type === "ping") beat(); });
        }), "four heartbeats");
        assert.deepEqual(await asked(socket, "echo", "alive"), ["alive"]);
        socket.close();
      });
    }

    test("everything sent around the upgrade arrives once and in order", async () => {
      const socket = client(connect);
      const got = [];
      const all = within(new Promise((resolve) => {
        socket.on("echo", (i) => { got.push(i); if (got.length === 300) resolve(); });
      }), "300 answers");
      for (let i = 0; i < 100; ++i) socket.emit("echo", i);
      await once(socket, "connect");
      for (let i = 100; i < 200; ++i) {
        socket.emit("echo", i);
        if (i % 10 === 0) await sleep(1);
      }
      if (socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
      for (let i = 200; i < 300; ++i) socket.emit("echo", i);
      await all;
      assert.deepEqual(got, Array.from({ length: 300 }, (_, i) => i));
      socket.close();
    });

    test("rooms", async () => {
      const [a, b, c] = await Promise.all([connected(connect), connected(v40), connected(connect, { transports: ["websocket"] })]);
      const room = `room of ${name}`;
      for (const socket of [a, b, c]) assert.deepEqual(await asked(socket, "join", room), [[socket.id, room]]);
      assert.deepEqual(await asked(c, "leave", room), [[c.id]]);
      const bytes = Buffer.from([4, 3, 2]);
      const heard = Promise.all([once(a, "news"), once(a, "to all"), once(b, "to all"), once(c, "to all")]);
      c.on("news", () => assert.fail("the room was left"));
      b.on("news", () => assert.fail("the sender hears nothing"));
      b.emit("to", room, "news", bytes, { more: [bytes, "ü"] });
      b.emit("all", "to all", bytes);
      const [news, ...rest] = await heard;
      assert.deepEqual(news, [bytes, { more: [bytes, "ü"] }]);
      for (const args of rest) assert.deepEqual(args, [bytes]);
      for (const socket of [a, b, c]) socket.close();
    });

    test("a namespace, and the main one beside it", async () => {
      const main = await connected(connect);
      const socket = main.io.socket("/chat");
      await once(socket, "connect");
      const other = await connected(connect, { nsp: "/chat", transports: ["websocket"] });
      assert.deepEqual(await asked(socket, "echo", "x", Buffer.from([1])), ["x", Buffer.from([1])]);
      other.on("others", () => assert.fail("the sender hears nothing"));
      const heard = once(socket, "others");
      other.emit("others", 1);
      assert.deepEqual(await heard, [1]);
      const direct = once(socket, "direct");
      other.emit("to id", socket.id, "direct");
      assert.deepEqual(await direct, [other.id]);
      // What a socket sends to a room that it is in does not come back to it.
      for (const sender of [socket, other]) {
        sender.on("back", () => assert.fail("the sender hears nothing"));
        sender.emit("to id", sender.id, "back");
        assert.deepEqual(await asked(sender, "echo", "behind it"), ["behind it"]);
      }
      assert.deepEqual(await asked(main, "echo", "main"), ["main"]);
      socket.close();  // one namespace: the other stays
      assert.deepEqual(await asked(main, "echo", "still"), ["still"]);
      main.close();
      other.close();
    });

    test("ids are the client's too", async () => {
      for (const nsp of ["/", "/chat"]) {
        const socket = await connected(connect, { nsp });
        const [{ id }] = await asked(socket, "who am I");
        assert.equal(id, socket.id);
        if (connect === v2) assert.equal(id, nsp === "/" ? socket.io.engine.id : `${nsp}#${socket.io.engine.id}`);
        else assert.match(id, /^[\w-]{20}$/);
        socket.close();
      }
    });

    test("the query of the connection", async () => {
      const socket = await connected(connect, { query: { token: "a b&c" } });
      const [{ query }] = await asked(socket, "who am I");
      assert.equal(query.token, "a b&c");
      assert.equal(query.EIO, connect === v2 ? "3" : "4");
      socket.close();
    });

    test("an unknown namespace is refused", async () => {
      const socket = client(connect, { nsp: "/nowhere" });
      const [error] = await once(socket, connect === v2 ? "error" : "connect_error");
      assert.equal(error.message, "Invalid namespace");
      socket.io.engine.close();
    });

    test("disconnect reasons", async () => {
      const kGoodbyes = [
        [(socket) => socket.disconnect(), "io client disconnect", "client namespace disconnect"],
        [(socket) => socket.io.engine.close(), "forced close", "transport close"],
        [(socket) => socket.emit("hang up", false), "io server disconnect", "server namespace disconnect"],
        [(socket) => socket.emit("hang up", true), "io server disconnect", "server namespace disconnect"],
      ];
      for (const [leave, here, there] of kGoodbyes) {
        for (const transports of [["polling"], ["websocket"]]) {
          const socket = await connected(connect, { transports });
          const { id } = socket;
          const gone = once(socket, "disconnect");
          leave(socket);
          assert.equal((await gone)[0], here);
          const entry = await log.until((e) => "disconnect" in e && e.id === id, "the disconnect");
          assert.equal(entry.disconnect, there);
          socket.io.engine?.close();
        }
      }
    });

    test("it comes back when the server does", async () => {
      const first = await lab({ allow_eio3: true }, undefined, await quietPort());
      const socket = client(connect, { to: first, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 });
      await once(socket, "connect");
      const gone = once(socket, "disconnect");
      await first.kill();
      await gone;
      const back = within(new Promise((resolve) => socket.once("connect", resolve)), "the connection again", 60_000);
      const second = await first.again();
      await back;
      assert.deepEqual(await asked(socket, "echo", "again"), ["again"]);
      socket.io.reconnection(false);
      socket.close();
      await second.stop();
    });

    test("a server that is shut down says goodbye", async () => {
      const leaving = await lab({ allow_eio3: true });
      const sockets = await Promise.all([["polling"], ["websocket"]].map((transports) => connected(connect, { to: leaving, transports })));
      const gone = sockets.map((socket) => once(socket, "disconnect"));
      await leaving.stop();
      for (const [reason] of await Promise.all(gone)) assert.match(reason, /transport (close|error)/);
    });
  });
}

describe("Socket.IO 2 only", () => {
  // covers sio/v2-compatibility: should connect if `allowEIO3` is true
  test("it connects where it is allowed", async () => {
    const socket = await connected(v2);
    const [{ id }] = await asked(socket, "who am I");
    assert.equal(id, socket.id);
    assert.equal(socket.io.engine.id, id);
    socket.close();
  });

  // covers sio/v2-compatibility: should be able to connect to a namespace with a query
  test("the query of a namespace is its auth", async () => {
    const kQueries = [
      [{ test: "123" }, { test: "123" }],
      [{ a: "ü & =?#,", b: "" }, { a: "ü & =?#,", b: "" }],
      [undefined, {}],
    ];
    for (const [query, auth] of kQueries) {
      const socket = client(v2, { nsp: "/chat" });
      socket.query = query;
      await once(socket, "connect");
      assert.deepEqual((await asked(socket, "who am I"))[0].auth, auth);
      socket.close();
    }
  });

  test("what it sends to others does not come back to it, whatever carries it", async (t) => {
    for (const options of [{ joined: true }, { connection_state_recovery: {} }]) {
      const to = await lab({ allow_eio3: true, ...options }, t);
      const [a, b] = [client(v2, { nsp: "/chat", to }), client(v2, { nsp: "/chat", to })];
      await Promise.all([once(a, "connect"), once(b, "connect")]);
      for (const event of ["others", "direct"]) a.on(event, () => assert.fail("the sender hears nothing"));
      const heard = Promise.all([once(b, "others"), once(b, "direct")]);
      a.emit("others", 1);
      a.emit("to id", a.id, "direct");
      a.emit("to id", b.id, "direct");
      assert.deepEqual((await heard).map(([first]) => first), [1, a.id]);  // with recovery there is an offset behind it
      assert.deepEqual(await asked(a, "echo", "behind it"), ["behind it"]);
      a.close();
      b.close();
    }
  });

  // covers sio/v2-compatibility: should not connect if `allowEIO3` is false (default)
  test("it does not connect where nobody allowed it", async (t) => {
    const strict = await lab({}, t);
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = client(v2, { to: strict, transports });
      socket.on("connect", () => assert.fail("connected"));
      await once(socket, "connect_error");
    }
    const { status, body } = await request(pollingUrl(strict, "/socket.io/", "EIO=3&transport=polling"));
    assert.equal(status, 400);
    assert.equal(body, '{"code":5,"message":"Unsupported protocol version"}');
  });

  test("a refusal is a bare value", async () => {
    const plain = client(v2, { nsp: "/refused" });
    assert.deepEqual(await once(plain, "error"), ["not you"]);
    const withData = client(v2, { nsp: "/refused" });
    withData.query = { why: "because" };
    assert.deepEqual(await once(withData, "error"), [{ why: "because" }]);
    for (const socket of [plain, withData]) socket.io.engine.close();
  });

  test("base64 where the client wants it", async () => {
    for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
      const socket = await connected(v2, { transports, forceBase64: true });
      const bytes = Buffer.from([1, 2, 3, 4, 255]);
      assert.deepEqual(await asked(socket, "echo", bytes, "x"), [bytes, "x"]);
      if (transports.length > 1 && socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
      assert.deepEqual(await asked(socket, "echo", bytes, "x"), [bytes, "x"]);
      socket.close();
    }
  });

  test("old and new talk to each other", async () => {
    const old = await connected(v2);
    const recent = await connected(v40);
    const heard = [once(old, "both"), once(recent, "both")];
    recent.emit("all", "both", Buffer.from([1]), "x");
    for (const args of await Promise.all(heard)) assert.deepEqual(args, [Buffer.from([1]), "x"]);
    old.close();
    recent.close();
  });
});
