// Plain WebSocket routes: npm's ws and Chromium's WebSocket against the lab server (tests/conformance/lab_websocket.cpp).
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { launch } from "./support/browser.mjs";
import { lab } from "./support/lab.mjs";
import { upgradeRequest } from "./support/raw.mjs";
import { secureLab, trust } from "./support/tls.mjs";
import { until } from "./support/wire.mjs";

const kTimeout = { timeout: 180_000 };

/** A peer whose messages are taken one by one with next(); it must be open. */
async function open(server, t, path = "/feed/a", ...args) {
  const peer = new WebSocket(server.ws + path, ...args);
  t.after(() => peer.terminate());
  const queue = [];
  let wake = () => {};
  peer.on("message", (data, binary) => { queue.push(binary ? data : data.toString()); wake(); });
  peer.ended = new Promise((resolve) => peer.once("close", (code, reason) => {
    resolve({ code, reason: reason.toString() });
    wake();
  }));
  peer.on("error", () => {});
  peer.next = async () => {
    while (queue.length === 0) {
      assert(peer.readyState !== WebSocket.CLOSED, "closed instead of a message");
      await new Promise((resolve) => { wake = resolve; });
    }
    return queue.shift();
  };
  peer.tell = (what, more = {}) => peer.send(JSON.stringify({ do: what, ...more }));
  await once(peer, "open");
  return peer;
}

/** The status with which a handshake was refused. */
async function refused(server, path, options = {}) {
  const peer = new WebSocket(server.ws + path, options);
  peer.on("error", () => {});
  const [, response] = await once(peer, "unexpected-response");
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, body: Buffer.concat(chunks).toString(), headers: response.headers };
}

/** Everything in the log from now on, until an entry with `key` is there. */
async function logged(server, key, seen = []) {
  const had = (all) => all.some((entry) => key in entry);
  const more = async () => { seen.push(...(await server.log()).log); return seen; };
  return had(seen) ? seen : until(more, had, `${key} in the log`);
}

describe("over TLS", kTimeout, () => {
  test("messages, a large one, backpressure, closing", async (t) => {
    const server = await secureLab({}, t);
    const peer = await open(server, t, "/feed/a", trust);
    peer.send("text");
    assert.equal(await peer.next(), "text");
    const large = Buffer.alloc(900_000, 7);
    peer.send(large);
    assert.deepEqual(await peer.next(), large);
    peer.tell("fill", { bytes: 3_000_000 });
    assert.equal((await peer.next()).length, 3_000_000);
    peer.tell("close", { code: 4000, reason: "bye" });
    assert.deepEqual(await peer.ended, { code: 4000, reason: "bye" });
    await logged(server, "close");
  });

  test("without a certificate it trusts there is no handshake", async (t) => {
    const server = await secureLab({}, t);
    const peer = new WebSocket(`${server.ws}/feed/a`);
    const [error] = await once(peer, "error");
    assert.match(error.message, /certificate/);
  });
});

