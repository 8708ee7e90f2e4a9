// Rows M: MessagePack packets, and what must come of them. One line each; socketio_msgpack.test.mjs sends them whole,
// hostile_table.test.mjs in pieces, split_test.cpp cut at every byte.
import { createRequire } from "node:module";

const msgpack = createRequire(new URL("../e2e/package.json", import.meta.url))("socket.io-msgpack-parser");

const { encode } = new msgpack.Encoder();
export const packed = (packet) => encode(packet)[0];
const event = (...data) => packed({ type: 2, data, nsp: "/" });
const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");
const kHead = hex("83 a4 74797065 02 a3 6e7370 a1 2f a4 64617461");  // {type: 2, nsp: "/", data:
const kEchoName = hex("92 a4 6563686f");                             // ["echo", …
export const kReply = Symbol("an echo");

// [id, what, the message, the socket's error; or kReply and what is in the echo]
export const kRows = [
  ["M01", "an empty frame", Buffer.alloc(0), "Could not parse"],
  ["M02", "c1", hex("c1"), "Could not parse"],
  ["M03", "an array of 2^32-1", Buffer.concat([kHead, hex("dd ffffffff")]), "Could not parse"],
  ["M04", "a map of 2^32-1", Buffer.concat([kHead, hex("df ffffffff")]), "Could not parse"],
  ["M05", "bin of 2^32-1", Buffer.concat([kHead, hex("c6 ffffffff")]), "Could not parse"],
  ["M06", "str of 2^32-1", Buffer.concat([kHead, hex("db ffffffff 616263")]), "Could not parse"],
  ["M07", "20,000 nested arrays", Buffer.concat([kHead, Buffer.alloc(20_000, 0x91)]), "Could not parse"],
  ["M08", "a good event", event("echo", 1), kReply, 1],
  ["M09", "a wrong length of a string", Buffer.concat([kHead, hex("91 a7 6563686f")]), "Could not parse"],
  ["M10", "a reserved event", event("connect"), "invalid payload"],
  ["M11", "data {}", packed({ type: 2, data: {}, nsp: "/" }), "invalid payload"],
  ["M12", "data []", event(), "invalid payload"],
  ["M13", "type 99", packed({ type: 99, data: ["echo"], nsp: "/" }), "invalid packet type"],
  ["M14", "type \"x\"", packed({ type: "x", data: ["echo"], nsp: "/" }), "invalid packet type"],
  ["M15", "nsp 1", packed({ type: 2, data: ["echo"], nsp: 1 }), "invalid namespace"],
  ["M16", "id -1", packed({ type: 2, data: ["echo"], nsp: "/", id: -1 }), "invalid packet id"],
  ["M17", "an unknown extension: its bytes", Buffer.concat([kHead, kEchoName, hex("d4 7f 05")]), kReply, Buffer.from([5])],
  ["M18", "an extension cut short", Buffer.concat([kHead, kEchoName, hex("c7 ff 00")]), "Could not parse"],
  ["M19", "invalid UTF-8", Buffer.concat([kHead, kEchoName, hex("a2 c328")]), "Could not parse"],
  ["M20", "trailing bytes", Buffer.concat([event("echo", 1), Buffer.from("trailing")]), "trailing bytes"],
  ["M21", "a text frame", '2["echo",1]', "Could not parse"],
  ["M22", "uint64 max", Buffer.concat([kHead, kEchoName, hex("cf ffffffffffffffff")]), kReply, hex("cf ffffffffffffffff")],
  ["M23", "NaN", Buffer.concat([kHead, kEchoName, hex("cb 7ff8000000000000")]), kReply, NaN],
  ["M24", "__proto__", Buffer.concat([kHead, kEchoName, hex("81 a9 5f5f70726f746f5f5f 01")]), kReply, hex("81 a9 5f5f70726f746f5f5f 01")],
];
