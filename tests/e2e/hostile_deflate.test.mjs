// Hostile compressed messages (rows D) against `probe --deflate`: permessage-deflate of every message, no context kept.
// After every row the log shows the expected reason, no client is left and no byte is held.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import {
  Aftermath, Raw, deflated, frame, joinedRaw, kClose, kPing, kText, kUpgradeLines, pieces, response, told, upgradeRequest, kSocketPath,
} from "./support/raw.mjs";

const kTimeout = { timeout: 120_000 };
let server;
let aftermath;
before(async () => {
  server = await conformance("probe", "--deflate");
  aftermath = new Aftermath(server);
  await aftermath.begin();
}, kTimeout);
after(async () => { await server?.stop(); }, kTimeout);

const kOffer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");
const packed = (data, options) => frame(kText, data, { rsv: 4, ...options });
const event = (...args) => `42${JSON.stringify(args)}`;
const join = () => joinedRaw(server, { lines: [kOffer] });

/** The rest of a row: what the log says once everything is over. */
async function over(socket, ...log) {
  assert.deepEqual(told(await aftermath.settled()), log);
  socket.close();
}

const row = (id, what, play) => test(`${id} ${what}`, { timeout: 60_000 }, play);

/** The server closes with `code` (none: without one) and says why. */
const refused = (id, what, sent, code, reason, seen = []) => row(id, what, async () => {
  const socket = await join();
  await socket.send(sent);
  assert.equal(await socket.next("the close"), `close:${code}`);
  if (code === "") await socket.send(frame(kClose, ""));  // the session's end, which waits for ours
  await socket.fin();
  await over(socket, ...seen, `disconnect:${reason}`);
});

row("D01", "a compressed event is delivered, and answered compressed", async () => {
  const socket = await join();
  await socket.send(packed(deflated(event("echo", "x".repeat(500)))));
  const { data, compressed } = await socket.frame();
  assert.equal(data.toString(), event("echo", "x".repeat(500)));
  assert(compressed > 0 && compressed < 60, `${compressed} bytes`);
  socket.close();
  await over(socket, "event:echo", "disconnect:transport close");
});
refused("D02", "an invalid block type", packed(hex("07")), 1007, "transport error");
refused("D03", "50 MB of `a` in 50 kB", packed(deflated(Buffer.alloc(50_000_000, "a"))), 1009, "transport error");
refused("D04", "RSV1 with an empty payload is an empty packet", packed(Buffer.alloc(0)), "", "parse error");
refused("D05", "RSV1 on a ping", frame(kPing, "x", { rsv: 4 }), 1002, "transport error");
refused("D06", "RSV1 on a continuation",
  Buffer.concat([packed(deflated(event("echo")).subarray(0, 5), { fin: false }), frame(0, deflated(event("echo")).subarray(5), { rsv: 4 })]),
  1002, "transport error");