describe("messages", kTimeout, () => {
  test("text and binary come back as what they were", async (t) => {
    const server = await lab({}, t);
    const peer = await open(server, t);
    peer.send("hällo 𝄞");
    assert.equal(await peer.next(), "hällo 𝄞");
    peer.send(Buffer.from([0, 1, 255]));
    assert.deepEqual(await peer.next(), Buffer.from([0, 1, 255]));
    peer.send("");
    assert.equal(await peer.next(), "");
    for (let i = 0; i < 2_000; ++i) peer.send(String(i));
    for (let i = 0; i < 2_000; ++i) assert.equal(await peer.next(), String(i));
  });

  test("what is sent when it opens comes first, and params are the route's", async (t) => {
    const server = await lab({}, t);
    const early = await open(server, t, "/early");
    assert.equal(await early.next(), "early");
    await open(server, t, "/feed/w%C3%B6rld");
    const [entry] = await logged(server, "open");
    assert.equal(entry.open, "wörld");
  });

  test("frames behind the handshake in one segment are not lost", async (t) => {
    const server = await lab({}, t);
    const socket = net.connect(server.port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(Buffer.concat([
      Buffer.from(upgradeRequest("/feed/a")),
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]),  // "hi"
    ]));
    let got = Buffer.alloc(0);
    for await (const chunk of socket) {
      got = Buffer.concat([got, chunk]);
      if (got.includes(Buffer.from([0x81, 2, 0x68, 0x69]))) return;
    }
    assert.fail(`no echo: ${got}`);
  });

  test("another thread sends, and the connection stays where it is", async (t) => {
    const server = await lab({}, t);
    const peers = await Promise.all(Array.from({ length: 8 }, () => open(server, t)));
    const threads = new Set();
    for (const peer of peers) {
      peer.tell("thread");
      const first = await peer.next();
      threads.add(first);
      peer.tell("other", { text: "from elsewhere" });
      assert.equal(await peer.next(), "from elsewhere");
      peer.tell("thread");
      assert.equal(await peer.next(), first);
    }
    const many = (process.env.SIO_SERVER_ARGS ?? "").includes("--threads 4");
    assert.equal(threads.size, many ? 4 : 1);
  });

  test("permessage-deflate holds here too, and what is inflated is bounded", async (t) => {
    const server = await lab({ per_message_deflate: { threshold: 0 }, websocket_route: { max_message: 10_000 } }, t);
    const peer = await open(server, t, "/feed/a", { perMessageDeflate: { threshold: 0 } });
    assert.match(peer.extensions, /^permessage-deflate/);
    let wire = 0;
    peer._socket.on("data", (chunk) => { wire += chunk.length; });
    peer.send("x".repeat(10_000));
    assert.equal(await peer.next(), "x".repeat(10_000));
    assert(wire < 1_000, `${wire} bytes`);
    peer.send("x".repeat(10_001));
    assert.equal((await peer.ended).code, 1009);
    const plain = await open(server, t, "/feed/a", { perMessageDeflate: false });
    assert.equal(plain.extensions, "");
  });

  test("a handler that throws is reported, and the connection lives", async (t) => {
    const server = await lab({}, t);
    const peer = await open(server, t);
    peer.tell("throw");
    peer.send("still here");
    assert.equal(await peer.next(), "still here");
    const entry = (await logged(server, "error")).find((one) => "error" in one);
    assert.equal(entry.error, "as told");
  });

  test("Socket.IO is served beside it", async (t) => {
    const server = await lab({}, t);
    const peer = await open(server, t);
    const socket = io(server.url, { forceNew: true });
    t.after(() => socket.close());
    assert.equal(await socket.emitWithAck("echo", 1), 1);
    peer.send("x");
    assert.equal(await peer.next(), "x");
    assert.equal(await (await fetch(`${server.url}/early`)).text(), "a page");
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^socketio_plain_websockets 1$/m);
  });
});

describe("handshakes", kTimeout, () => {
  test("refused by its handler, by a fault, for no route, for no upgrade", async (t) => {
    const server = await lab({}, t);
    const no = await refused(server, "/refuse");
    assert.equal(no.status, 401);
    assert.equal(no.body, "who are you?");
    assert.equal(no.headers.connection, "close");
    assert.equal((await refused(server, "/broken")).status, 500);
    assert.equal((await refused(server, "/nowhere")).status, 404);
    assert.equal((await fetch(`${server.url}/feed/a`)).status, 426);
  });

  test("agree on a sub-protocol", async (t) => {
    const server = await lab({ websocket_route: { protocols: ["v2", "v1"] } }, t);
    assert.equal((await open(server, t, "/feed/a", ["v1", "v2"])).protocol, "v2");
    assert.equal((await open(server, t, "/feed/a", ["v0", "v1"])).protocol, "v1");
    assert.equal((await open(server, t)).protocol, "");
    const opened = (await logged(server, "open")).filter((entry) => "open" in entry).map((entry) => entry.protocol);
    while (opened.length < 3)
      opened.push(...(await server.log()).log.filter((entry) => "open" in entry).map((entry) => entry.protocol));
    assert.deepEqual(opened, ["v2", "v1", ""]);
  });

  test("are for the origins that were named", async (t) => {
    const server = await lab({ websocket_route: { allowed_origin: "https://us.example" } }, t);
    assert.equal((await refused(server, "/feed/a", { origin: "https://them.example" })).status, 403);
    assert.equal((await refused(server, "/feed/a", { origin: "https://us.example.them.example" })).status, 403);
    await open(server, t, "/feed/a", { origin: "https://us.example" });
    await open(server, t);  // no browser
  });
});

