// permessage-deflate with real peers: the `ws` client with every combination of parameters, the official client, a
// browser; what is shared by a broadcast, what compress(false) does, and what connections cost.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import zlib from "node:zlib";
import { WebSocket } from "ws";
import { launch } from "./support/browser.mjs";
import { lab } from "./support/lab.mjs";
import { RawSocket, deflated, frame, joinedRaw, kSocketPath, kText } from "./support/raw.mjs";
import { client, closeClients, connected, once, settled } from "./support/suites.mjs";
import { until, within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };
after(closeClients);

const kKeeping = { server_no_context_takeover: false, client_no_context_takeover: false };
const event = (...args) => `42${JSON.stringify(args)}`;
const texts = (n) => Array.from({ length: n }, (_, i) => ({ id: i, name: `player ${i}`, words: "the same words again ".repeat(i % 60), more: "é€😀" }));

/** A joined Socket.IO client on the `ws` package, with its options for permessage-deflate. */
async function wsClient(server, perMessageDeflate) {
  const socket = new WebSocket(`${server.ws}${kSocketPath}`, { perMessageDeflate });
  const messages = [];
  let changed = () => {};
  let failed = () => {};
  socket.on("close", () => failed());
  socket.on("message", (data, binary) => {
    if (!binary && data.toString() === "2") return socket.send("3");
    messages.push(binary ? data : data.toString());
    changed();
  });
  const next = (what = "a message") => within(new Promise((resolve, reject) => {
    changed = () => { if (messages.length) { changed = () => {}; resolve(messages.shift()); } };
    failed = () => reject(new Error(`closed instead of ${what}`));
    changed();
  }), what);
  await within(new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); }), "the handshake");
  assert.match(await next(), /^0\{/);
  socket.send("40");
  assert.match(await next(), /^40\{/);
  return { socket, next, send: (message) => socket.send(message, { compress: true }), params: socket.extensions };
}

// --- parameters ------------------------------------------------------------------------------------------------------------

const kClients = [];
for (const serverNoContextTakeover of [undefined, true])
  for (const clientNoContextTakeover of [undefined, true])
    for (const serverMaxWindowBits of [undefined, 10])
      for (const clientMaxWindowBits of [undefined, 9])
        kClients.push({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, threshold: 0 });

const kServers = {
  "the default": {},
  "contexts kept": kKeeping,
  "the server's context kept": { server_no_context_takeover: false },
  "the clients' context kept": { client_no_context_takeover: false },
  "windows of its own": { ...kKeeping, server_max_window_bits: 9, client_max_window_bits: 8 },
  "poor compression": { ...kKeeping, level: 1, mem_level: 1 },
};

for (const [name, options] of Object.entries(kServers)) {
  test(`every offer of ws: ${name}`, kTimeout, async (t) => {
    const server = await lab({ per_message_deflate: { threshold: 0, ...options } }, t);
    for (const offer of kClients) {
      // ws cannot say "any window" and "at most 8" in one offer; the server then asks for less than was offered.
      const { socket, next, send, params } = await wsClient(server, offer);
      assert.equal(params, "permessage-deflate");
      for (const value of texts(20)) {
        send(event("echo", value));
        assert.equal(await next(), event("echo", value));
      }
      const bytes = Buffer.from(texts(5).map((value) => JSON.stringify(value)).join());
      send('451-["echo",{"_placeholder":true,"num":0}]');
      send(bytes);
      assert.equal(await next(), '451-["echo",{"_placeholder":true,"num":0}]');
      assert.deepEqual(await next(), bytes);
      socket.terminate();
    }
  });
}

test("off by default, and without an offer", kTimeout, async (t) => {
  const off = await lab({}, t);
  assert.equal((await wsClient(off, {})).params, "");
  const on = await lab({ per_message_deflate: true }, t);
  assert.equal((await wsClient(on, false)).params, "");
});

// --- what goes over the wire -----------------------------------------------------------------------------------------------

const kPlainOffer = "Sec-WebSocket-Extensions: permessage-deflate";
const joined = (server, ...lines) => joinedRaw(server, { lines: lines.length ? lines : [kPlainOffer] });

test("messages from 1024 bytes on are compressed", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: true }, t);
  const socket = await joined(server);
  for (const [size, compressed] of [[1023, false], [1024, true]]) {
    const message = event("echo", "a".repeat(size - event("echo", "").length));
    await socket.send(frame(kText, message));
    const got = await socket.frame();
    assert.equal(got.data.toString(), message);
    assert.equal(got.compressed > 0, compressed, `${size} bytes`);
  }
  socket.close();
});

