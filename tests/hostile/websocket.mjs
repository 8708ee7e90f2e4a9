// Rows W and F: WebSocket handshakes and frames, and what must come of them. One line each; hostile_websocket.test.mjs sends
// them whole and byte by byte, hostile_table.test.mjs in pieces, split_test.cpp cut at every byte.
import { closing, fragments, frame, http, kClose, kPing, kPong, kSocketPath, kText, kUpgradeLines, upgradeRequest } from "../e2e/support/raw.mjs";

const [kUpgrade, kConnection, kKeyLine, kVersion] = kUpgradeLines;
const to = (query) => `/socket.io/?${query}`;
const ask = (...lines) => upgradeRequest(kSocketPath, lines);
const plus = (...lines) => upgradeRequest(kSocketPath, [...kUpgradeLines, ...lines]);
const kBadKey = "Missing or invalid Sec-WebSocket-Key header";
export const kBadVersion = "Missing or invalid Sec-WebSocket-Version header";
const e = (code, message) => JSON.stringify({ code, message });
const offers = Array.from({ length: 20 }, (_, i) => `permessage-deflate; server_max_window_bits=${8 + (i % 8)}; client_no_context_takeover`);

// [id, what, request, 101 or the refusal as [status, body], log]
export const kHandshakes = [
  ["W00", "a good one", ask(...kUpgradeLines), 101],
  ["W01", "no key", ask(kUpgrade, kConnection, kVersion), [400, kBadKey]],
  ["W02", "a short key", ask(kUpgrade, kConnection, "Sec-WebSocket-Key: short", kVersion), [400, kBadKey]],
  ["W03", "a key that is no base64", ask(kUpgrade, kConnection, `Sec-WebSocket-Key: ${"!".repeat(24)}`, kVersion), [400, kBadKey]],
  ["W04", "two keys", plus(kKeyLine), [400, kBadKey]],
  ["W05", "no version", ask(kUpgrade, kConnection, kKeyLine), [400, kBadVersion]],
  ["W06", "version 12", ask(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 12"), [400, kBadVersion]],
  ["W07", "two versions", ask(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 13, 8"), [400, kBadVersion]],
  ["W08", "WebSocket in capitals", ask("Upgrade: WebSocket", kConnection, kKeyLine, kVersion), 101],
  ["W09", "another upgrade", ask("Upgrade: h2c", kConnection, kKeyLine, kVersion), [400, e(3, "Bad request")], ["error:3"]],
  ["W10", "two upgrades", ask("Upgrade: websocket, foo", kConnection, kKeyLine, kVersion), [400, "Invalid Upgrade header"]],
  ["W11", "no Connection: upgrade", ask(kUpgrade, "Connection: keep-alive", kKeyLine, kVersion), [400, e(3, "Bad request")], ["error:3"]],
  ["W12", "Connection: keep-alive, Upgrade", ask(kUpgrade, "Connection: keep-alive, Upgrade", kKeyLine, kVersion), 101],
  ["W13", "POST", http(`POST ${kSocketPath} HTTP/1.1`, [...kUpgradeLines, "Content-Length: 0"]), [400, "Bad handshake method"], ["error:2"]],
  ["W14", "HTTP/1.0", http(`GET ${kSocketPath} HTTP/1.0`, kUpgradeLines), [400], ["error:3"]],
  ["W15", "a protocol twice", plus("Sec-WebSocket-Protocol: a, a"), [400, "Invalid Sec-WebSocket-Protocol header"]],
  ["W16", "a protocol of 12,000 blanks (CVE-2021-32640)", plus(`Sec-WebSocket-Protocol: b${" ".repeat(12_000)}x`), [400, "Invalid Sec-WebSocket-Protocol header"]],
  ["W17", "DEL in a header", plus("X: a\x7fb"), [400, ""]],
  ["W18", "a window of 7 bits", plus("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7"), 101],
  ["W19", "an unknown parameter", plus("Sec-WebSocket-Extensions: permessage-deflate; foo=1"), 101],
  ["W20", "extension constructor (GHSA-5v72-xg48-5rpm)", plus("Sec-WebSocket-Extensions: constructor"), 101],
  ["W21", "6,000 times a;", plus(`Sec-WebSocket-Extensions: ${"a;".repeat(6000)}`), 101],
  ["W22", "a parameter twice", plus("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_no_context_takeover"), 101],
  ["W23", "a foreign Origin", plus("Origin: http://evil.example"), 101],
  ["W24", "Origin: null", plus("Origin: null"), 101],
  ["W25", "VT in Origin", plus("Origin: a\x0bb"), [400, ""]],
  ["W26", "another path", upgradeRequest("/elsewhere"), [404, undefined, ["FIN"]]],
  ["W27", "a body (GHSA-mfx4-hv73-q22v)", `${plus("Content-Length: 5")}hello`, [400, ""]],
  ["W28", "transport=polling", upgradeRequest(to("EIO=4&transport=polling")), [400, "Bad request"], ["error:3"]],
  ["W29", "EIO=3", upgradeRequest(to("EIO=3&transport=websocket")), [400, "Unsupported protocol version"], ["error:5"]],
  ["W30", "no EIO", upgradeRequest(to("transport=websocket")), [400, "Unsupported protocol version"], ["error:5"]],
  ["W31", "an unknown sid", upgradeRequest(`${kSocketPath}&sid=abcdefghijklmnopqrst`), [400, "Session ID unknown"], ["error:1"]],
  ["W32", "a chunked body", `${plus("Transfer-Encoding: chunked")}0\r\n\r\n`, [400, ""]],
  ["W34", "escapes in a quoted parameter (CVE-2020-7662)", plus(`Sec-WebSocket-Extensions: a;b="${"\\c".repeat(6000)}"`), 101],
  ["W35", "20 offers that contradict each other", plus(`Sec-WebSocket-Extensions: ${offers.join(", ")}`), 101],
  ...["", "x", "constructor", "__proto__", "websocket,polling"].map((name, i) =>
    [`P03.${i}`, `transport=${name} (CVE-2023-31125)`, upgradeRequest(to(`EIO=4&transport=${name}`)), [400, "Transport unknown"], ["error:0"]]),
];

const part = { fin: false };
export const text = (payload, options) => frame(kText, payload, options);
export const more = (payload, options) => frame(0, payload, options);
const hex = (digits) => Buffer.from(digits, "hex");
export const filled = (n) => Buffer.alloc(n, 0x61);
export const echo = (n) => `42["echo","${"a".repeat(n - '42["echo",""]'.length)}"]`;  // n bytes in all
export const kEcho = '42["echo",1]';

// [id, what, sent after joining, frames that come back, reason]; without a reason the connection lives.
export const kError = "transport error";
const fails = (id, what, sent, code, ...before) => [id, what, sent, [...before, `close:${code}`], kError];
export const kFrames = [
  fails("F01", "unmasked", [text(kEcho, { key: null })], 1002),
  fails("F02", "RSV1", [text(kEcho, { rsv: 4 })], 1002),
  fails("F03", "RSV2", [text(kEcho, { rsv: 2 })], 1002),
  fails("F04", "RSV3", [text(kEcho, { rsv: 1 })], 1002),
  fails("F05", "opcode 3", [frame(3, "x")], 1002),
  fails("F06", "opcode 7", [frame(7, "x")], 1002),
  fails("F07", "opcode 11", [frame(11, "x")], 1002),
  fails("F08", "opcode 15", [frame(15, "x")], 1002),
  fails("F09", "a ping in fragments", [frame(kPing, "x", part)], 1002),
  fails("F10", "a ping of 126 bytes", [frame(kPing, filled(126))], 1002),
  fails("F11", "a close of 126 bytes", [frame(kClose, filled(126))], 1002),
  ["F12", "a ping of 125 bytes", [frame(kPing, filled(125))], [`pong:${filled(125).toString("hex")}`]],
  ["F13", "a pong nobody asked for", [frame(kPong, "x")], []],
  fails("F14", "a continuation of nothing", [more("x")], 1002),
  fails("F15", "a text inside a text", [text("42", part), text(kEcho)], 1002),
  ["F16", "a ping between fragments", [text('42["ec', part), frame(kPing, "x"), more('ho",1]')], ["pong:78", kEcho]],
  ["F17", "an empty message in fragments", [text("", part), more("")], ["close:"], "parse error"],
  fails("F18", "ff fe", [text(hex("fffe"))], 1007),
  ["F19", "a code point over two fragments", [text(Buffer.from('42["echo","κ"]').subarray(0, 11), part), more(Buffer.from('42["echo","κ"]').subarray(11))], ['42["echo","κ"]']],
  fails("F20", "a surrogate", [text(hex("eda080"))], 1007),
  fails("F21", "f4 90 in a fragment that is not the last", [text(hex("f490"), part)], 1007),
  fails("F22", "2^63 announced", [text("", { length: 2n ** 63n })], 1002),
  fails("F23", "2^62 announced", [text("", { length: 2n ** 62n })], 1009),
  fails("F24", "1,000,001 announced", [text("", { length: 1_000_001 })], 1009),
  ["F24b", "1,000,000 announced, nothing sent", [text("", { length: 1_000_000 })], []],
  ["F25", "a short length in 16 bits", [text(kEcho, { form: 16 })], [kEcho]],
  ["F26", "a short length in 64 bits", [text(kEcho, { form: 64 })], [kEcho]],
  fails("F27", "two fragments of 600 kB", [text(filled(600_000), part), more("", { length: 600_000 })], 1009),
  ["F28", "an empty close", [frame(kClose)], ["close:"], "transport close"],
  fails("F29", "a close of one byte", [frame(kClose, "x")], 1002),
  ["F30", "close 1000", [closing(1000)], ["close:1000"], "transport close"],
  ...[1005, 999, 1015, 1016, 2999, 65535].map((code, i) => fails(`F${["31", "32", "33", "34", "35", "39"][i]}`, `close ${code}`, [closing(code)], 1002)),
  ["F36", "close 4999", [closing(4999, "bye")], ["close:4999:bye"], "transport close"],
  fails("F37", "a close reason that is no text", [closing(1000, hex("ff"))], 1007),
  ["F38", "an event after close", [Buffer.concat([closing(1000), text(kEcho)])], ["close:1000"], "transport close"],
  ["F40", "126 bytes", [text(echo(126))], [echo(126)]],
  ["F41", "1,000,000 bytes", [text(echo(1_000_000))], [echo(1_000_000)]],
  fails("F42", "1,000,001 bytes", [text(echo(1_000_001))], 1009),
  ["F43", "20,000 fragments of a byte (CVE-2026-48779)", [Buffer.concat(fragments(kText, echo(20_000), 1))], [echo(20_000)]],
  fails("F44", "200,000 empty fragments", [text("", part), Buffer.concat(Array(200_000).fill(more("", part)))], 1008),
  ["F46", "2,000 events in one write", [Buffer.concat(Array.from({ length: 2000 }, (_, i) => text(`42["echo",${i}]`)))], Array.from({ length: 2000 }, (_, i) => `42["echo",${i}]`)],
  fails("F47", "2^64-1 announced", [text("", { length: 2n ** 64n - 1n })], 1002),
  ["F48", "a mask of zeros", [text(kEcho, { key: Buffer.alloc(4) })], [kEcho]],
];
