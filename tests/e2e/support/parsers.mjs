// What holds with every parser that is not the default one; `name` is the server's of tests/conformance, `parser` the
// official client's.
import test from "node:test";
import assert from "node:assert/strict";
import { lab } from "./lab.mjs";
import { client, connected, kTimeout, once } from "./suites.mjs";
import { within } from "./wire.mjs";

/** Adds the tests to the calling file; `server()` is asked for when they run. */
export function ofAnyParser({ server, name, parser }) {
  test("a client with the default parser is not understood", async () => {
    const socket = client(server(), ["websocket"]);
    await once(socket.io, "close");
    socket.disconnect();
  });

  test("a session is recovered, and what was missed comes once", kTimeout, async (t) => {
    const other = await lab({ parser: name, connection_state_recovery: {} }, t);
    const options = { parser, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 };
    const socket = await connected(other, ["websocket"], options);
    const witness = await connected(other, ["websocket"], { parser });
    const first = once(socket, "echo");
    socket.emit("echo", 1);
    await first;  // it came with an offset
    const { id } = socket;
    const got = [];
    const missed = new Promise((resolve) => socket.on("missed", (...args) => got.push(args) === 2 && resolve()));
    const back = once(socket, "connect");
    socket.io.engine.close();
    witness.emit("all", "missed", Buffer.from("x"), 1);
    await back;
    witness.emit("all", "missed", 2);
    await within(missed, "what was missed");
    assert.equal(socket.recovered, true);
    assert.equal(socket.id, id);
    // The offset is the last argument of each, as in JS.
    assert.deepEqual(got.map((args) => args.slice(0, -1)), [[Buffer.from("x"), 1], [2]]);
    socket.disconnect();
    witness.disconnect();
  });

  test("messages are compressed", kTimeout, async (t) => {
    const other = await lab({ parser: name, per_message_deflate: { threshold: 0 } }, t);
    const socket = await connected(other, ["websocket"], { parser });
    const value = { text: "again and ".repeat(1000), bytes: Buffer.alloc(5000, "again ") };
    assert.deepEqual(await within(socket.emitWithAck("echo", value), "an acknowledgement"), value);
    assert.match(socket.io.engine.transport.ws.extensions, /permessage-deflate/);
    socket.disconnect();
  });
}
