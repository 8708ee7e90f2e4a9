// A server that speaks MessagePack, to the official client with socket.io-msgpack-parser, over each way of transport:
// what arrives, in both directions, and what a client is closed for (rows M).
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import msgpack from "socket.io-msgpack-parser";
import { kReply, kRows, packed } from "../hostile/msgpack.mjs";
import { lab } from "./support/lab.mjs";
import { ofAnyParser } from "./support/parsers.mjs";
import { closeClients, connected as officialConnected, kTimeout, kWays, once, settled } from "./support/suites.mjs";
import { Log, openedSocket, Polling, within } from "./support/wire.mjs";

let server;
let log;
before(async () => {
  server = await lab({ parser: "message_pack" });
  log = new Log(server);
}, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
}, kTimeout);

const parser = msgpack;
const connected = (transports, options) => officialConnected(server, transports, { parser, ...options });
const ask = (socket, ...args) => within(socket.emitWithAck(...args), "an acknowledgement");

function echo(socket, ...args) {
  const answer = once(socket, "echo", "the echo");
  socket.emit("echo", ...args);
  return answer;
}

const kValues = [
  null, true, false, 0, -1, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1,
  1.5, -0.1, 2 ** 53, 2 ** 63, -(2 ** 63), 5e-324, NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, "", "text", "\u0000\n\t\"\\/",
  "Ελληνικά 日本語 🚀 e\u0301 \u2028", "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256), "x".repeat(65535), "x".repeat(65536),
  [], {}, [[[[]]]], [1, "2", { three: [4] }], { a: { b: { c: [null, false, { d: "e" }] } }, "": 1, "ключ 🔑": "значение" },
  Array.from({ length: 16 }, (_, i) => i), Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, [i]])),
  { _placeholder: true, num: 0 },
];