refused("D07", "a truncated stream", packed(deflated(event("echo", "abcdefgh")).subarray(0, -6)), 1007, "transport error");
refused("D08", "bad UTF-8", packed(deflated(Buffer.from([0x34, 0x32, 0xff]))), 1007, "transport error");
row("D09", "a message as it is, on a connection that compresses", async () => {
  const socket = await join();
  await socket.send(frame(kText, event("echo", 1)));
  assert.equal(await socket.next(), event("echo", 1));
  socket.close();
  await over(socket, "event:echo", "disconnect:transport close");
});
row("D10", "20 messages of 900 kB from 1 kB each", async () => {
  const socket = await join();
  const message = packed(deflated(event("big", "y".repeat(900_000))));
  await socket.send(Buffer.concat(Array.from({ length: 20 }, () => message)), frame(kText, event("echo", "done")));
  assert.equal(await socket.next("what came behind them"), event("echo", "done"));
  socket.close();
  await over(socket, ...Array.from({ length: 20 }, () => "event:big"), "event:echo", "disconnect:transport close");
});
refused("D11", "stored blocks with a wrong length", packed(hex("00 05 00 05 00 48 65 6c 6c 6f")), 1007, "transport error");
refused("D12", "a zlib header", packed(hex("78 9c f2 48 cd c9 c9 07 00")), 1007, "transport error");
refused("D13", "a last block with nothing in it is an empty packet", packed(hex("03 00")), "", "parse error");
refused("D14", "20,000 empty blocks", packed(Buffer.concat([...Array.from({ length: 20_000 }, () => hex("00 00 00 ff ff")), hex("00")])), "", "parse error");
row("D15", "exactly the limit is delivered", async () => {
  const socket = await join();
  const text = event("big", "z".repeat(1_000_000 - event("big", "").length));
  assert.equal(text.length, 1_000_000);
  await socket.send(packed(deflated(text)), frame(kText, event("echo")));
  assert.equal(await socket.next(), event("echo"));
  socket.close();
  await over(socket, "event:big", "event:echo", "disconnect:transport close");
});
refused("D15", "one byte more", packed(deflated(event("big", "z".repeat(1_000_001 - event("big", "").length)))), 1009, "transport error");
refused("D16", "short on the wire, long when inflated", packed(deflated("4".repeat(1_000_001))), 1009, "transport error");
refused("D17", "a distance too far back", packed(hex("f2 00 11 00 00")), 1007, "transport error");
refused("D18", "no context: a reference to the message before", Buffer.concat([packed(hex("f2 48 cd c9 c9 07 00")), packed(hex("f2 00 11 00 00"))]), "", "parse error");
row("D18", "... even when that was a good one", async () => {
  const socket = await join();
  await socket.send(packed(deflated(event("echo", "once"))));
  assert.equal(await socket.next(), event("echo", "once"));
  // The last four bytes of the old window, by reference only.
  await socket.send(packed(hex("02 06 00")));
  assert.equal(await socket.next(), "close:1007");
  await socket.fin();
  await over(socket, "event:echo", "disconnect:transport error");
});

row("F", "in fragments and byte by byte", async () => {
  const socket = await join();
  const data = deflated(event("echo", "fragments of a compressed message"));
  const frames = [...data].map((byte, i) => frame(i === 0 ? kText : 0, Buffer.from([byte]), { rsv: i === 0 ? 4 : 0, fin: i === data.length - 1 }));
  await socket.send(...frames);
  assert.equal(await socket.next(), event("echo", "fragments of a compressed message"));
  await socket.send(...pieces(packed(data), 1));
  assert.equal(await socket.next(), event("echo", "fragments of a compressed message"));
  socket.close();
  await over(socket, "event:echo", "event:echo", "disconnect:transport close");
});

// --- the offer ----------------------------------------------------------------------------------------------------------

const kName = "permessage-deflate";
const kThrifty = `${kName}; server_no_context_takeover; client_no_context_takeover`;
const kBad = "Invalid or unacceptable Sec-WebSocket-Extensions header";

async function offered(...values) {
  const raw = await Raw.connect(server);
  await raw.send(upgradeRequest(kSocketPath, [...kUpgradeLines, ...values.map((value) => `Sec-WebSocket-Extensions: ${value}`)]));
  const { status, headers, body } = await response(raw);
  raw.close();
  return status === 101 ? headers["sec-websocket-extensions"] ?? "none" : `${status} ${body}`;
}

row("D19", "offers that are taken", async () => {
  assert.equal(await offered(), "none");
  assert.equal(await offered("x-other; a=1"), "none");
  assert.equal(await offered(kName), kThrifty);
  assert.equal(await offered(`${kName}; client_max_window_bits`), kThrifty);
  assert.equal(await offered(`${kName}; client_max_window_bits=8`), `${kThrifty}; client_max_window_bits=8`);
  assert.equal(await offered(`${kName}; server_max_window_bits=8`), `${kThrifty}; server_max_window_bits=8`);
  assert.equal(await offered("x-other", `${kName}; server_max_window_bits="1\\0"`), `${kThrifty}; server_max_window_bits=10`);
  await aftermath.settled();
});
row("D19", "offers that are refused", async () => {
  for (const bad of [
    `${kName}; server_max_window_bits=7`, `${kName}; server_max_window_bits=16`, `${kName}; server_max_window_bits`,
    `${kName}; client_max_window_bits=16`, `${kName}; unknown`, `${kName}; server_no_context_takeover=1`,
    `${kName}; client_no_context_takeover; client_no_context_takeover`, `${kName};`, `${kName}, ${kName}; x`, "; a",
  ]) assert.equal(await offered(bad), `400 ${kBad}`, bad);
  await aftermath.settled();
});