describe("the end", kTimeout, () => {
  const closing = async (server) => (await logged(server, "close")).filter((entry) => "close" in entry);

  test("the peer's code and reason are told", async (t) => {
    const server = await lab({}, t);
    (await open(server, t)).close(4001, "bye");
    const [entry] = await closing(server);
    assert.deepEqual([entry.close, entry.reason, entry.clean, entry.open], [4001, "bye", true, false]);
    (await open(server, t)).close();
    assert.equal((await closing(server))[0].close, 1005);
    (await open(server, t)).terminate();
    const [cut] = await closing(server);
    assert.deepEqual([cut.close, cut.clean], [1006, false]);
  });

  test("ours are told to the peer", async (t) => {
    const server = await lab({}, t);
    const peer = await open(server, t);
    peer.tell("close", { code: 4002, reason: "enough" });
    assert.deepEqual(await peer.ended, { code: 4002, reason: "enough" });
    const [entry] = await closing(server);
    assert.deepEqual([entry.close, entry.reason, entry.clean], [4002, "enough", true]);
    const other = await open(server, t);
    other.tell("terminate");
    assert.equal((await other.ended).code, 1006);
    assert.deepEqual((await closing(server)).map((one) => [one.close, one.clean]), [[1006, false]]);
  });

  test("close comes on the connection's thread, once", async (t) => {
    const server = await lab({}, t);
    const peers = await Promise.all(Array.from({ length: 12 }, () => open(server, t)));
    for (const peer of peers) peer.terminate();
    const seen = [];
    while (seen.filter((entry) => "close" in entry).length < peers.length) seen.push(...(await server.log()).log);
    const counted = (key) => {
      const threads = {};
      for (const entry of seen.filter((one) => key in one && (key === "close" || !("close" in one))))
        threads[entry.thread] = (threads[entry.thread] ?? 0) + 1;
      return threads;
    };
    assert.deepEqual(counted("close"), counted("open"));
  });

  test("the server's end is 1001", async () => {
    const server = await lab({});
    const peer = new WebSocket(`${server.ws}/feed/a`);
    await once(peer, "open");
    const ended = once(peer, "close");
    await server.stop();
    const [code, reason] = await ended;
    assert.equal(code, 1001);
    assert.equal(reason.toString(), "server shutting down");
  });

  test("broken rules close with their code, after an error", async (t) => {
    const server = await lab({}, t);
    const peer = await open(server, t);
    peer._socket.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]));  // reserved bits
    assert.equal((await peer.ended).code, 1002);
    const seen = await logged(server, "close");
    const at = (key) => seen.findIndex((entry) => key in entry);
    assert(at("error") >= 0 && at("error") < at("close"), JSON.stringify(seen));
    assert.deepEqual([seen[at("close")].close, seen[at("close")].clean], [1002, false]);
  });
});

