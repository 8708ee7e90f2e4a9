// The official Engine.IO client, and what its own suite asks of a server: messages of every kind both ways, and every way
// to end.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { Socket as EngineSocket } from "engine.io-client";  // of socket.io-client
import { conformance } from "./support/server.mjs";
import { closeClients, connected, kPatient, kTimeout, once } from "./support/suites.mjs";
import { lab } from "./support/lab.mjs";
import { RawSocket, frame, kSocketPath, kText } from "./support/raw.mjs";
import { Frames, kEnginePath, Polling, request, within } from "./support/wire.mjs";

let echo;  // bare Engine.IO: every message comes back
before(async () => { echo = await conformance("eio4", ...kPatient); }, kTimeout);
after(async () => { closeClients(); await echo?.stop(); }, kTimeout);

const kWays = { polling: ["polling"], WebSocket: ["websocket"] };

/** An Engine.IO client, open: of `echo`, or of a lab. */
async function opened(transports, server = echo) {
  const socket = new EngineSocket(server.url, { path: server === echo ? kEnginePath : "/socket.io/", transports });
  socket.binaryType = "nodebuffer";
  await once(socket, "open");
  return socket;
}

/** The same of a lab, with a Socket.IO socket in it. */
async function joined(transports, server) {
  const socket = await opened(transports, server);
  const answer = messages(socket, 1);
  socket.send("0");
  await answer;
  return socket;
}

/** The next `count` messages. */
const messages = (socket, count) => within(new Promise((resolve) => {
  const got = [];
  socket.on("message", (data) => { if (got.push(data) === count) resolve(got); });
}), `${count} messages`);

/** What the lab's log says of ended sockets, once there are `count`. */
async function ends(server, count = 1) {
  const seen = [];
  await within((async () => {
    while (seen.length < count) seen.push(...(await server.log()).log.filter((entry) => "disconnect" in entry));
  })(), "the end of a socket");
  return seen.map(({ disconnect }) => disconnect);
}

describe("messages", kTimeout, () => {
  for (const [name, way] of Object.entries(kWays)) {
    // covers eio/server: messages › should arrive from server to client
    // covers eio/server: messages › should arrive from server to client (ws)
    // covers eio/server: messages › should arrive from server to client (multiple)
    // covers eio/server: messages › should arrive from server to client (multiple, ws)
    // covers eio/server: messages › should arrive from server to client (multiple, no delay, ws)
    // covers eio/server: messages › should support chinese
    test(`text in order, ${name}`, async () => {
      const socket = await opened(way);
      const texts = ["a", "b", "测试", "测试 x".repeat(100), "€ ü 😀"];
      const all = messages(socket, texts.length);
      for (const text of texts) socket.send(text);
      assert.deepEqual(await all, texts);
      socket.close();
    });

    // covers eio/server: messages › should arrive when binary data is sent as Int8Array (ws)
    // covers eio/server: messages › should arrive when binary data is sent as Int32Array (ws)
    // covers eio/server: messages › should arrive when binary data is sent as Int32Array, given as ArrayBuffer(ws)
    // covers eio/server: messages › should arrive when binary data is sent as Buffer (ws)
    // covers eio/server: messages › should arrive when binary data sent as Buffer (polling)
    test(`binary of every make, ${name}`, async () => {
      const socket = await opened(way);
      const int32 = Int32Array.from([1, 256, 65_536, -1]);
      const given = [Int8Array.from([0, 1, -1, 127]), int32, int32.buffer, Buffer.from([0, 255, 30, 1]), Buffer.alloc(0)];
      const all = messages(socket, given.length);
      for (const data of given) socket.send(data);
      const bytes = (data) => Buffer.from(data instanceof ArrayBuffer ? data : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
      assert.deepEqual(await all, given.map(bytes));
      socket.close();
    });
  }

  // covers eio/server: messages › should interleave with pongs if many messages buffered
  test("a hundred large messages do not cost the heartbeat", async (t) => {
    const server = await lab({ ping_interval: 100, ping_timeout: 30_000 }, t);
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = await connected(server, transports);
      let got = 0;
      let pings = 0;
      socket.io.on("ping", () => { ++pings; });
      const last = within(new Promise((resolve) => socket.on("m", (i) => { if (++got === 100) resolve(i); })), "all of them", 60_000);
      socket.emit("burst", 100, "x".repeat(65_536), false);
      assert.equal(await last, 99);
      while (pings === 0) await once(socket.io, "ping");
      assert.equal(await socket.emitWithAck("echo", 1), 1);
      socket.disconnect();
    }
  });

  // covers eio/server: upgrade › should upgrade
  // covers eio/server: send › callback › should execute once for each send
  test("fifty each way while it upgrades", async () => {
    const socket = await opened(["polling", "websocket"]);
    const upgraded = once(socket, "upgrade");
    const all = messages(socket, 50);
    for (let i = 0; i < 50; ++i) socket.send(String(i));
    assert.deepEqual(await all, Array.from({ length: 50 }, (_, i) => String(i)));
    await upgraded;
    const more = messages(socket, 1);
    socket.send("there");
    assert.deepEqual(await more, ["there"]);
    socket.close();
  });

  // covers eio/server: extraHeaders › should arrive from client to server via WebSockets
  // covers eio/server: extraHeaders › should arrive from client to server via XMLHttpRequest
  // covers eio/server: handshake › should allow arbitrary data through query string
  // covers eio/server: handshake › should allow data through query string in uri
  // covers eio/server: remoteAddress › should be defined (polling)
  // covers eio/server: remoteAddress › should be defined (ws)
  test("header, address and query are shown to the server", async (t) => {
    const server = await lab({}, t);
    for (const way of Object.values(kWays)) {
      const socket = await connected(server, way, { extraHeaders: { "x-own": "in the cloud" }, query: { a: "b c", d: "é" } });
      const seen = await socket.emitWithAck("handshake", "x-own");
      assert.equal(seen.header, "in the cloud");
      assert.match(seen.address, /^(::ffff:)?127\.0\.0\.1$/);
      assert.equal(seen.query.a, "b c");
      assert.equal(seen.query.d, "é");
      assert.equal(seen.query.transport, way[0]);
      socket.disconnect();
    }
  });
});