test("compress(false) sends as it is, to one and to many", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0 } }, t);
  const socket = await joined(server);
  const payload = "b".repeat(2000);
  for (const [sent, compressed] of [
    [event("echo", payload), true], [event("plain", "echo", payload), false],
    [event("all", "echo", payload), true], [event("all plain", "echo", payload), false],
    [event("by engine", true, event("echo", payload).slice(1)), true], [event("by engine", false, event("echo", payload).slice(1)), false],
  ]) {
    await socket.send(frame(kText, sent));
    const got = await socket.frame();
    assert.equal(got.data.toString(), event("echo", payload));
    assert.equal(got.compressed > 0, compressed, sent.slice(0, 20));
  }
  socket.close();
});

test("what would get longer is sent as it is", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0 } }, t);
  const socket = await joined(server);
  await socket.send(frame(kText, event("echo", 1)));
  assert.equal((await socket.frame()).compressed, 0);
  socket.close();
});

test("a broadcast reaches everybody, whatever they agreed on", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0, ...kKeeping } }, t);
  const offers = [false, {}, { serverNoContextTakeover: true }, { serverNoContextTakeover: true, serverMaxWindowBits: 9 }, { serverMaxWindowBits: 9 }, { serverNoContextTakeover: true }];
  const clients = [];
  for (const offer of offers) clients.push(await wsClient(server, offer));
  const [polling] = [await connected(server, ["polling"])];
  const polled = [];
  polling.on("news", (value) => polled.push(value));
  for (const value of texts(30)) {
    clients[0].send(event("all", "news", value));
    for (const { next } of clients) assert.equal(await next(), event("news", value));
  }
  await within((async () => { while (polled.length < 30) await once(polling, "news"); })(), "the polling client's");
  assert.deepEqual(polled, texts(30));
  for (const { socket } of clients) socket.terminate();
});

test("one frame for all who keep no context", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0 } }, t);
  const sockets = await Promise.all(Array.from({ length: 5 }, () => joined(server)));
  const payload = "c".repeat(3000);
  await sockets[0].send(frame(kText, event("all", "news", payload)));
  for (const socket of sockets) {
    const { data, compressed } = await socket.frame();
    assert.equal(data.toString(), event("news", payload));
    assert(compressed > 0 && compressed < 100);
    socket.close();
  }
});

test("with the context kept the second of two equal messages is short", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0, ...kKeeping } }, t);
  const socket = await RawSocket.open(server, kSocketPath, { lines: [kPlainOffer] });
  assert.equal(socket.extensions, "permessage-deflate");
  const inflate = zlib.createInflateRaw();
  const sizes = [];
  const read = async () => {
    const [first, second] = await socket.raw.exactly(2);
    const length = second < 126 ? second : (await socket.raw.exactly(2)).readUInt16BE();
    const data = await socket.raw.exactly(length);
    if (!(first & 0x40)) return data.toString();
    sizes.push(length);
    const parts = [];
    inflate.on("data", (part) => parts.push(part));
    await new Promise((resolve) => { inflate.write(Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])])); inflate.flush(resolve); });
    inflate.removeAllListeners("data");
    return Buffer.concat(parts).toString();
  };
  assert.match(await read(), /^0\{/);
  await socket.send(frame(kText, "40"));
  assert.match(await read(), /^40\{/);
  const message = event("echo", zlib.deflateRawSync(JSON.stringify(texts(40))).toString("base64").slice(0, 300));
  await socket.send(frame(kText, message), frame(kText, message));
  assert.equal(await read(), message);
  assert.equal(await read(), message);
  const [, one, two] = sizes;
  assert(two * 5 < one, `${one} bytes, then ${two}`);
  socket.close();
});