for (const [way, transports] of Object.entries(kWays)) {
  describe(way, () => {
    test("connects, and the auth arrives", async () => {
      await log.clear();
      const socket = await connected(transports, { auth: { guarded: true, nested: [1, null] } });
      assert.match(socket.id, /^[\w-]{20}$/);
      assert.deepEqual(await ask(socket, "echo", 1), 1, "only the first argument reaches emitWithAck");
      assert.deepEqual(await echo(socket, 1), [1, "guarded"]);
      const { id } = socket;
      socket.disconnect();
      const end = await log.until((entry) => "disconnect" in entry && entry.id === id, "the disconnection");
      assert.equal(end.disconnect, "client namespace disconnect");
    });

    test("binary in the auth, and in the data of a refusal", async () => {
      const auth = { token: Buffer.from([0, 255, 1]), deep: [{ bytes: Buffer.alloc(300, 7) }, 1.5, "x"] };
      const socket = await connected(transports, { auth });
      assert.deepEqual(await ask(socket, "auth"), auth);
      const refused = socket.io.socket("/refusing", { auth });
      const [error] = await within(new Promise((resolve) => { refused.once("connect_error", (...args) => resolve(args)); refused.connect(); }), "the refusal");
      assert.equal(error.message, "not you");
      assert.deepEqual(error.data, auth);
      socket.disconnect();
    });

    test("every kind of value comes back as it was", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      assert.deepEqual(await echo(socket, ...kValues), kValues);
      for (const value of kValues) assert.deepEqual(await ask(socket, "echo", value), value);
      socket.disconnect();
    });

    test("binary at any depth, of any length", async () => {
      const socket = await connected(transports);
      await settled(socket, transports);
      for (const length of [0, 1, 8, 255, 256, 65535, 65536]) {
        const bytes = Buffer.alloc(length, 0xa5);
        assert.deepEqual(await ask(socket, "echo", { deep: [{ bytes }] }), { deep: [{ bytes }] });
      }
      for (const length of [15, 16, 31, 32, 255, 256, 65535, 65536]) {  // M25: of arrays, too
        const list = Array.from({ length }, (_, i) => i % 100);
        assert.deepEqual(await ask(socket, "echo", list), list);
      }
      // More than the default parser's ten attachments.
      const many = Array.from({ length: 30 }, (_, i) => Buffer.from([i]));
      assert.deepEqual(await echo(socket, ...many), many);
      // notepack 2 has a form of its own for these, and no Buffer comes of it.
      for (const typed of [new Uint8Array([1, 2, 3]), new Uint8Array([7]), new Uint8Array(8), new Uint8Array([1, 2, 3]).buffer])
        assert.deepEqual(await ask(socket, "echo", typed), Buffer.from(typed));
      socket.disconnect();
    });

    test("undefined is null, a Date the text that JSON has", async () => {
      const socket = await connected(transports);
      const date = new Date(1700000000123);
      assert.deepEqual(await echo(socket, undefined, { a: undefined }, date, [new Date(-1)]),
        [null, { a: null }, date.toJSON(), ["1969-12-31T23:59:59.999Z"]]);
      socket.disconnect();
    });

    test("handlers read C++ types from it", async () => {
      const socket = await connected(transports);
      assert.deepEqual(await ask(socket, "typed", 7, "text", Buffer.from("bytes"), { x: 1, tags: ["a", "b"], more: 0 }),
        [7, "text", Buffer.from("bytes"), { x: 1, tags: 2 }]);
      assert.deepEqual(await ask(socket, "typed", -7, "", new Uint8Array(0), { x: 0.5 }), [-7, "", Buffer.alloc(0), { x: 0.5, tags: -1 }]);
      await log.clear();
      socket.emit("typed", "seven", "text", Buffer.alloc(0), { x: 1 });
      assert.equal((await log.until((entry) => "error" in entry, "the mismatch")).error, "argument 0 does not fit the handler");
      socket.disconnect();
    });

    test("raw JSON is translated", async () => {
      const socket = await connected(transports);
      const value = { a: [1, "two", null, 0.5], b: new Date(0) };
      const [first, all, again] = await within(new Promise((resolve) => socket.emit("raw", value, 2, (...args) => resolve(args))), "the ack");
      const json = '{"a":[1,"two",null,0.5],"b":"1970-01-01T00:00:00.000Z"}';
      assert.equal(first, json);
      assert.equal(all, `${json},2`);
      assert.deepEqual(again, JSON.parse(json));
      socket.disconnect();
    });

    test("numbers that JSON has no word for", async () => {
      const socket = await connected(transports);
      const numbers = await within(new Promise((resolve) => socket.emit("numbers", (...args) => resolve(args))), "the ack");
      assert.deepEqual(numbers, [NaN, -Infinity, -(2 ** 63), 2 ** 53, 3, Math.fround(0.1)]);
      socket.disconnect();
    });

    test("the server asks, one and all", async () => {
      const sockets = [await connected(transports), await connected(transports)];
      sockets.forEach((socket, i) => socket.on("question", (arg, answer) => answer({ i, arg })));
      const bytes = Buffer.from([0, 255]);
      assert.deepEqual(await ask(sockets[1], "ask", bytes), { i: 1, arg: bytes });
      for (const socket of sockets) await ask(socket, "join", `asked ${way}`);
      const all = await ask(sockets[0], "ask room", `asked ${way}`, "x");
      assert.deepEqual(all.sort((a, b) => a.i - b.i), [{ i: 0, arg: "x" }, { i: 1, arg: "x" }]);
      for (const socket of sockets) socket.disconnect();
    });

    test("rooms, and broadcasts from other threads", async () => {
      const [a, b] = [await connected(transports), await connected(transports)];
      await ask(b, "join", "room");
      const inRoom = once(b, "hello");
      a.emit("to", "room", "hello", { bytes: Buffer.from("x") }, 1);
      assert.deepEqual(await inRoom, [{ bytes: Buffer.from("x") }, 1]);
      const news = [a, b].map((socket) => once(socket, "news"));
      a.emit("news", [1], Buffer.from("y"));
      assert.deepEqual(await Promise.all(news), [[[1], Buffer.from("y")], [[1], Buffer.from("y")]]);
      assert.deepEqual(await ask(a, "late", [2], "x"), [2]);
      a.disconnect();
      b.disconnect();
    });

    test("listeners of outgoing events see the arguments", async () => {
      const socket = await connected(transports);
      assert.equal(await ask(socket, "outgoing"), true);
      await log.clear();
      assert.deepEqual(await echo(socket, "x", [1]), ["x", [1]]);
      const all = once(socket, "to all");
      socket.emit("all", "to all", { a: 1 });
      await all;
      const shown = await log.until((entry) => entry.outgoing === "to all", "the broadcast");
      assert.deepEqual(shown, { outgoing: "to all", raw: '{"a":1}', n: 1 });
      assert.deepEqual(log.entries.find((entry) => entry.outgoing === "echo"), { outgoing: "echo", raw: '"x",[1]', n: 2 });
      socket.disconnect();
    });

    test("namespaces: refused, and left by the server", async () => {
      const socket = await connected(transports);
      const [error] = await once(socket.io.socket("/nope"), "connect_error");
      assert.equal(error.message, "Invalid namespace");
      const [reason] = await Promise.all([once(socket, "disconnect"), socket.emit("hang up", false)]);
      assert.equal(reason[0], "io server disconnect");
      socket.io.engine.close();
    });
  });
}