describe("limits", kTimeout, () => {
  test("max_message, and one byte more", async (t) => {
    const server = await lab({ websocket_route: { max_message: 1000 } }, t);
    const peer = await open(server, t);
    peer.send("x".repeat(1000));
    assert.equal((await peer.next()).length, 1000);
    peer.send("x".repeat(1001));
    assert.equal((await peer.ended).code, 1009);
  });

  test("send_queue_hard, and one byte more", async (t) => {
    // The frame's head (4 bytes for this size) is not part of what is asked for, but of what is held.
    const server = await lab({ websocket_route: { send_queue_soft: 1000, send_queue_hard: 10_000 } }, t);
    const peer = await open(server, t);
    peer.tell("fill", { bytes: 10_000 });
    assert.equal((await peer.next()).length, 10_000);
    assert.equal(await peer.next(), "drained");  // 10,000 are above the soft limit
    peer.tell("fill", { bytes: 10_001 });
    assert.equal((await peer.ended).code, 1006);
    const seen = await logged(server, "close");
    assert.equal(seen.find((entry) => "error" in entry).error, "send buffer limit");
    assert.equal(seen.find((entry) => "close" in entry).reason, "send buffer limit");

    const other = await open(server, t);
    other.tell("other fill", { bytes: 10_000 });
    assert.equal((await other.next()).length, 10_000);
    assert.equal(await other.next(), "drained");
    other.tell("other fill", { bytes: 10_001 });
    assert.equal((await other.ended).code, 1006);
    assert.equal((await logged(server, "close")).find((entry) => "error" in entry).error, "send buffer limit");
  });

  test("a flood is congested, and drained when all has left", async (t) => {
    const server = await lab({ websocket_route: { send_queue_soft: 100_000 } }, t);
    const peer = await open(server, t);
    peer.tell("flood", { bytes: 64_000 });
    let total = 0;
    for (;;) {
      const message = await peer.next();
      if (message === "drained") break;
      total += message.length;
    }
    assert(total > 100_000, `${total}`);
    assert.equal((await logged(server, "drained")).find((entry) => "drained" in entry).drained, 0);
  });

  test("a peer that is silent is pinged, and cut when it does not answer", async (t) => {
    const patient = await lab({ websocket_route: { ping_interval: 20, ping_timeout: 60_000 } }, t);
    const lively = await open(patient, t);
    let pings = 0;
    await new Promise((resolve) => lively.on("ping", () => { if (++pings === 3) resolve(); }));
    assert.equal(lively.readyState, WebSocket.OPEN);
    const server = await lab({ websocket_route: { ping_interval: 20, ping_timeout: 100 } }, t);
    const dead = await open(server, t, "/feed/a", { autoPong: false });
    assert.equal((await dead.ended).code, 1006);
    assert.equal((await logged(server, "close")).find((entry) => "error" in entry).error, "ping timeout");
  });
});

describe("a browser", kTimeout, () => {
  test("speaks text and binary, with a sub-protocol, and closes", async (t) => {
    const server = await lab({ websocket_route: { protocols: ["feed"] } }, t);
    const browser = await launch(t);
    const page = await browser.newPage();
    await page.goto(`${server.url}/early`);
    const seen = await page.evaluate(async (url) => {
      const socket = new WebSocket(url, ["feed"]);
      socket.binaryType = "arraybuffer";
      const next = () => new Promise((resolve, reject) => {
        socket.onmessage = (event) => resolve(event.data);
        socket.onerror = () => reject(new Error("failed"));
      });
      await new Promise((resolve) => { socket.onopen = resolve; });
      let answer = next();
      socket.send("hällo");
      const text = await answer;
      answer = next();
      socket.send(new Uint8Array([1, 2, 3]));
      const bytes = [...new Uint8Array(await answer)];
      const closed = new Promise((resolve) => {
        socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
      });
      socket.send(JSON.stringify({ do: "close", code: 4003, reason: "done" }));
      return { text, bytes, protocol: socket.protocol, closed: await closed };
    }, `${server.ws}/feed/a`);
    assert.deepEqual(seen, {
      text: "hällo", bytes: [1, 2, 3], protocol: "feed", closed: { code: 4003, reason: "done", wasClean: true },
    });
  });
});