describe("ends", kTimeout, () => {
  // covers eio/server: close › should trigger when server closes a client
  // covers eio/server: close › should trigger when server closes a client (ws)
  // covers eio/server: close › should trigger when client closes
  // covers eio/server: close › should trigger when client closes (ws)
  test("either side closes, and both hear of it", async (t) => {
    const server = await lab({}, t);
    for (const way of Object.values(kWays)) {
      const first = await joined(way, server);
      const closed = once(first, "close");
      first.send('2["hang up",true]');
      assert.equal((await closed)[0], "transport close");
      assert.deepEqual(await ends(server), ["server namespace disconnect"]);
      const second = await joined(way, server);
      const left = once(second, "close");
      second.close();
      assert.equal((await left)[0], "forced close");
      assert.deepEqual(await ends(server), ["transport close"]);
    }
  });

  // covers eio/server: close › should trigger when calling socket.close() in payload
  test("a close in the middle of a payload: what stands behind it is not looked at", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    await polling.post("40");
    await polling.next();
    assert.equal((await polling.post('42["echo",1]\x1e1\x1e42["all","never"]')).body, "ok");
    assert.deepEqual(await ends(server), ["transport close"]);
    assert.equal((await polling.refused()).code, 1);
  });

  // covers eio/server: close › should abort connection when upgrade fails
  test("an upgrade to nothing we have", async () => {
    for (const path of [kEnginePath, `${kEnginePath}?transport=websocket`]) {
      const answer = await within(new Promise((resolve) => {
        const socket = net.connect(echo.port, "127.0.0.1");
        let got = "";
        socket.on("data", (part) => { got += part; });
        socket.on("close", () => resolve(got));
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      }), "the connection to be closed");
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    }
  });

  // covers eio/server: close › should not trigger with connection: close header
  test("polls that come with Connection: close", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    const headers = { connection: "close" };
    assert.equal((await polling.post("40", headers)).body, "ok");
    assert.match((await polling.get({ headers })).body, /^40/);
    for (let i = 0; i < 3; ++i) {
      assert.equal((await polling.post(`42["echo",${i}]`, headers)).body, "ok");
      assert.equal((await polling.get({ headers })).body, `42["echo",${i}]`);
    }
  });

  // covers eio/server: close › should trigger early with connection `transport close`
  test("a close does not wait for the heartbeat", async (t) => {
    const server = await lab({ ping_interval: 50, ping_timeout: 600_000 }, t);
    const socket = await joined(["websocket"], server);
    await once(socket, "ping");
    const closed = once(socket, "close");
    socket.send('2["hang up",true]');
    assert.equal((await closed)[0], "transport close");
  });

  // covers eio/server: close › should abort the polling data request if it is
  test("an upload that is under way when the session ends", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    await polling.post("40");
    await polling.next();
    const upload = net.connect(server.port, "127.0.0.1");
    const ended = within(new Promise((resolve) => upload.on("close", resolve).on("error", () => {})), "the upload's end");
    upload.write(`POST ${new URL(polling.url).pathname}${new URL(polling.url).search} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4`);
    // The second upload is the fault that ends the session, and the first with it.
    await within((async () => { while ((await polling.post("3")).status === 200); })(), "the overlap");
    await ended;
    assert.equal((await polling.refused()).code, 1);
  });

  // covers eio/server: close › should close upgrading transport upon socket close
  test("a WebSocket in its probe ends with its session", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    await polling.post("40");
    await polling.next();
    const probe = new Frames(polling.upgradeUrl);
    await probe.opened;
    assert.equal((await polling.post("1")).body, "ok");
    await probe.gone();
  });

  // The official client looks at a `1` at once, and at messages in its next turn: with both in one answer it would take
  // a kick for a broken connection, come back, and have lost what was said before.
  test("messages, a kick and the close, while a client polls: told in this order, and it stays away", async (t) => {
    const server = await lab({}, t);
    const socket = await connected(server, ["polling"], { reconnection: true, reconnectionDelay: 10 });
    const heard = [];
    socket.on("m", (n) => heard.push(n));
    socket.on("disconnect", (reason) => heard.push(reason));
    const gone = once(socket.io.engine, "close");
    socket.emit("burst", 5, "x", true);
    await gone;
    assert.deepEqual(heard, [0, 1, 2, 3, 4, "io server disconnect"]);
    assert.equal(socket.active, false);
    assert.deepEqual(await ends(server), ["server namespace disconnect"]);
  });

  // covers eio/server: close › should not timeout after an upgrade
  test("the time for an upgrade is over with it", async (t) => {
    const server = await lab({ upgrade_timeout: 100, ping_interval: 100 }, t);
    const polling = await Polling.open(server);
    await polling.post("40");
    await polling.next();
    // In one segment: the official client, held up between its packets, may be closed for that very time.
    const early = Buffer.concat([frame(kText, "2probe"), frame(kText, "5")]);
    const socket = await RawSocket.open(server, `${kSocketPath}&sid=${polling.sid}`, { pong: false, early });
    assert.equal(await socket.next(), "3probe");
    for (let i = 0; i < 4; ++i) {
      assert.equal(await socket.next(), "2");
      await socket.send(frame(kText, "3"));
    }
    await socket.send(frame(kText, '42["echo",1]'));
    let packet;
    do packet = await socket.next(); while (packet === "2");
    assert.equal(packet, '42["echo",1]');
    socket.close();
  });

  // covers eio/server: close › should not discard the packets in the writeBuffer when closing gracefully
  test("what was sent before a graceful close arrives", async (t) => {
    const server = await lab({}, t);
    for (const way of Object.values(kWays)) {
      const socket = await joined(way, server);
      const got = [];
      socket.on("message", (data) => { if (data.startsWith('2["m",')) got.push(JSON.parse(data.slice(1))[1]); });
      const closed = once(socket, "close");
      socket.send(`2["burst",50,"${"x".repeat(10_000)}",true]`);
      await closed;
      assert.deepEqual(got, Array.from({ length: 50 }, (_, i) => i));
    }
  });
});

// covers eio/server: messages › should receive data when getting a message shorter than maxHttpBufferSize when polling
// covers eio/server: messages › should not be receiving data when getting a message longer than maxHttpBufferSize when
// polling
// covers eio/server: messages › should not be receiving data when getting a message longer than maxHttpBufferSize
// (websocket)
test("the limit of a message", kTimeout, async (t) => {
  const server = await lab({ max_http_buffer_size: 1000 }, t);
  for (const way of Object.values(kWays)) {
    const socket = await connected(server, way);
    const short = "x".repeat(900);
    assert.equal(await socket.emitWithAck("echo", short), short);
    const closed = once(socket.io.engine, "close");
    socket.emit("all", "too long", "x".repeat(1001));
    await closed;
  }
  assert.equal((await request(`${server.url}/__clients`)).status, 200);
});