// --- what it costs ----------------------------------------------------------------------------------------------------------

test("D20: contexts are counted, limited and given back", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { ...kKeeping, max_context_bytes: 1_000_000 } }, t);
  const contexts = async () => (await (await fetch(`${server.url}/__compression`)).json()).contexts;
  assert.equal(await contexts(), 0);
  const sockets = [];
  for (let i = 0; i < 5; ++i) sockets.push(await RawSocket.open(server, kSocketPath, { lines: [kPlainOffer] }));
  const kThrifty = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  assert.deepEqual(sockets.map((socket) => socket.extensions), ["permessage-deflate", "permessage-deflate", "permessage-deflate", kThrifty, kThrifty]);
  const one = (await contexts()) / 3;
  assert(one > 256 * 1024 && one <= 320 * 1024, `${one} bytes each`);
  for (const socket of sockets) socket.close();
  await until(contexts, (bytes) => bytes === 0, "the contexts to be given back");
});

test("without context a hundred connections that have talked keep nothing", kTimeout, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0 } }, t);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => joined(server)));
  const message = event("echo", "d".repeat(5000));
  const before = (await server.log()).rss;
  for (const socket of sockets) {
    await socket.send(frame(kText, deflated(message), { rsv: 4 }));
    assert.equal(await socket.next(), message);
  }
  assert.equal((await (await fetch(`${server.url}/__compression`)).json()).contexts, 0);
  // Streams of their own would be 30 MB; those of the shards are at most 2 MB.
  const grown = (await server.log()).rss - before;
  assert(grown < 15_000_000, `${grown} bytes more`);
  for (const socket of sockets) socket.close();
});

// --- the official client, a browser ---------------------------------------------------------------------------------------

describe("the official client", () => {
  for (const transports of [["websocket"], ["polling", "websocket"]]) {
    test(transports.join(", then "), kTimeout, async (t) => {
      const server = await lab({ per_message_deflate: kKeeping }, t);
      const socket = await connected(server, transports);
      await settled(socket, transports);
      assert.match(socket.io.engine.transport.ws.extensions, /permessage-deflate/);
      for (const value of texts(40)) assert.deepEqual(await socket.timeout(30_000).emitWithAck("echo", value), value);
      const bytes = Buffer.alloc(100_000, "binary ");
      assert.deepEqual(await socket.timeout(30_000).compress(false).emitWithAck("echo", bytes), bytes);
    });
  }

  test("many messages across the upgrade come in order", kTimeout, async (t) => {
    const server = await lab({ per_message_deflate: { threshold: 10 } }, t);
    const socket = client(server, ["polling", "websocket"]);
    const got = [];
    const all = new Promise((resolve) => socket.on("echo", (i) => { if (got.push(i) === 300) resolve(); }));
    await once(socket, "connect");
    for (let i = 0; i < 300; ++i) socket.emit("echo", i, "with something to compress ".repeat(i % 7));
    await within(all, "300 echoes", 60_000);
    assert.deepEqual(got, Array.from({ length: 300 }, (_, i) => i));
  });
});

test("Chromium takes and sends what is compressed", { timeout: 180_000 }, async (t) => {
  const server = await lab({ per_message_deflate: { threshold: 0, ...kKeeping } }, t);
  const browser = await launch(t);
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${server.url}/__log`);
  const result = await page.evaluate(async (path) => {
    const socket = new WebSocket(`ws://${location.host}${path}`);
    const got = [];
    const messages = Array.from({ length: 50 }, (_, i) => `42${JSON.stringify(["echo", i, "words and words ".repeat(i)])}`);
    await new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error("error"));
      socket.onclose = () => reject(new Error("closed"));
      socket.onmessage = ({ data }) => {
        if (data[0] === "0") return socket.send("40");
        if (data === "2") return socket.send("3");
        if (data.startsWith("40")) return messages.forEach((message) => socket.send(message));
        got.push(data);
        if (got.length === messages.length) resolve();
      };
    });
    return { extensions: socket.extensions, same: JSON.stringify(got) === JSON.stringify(messages) };
  }, kSocketPath);
  assert.match(result.extensions, /permessage-deflate/);
  assert(result.same);
});