ofAnyParser({ server: () => server, name: "message_pack", parser });

// --- rows M: one message each, on a WebSocket and over polling -----------------------------------------------------------

function decoded(bytes) {
  const decoder = new msgpack.Decoder();
  let packet;
  decoder.on("decoded", (got) => { packet = got; });
  decoder.add(bytes);
  return packet;
}

function checkEcho(bytes, wanted) {
  // What JS cannot read exactly is compared as bytes.
  if (Buffer.isBuffer(wanted) && wanted.length > 1) return assert(bytes.includes(wanted), `${bytes.toString("hex")} lacks ${wanted.toString("hex")}`);
  assert.deepEqual(decoded(bytes).data, ["echo", wanted]);
}

describe("rows M on a WebSocket", () => {
  for (const [id, what, message, result, wanted] of kRows) {
    test(`${id} ${what}`, async () => {
      await log.clear();
      const frames = await openedSocket(server);
      frames.send(packed({ type: 0, nsp: "/" }));
      const sid = decoded(await frames.next("the CONNECT reply")).data.sid;
      frames.send(typeof message === "string" ? `4${message}` : message);
      if (result === kReply) {
        checkEcho(await frames.next("the echo"), wanted);
        frames.close();
        return;
      }
      await frames.gone();
      const end = await log.until((entry) => "disconnect" in entry && entry.id === sid, "the disconnection");
      assert.deepEqual([end.disconnect, end.detail], ["forced close", result]);
    });
  }
});

describe("rows M over polling", () => {
  for (const [id, what, message, result, wanted] of kRows) {
    // An empty message cannot be told from a malformed record there.
    if (id === "M01") continue;
    test(`${id} ${what}`, async () => {
      await log.clear();
      const polling = await Polling.open(server);
      await polling.post(`b${packed({ type: 0, nsp: "/" }).toString("base64")}`);
      const reply = await polling.next();
      assert.equal(reply[0], "b");
      const sid = decoded(Buffer.from(reply.slice(1), "base64")).data.sid;
      await polling.post(typeof message === "string" ? `4${message}` : `b${message.toString("base64")}`);
      if (result === kReply) {
        checkEcho(Buffer.from((await polling.next()).slice(1), "base64"), wanted);
        await polling.post("1");
        return;
      }
      const end = await log.until((entry) => "disconnect" in entry && entry.id === sid, "the disconnection");
      assert.deepEqual([end.disconnect, end.detail], ["forced close", result]);
    });
  }
});
