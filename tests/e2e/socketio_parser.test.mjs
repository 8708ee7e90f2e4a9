// A user's own parser on both sides: the official client's `parser` option against ServerOptions::parser. The one here
// is a text that is "!" and the packet as JSON; binary follows, one message each (tests/conformance/lab_parsers.cpp).
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { Emitter } from "@socket.io/component-emitter";
import { lab } from "./support/lab.mjs";
import { ofAnyParser } from "./support/parsers.mjs";
import { closeClients, connected as officialConnected, kTimeout, kWays, once, settled } from "./support/suites.mjs";
import { Log, openedSocket, within } from "./support/wire.mjs";

let server;
let log;
before(async () => {
  server = await lab({ parser: "prefixed", max_attachments: 4 });
  log = new Log(server);
}, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
}, kTimeout);

function walk(value, visit) {
  const found = visit(value);
  if (found !== undefined) return found;
  if (Array.isArray(value)) return value.map((item) => walk(item, visit));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, visit)]));
  return value;
}

class Encoder {
  encode({ type, nsp, id, data }) {
    const parts = [];
    const plain = walk(data, (value) => {
      if (Buffer.isBuffer(value)) return { part: parts.push(value) - 1 };
    });
    return [`!${JSON.stringify({ type, nsp, id, data: plain, parts: parts.length })}`, ...parts];
  }
}

class Decoder extends Emitter {
  add(message) {
    if (typeof message === "string") {
      if (message[0] !== "!") throw new Error("no prefix");
      this.packet = JSON.parse(message.slice(1));
      this.parts = [];
    } else {
      this.parts.push(message);
    }
    if (this.parts.length < this.packet.parts) return;
    const data = walk(this.packet.data, (value) => (value && Object.keys(value).join() === "part" ? this.parts[value.part] : undefined));
    this.emitReserved("decoded", { ...this.packet, data });
  }
  destroy() {}
}

const parser = { Encoder, Decoder };
const connected = (transports, options) => officialConnected(server, transports, { parser, ...options });
const ask = (socket, ...args) => within(socket.emitWithAck(...args), "an acknowledgement");

for (const [way, transports] of Object.entries(kWays)) {
  describe(way, () => {
    test("events, acknowledgements, binary, rooms", async () => {
      const [a, b] = [await connected(transports, { auth: { guarded: true } }), await connected(transports)];
      await settled(a, transports);
      assert.deepEqual(await ask(a, "echo", { list: [1, "two", null], bytes: Buffer.from([0, 255]) }), { list: [1, "two", null], bytes: Buffer.from([0, 255]) });
      assert.deepEqual(await ask(a, "typed", 7, "text", Buffer.from("bytes"), { x: 1.5, tags: ["a"] }), [7, "text", Buffer.from("bytes"), { x: 1.5, tags: 1 }]);
      const raw = await within(new Promise((resolve) => b.emit("raw", { a: 1 }, 2, (...args) => resolve(args))), "the ack");
      assert.deepEqual(raw, ['{"a":1}', '{"a":1},2', { a: 1 }]);
      await ask(b, "join", "room");
      const heard = once(b, "hello");
      a.emit("to", "room", "hello", Buffer.from("x"), 1);
      assert.deepEqual(await heard, [Buffer.from("x"), 1, "guarded"]);
      b.on("question", (arg, answer) => answer({ arg }));
      assert.deepEqual(await ask(b, "ask", "x"), { arg: "x" });
      const news = [a, b].map((socket) => once(socket, "news"));
      b.emit("news", 1, Buffer.from("y"));
      assert.deepEqual(await Promise.all(news), [[1, Buffer.from("y")], [1, Buffer.from("y")]]);
      a.disconnect();
      b.disconnect();
    });

    test("listeners of outgoing events see the arguments", async () => {
      const socket = await connected(transports);
      await ask(socket, "outgoing");
      await log.clear();
      const all = once(socket, "to all");
      socket.emit("all", "to all", [1], Buffer.from("x"));
      assert.deepEqual(await all, [[1], Buffer.from("x")]);
      assert.deepEqual(await log.until((entry) => entry.outgoing === "to all", "the broadcast"), { outgoing: "to all", raw: "", n: 2 });
      socket.disconnect();
    });

    test("namespaces are refused and left", async () => {
      const socket = await connected(transports);
      assert.equal((await once(socket.io.socket("/nope"), "connect_error"))[0].message, "Invalid namespace");
      const [reason] = await Promise.all([once(socket, "disconnect"), socket.emit("hang up", false)]);
      assert.equal(reason[0], "io server disconnect");
      socket.io.engine.close();
    });
  });
}

// [what, messages behind CONNECT, the socket's error]
const kHole = (n) => `!${JSON.stringify({ type: 2, nsp: "/", data: ["echo"], parts: n })}`;
for (const [what, messages, error] of [
  ["an error of the parser's own", ["42[1]"], "no prefix"],
  ["a packet of a wrong shape", ['4!{"type":2,"nsp":"/","data":{},"parts":0}'], "invalid payload"],
  ["a type that there is not", ['4!{"type":7,"nsp":"/","data":["echo"],"parts":0}'], "invalid packet type"],
  ["more parts than max_attachments", [`4${kHole(5)}`, ...Array(4).fill(Buffer.from("x"))], "too many attachments"],
  ["a part nobody announced", [Buffer.from("x")], "not its turn"],
]) {
  test(`closes the client: ${what}`, async () => {
    await log.clear();
    const frames = await openedSocket(server);
    frames.send('4!{"type":0,"nsp":"/","parts":0}');
    const { data } = JSON.parse((await frames.next("the CONNECT reply")).slice(2));
    for (const message of messages) frames.send(message);
    await frames.gone();
    const end = await log.until((entry) => "disconnect" in entry && entry.id === data.sid, "the disconnection");
    assert.deepEqual([end.disconnect, end.detail], ["forced close", error]);
  });
}

test("a packet in parts before CONNECT ends the connection", async () => {
  const frames = await openedSocket(server);
  frames.send('4!{"type":0,"nsp":"/","parts":1}');
  await frames.gone();
});

ofAnyParser({ server: () => server, name: "prefixed", parser });
