// Rows P and U, and those of S and J that are about memory: payloads over long polling and packets over WebSocket, and what must
// come of them. One line each; hostile_sessions.test.mjs sends them whole, hostile_table.test.mjs in pieces, split_test.cpp cut at every byte.
import { frame, kBinary, kText } from "../e2e/support/raw.mjs";

export const kError = "transport error";
export const kParse = "parse error";
export const kForced = "forced close";
export const kLeft = "transport close";
export const kEcho = '42["echo",1]';
export const kHole = '{"_placeholder":true,"num":0}';

const kOk = [200, "ok"];
const kRefused = [400, ""];
const many = (n) => Array(n).fill(kEcho).join("\x1e");
// [id, what, body, headers, the answer, reason]; without a reason the session lives.
export const kPosts = [
  ["P21", "an empty body", "", {}, kOk, kParse],
  ["P22", "type 9", "9", {}, kOk, kParse],
  ["P23", "abc", "abc", {}, kOk, kParse],
  ["P24", "bytes that are no text", Buffer.from([0, 1, 255]), {}, kOk, kParse],
  ["P24b", "an event that is no text", Buffer.concat([Buffer.from('42["echo","'), Buffer.from([0xff, 0xfe]), Buffer.from('"]')]), {}, kOk, [kParse, kForced]],
  ["P25", "octet-stream (CVE-2026-59725)", kEcho, { "content-type": "application/octet-stream" }, kRefused, kError],
  ["P26", "1,000,001 bytes", "4".repeat(1_000_001), {}, [413, ""], null],
  ["P27", "separators only", "\x1e\x1e\x1e", {}, kOk, kParse],
  ["P27b", "a separator behind the last packet", `${kEcho}\x1e`, {}, kOk, kParse],
  ["P28", "16,384 packets", many(16_384), {}, kOk, null],
  ["P28b", "16,385 packets", many(16_385), {}, kOk, kParse],
  ["P29", "good, bad, good", `${kEcho}\x1e9\x1e${kEcho}`, {}, kOk, kParse],
  ["P30", "an attachment nobody announced", "bAQID", {}, kOk, kForced],
  ["P31", "an attachment that is no base64", `451-["echo",${kHole}]\x1eb!!!!`, {}, kOk, kParse],
  ["P31b", "an attachment of five letters", `451-["echo",${kHole}]\x1ebAQIDA`, {}, kOk, [kParse, null]],
  ["P33", "a close packet", "1", {}, kOk, kLeft],
  ["P33b", "events behind a close packet", `1\x1e${kEcho}`, {}, kOk, kLeft],
  ["P34", "a ping", "2", {}, kOk, kError],
  ["P34b", "a probe", "2probe", {}, kOk, kError],
  ["P35", "a pong", "3", {}, kOk, null],
  ["P36", "an upgrade packet", "5", {}, kOk, null],
  ["P37", "a noop", "6", {}, kOk, null],
  ["P38", "an open packet", '0{"sid":"x"}', {}, kOk, null],
  ["S49", "a decoder's error", '450-["echo",1]', {}, kOk, kForced],
  ["S22", "a second CONNECT", "40", {}, kOk, [kForced, "forced server close"]],
];

export const text = (payload) => frame(kText, payload);
export const binary = (payload) => frame(kBinary, payload);
// [id, what, frames, is the main namespace joined?, reason]; without a reason the session lives.
export const kPackets = [
  ["U01", "an empty frame", [text("")], true, kParse],
  ["U02", "type 9", [text("9")], true, kParse],
  ["U03", "a probe", [text("2probe")], true, kError],
  ["U04", "a ping", [text("2")], true, kError],
  ["U05", "a pong", [text("3")], true, null],
  ["U05b", "ten thousand pongs", [Buffer.concat(Array(10_000).fill(text("3")))], true, null],
  ["U06", "an open packet", [text('0{"sid":"x"}')], true, null],
  ["U07", "an upgrade packet", [text("5")], true, null],
  ["U08", "a noop", [text("6")], true, null],
  ["U09", "a close packet", [text("1")], true, kLeft],
  ["U10", "binary before CONNECT", [binary("abc")], false],
  ["U11", "base64", [text("bAQID")], true, [kParse, kForced]],
  ["U12", "fifty times x", [text("x".repeat(50))], true, kParse],
  ["U13", "an empty packet before CONNECT", [text("4")], false],
  ["S58", "text where an attachment is due", [text(`451-["echo",${kHole}]`), text(kEcho)], true, kForced],
  ["S59", "an attachment that is not due", [binary("abc")], true, kForced],
  ["S60", "a ping where an attachment is due", [text(`451-["echo",${kHole}]`), text("2")], true, kError],
  ["S70", "an event before CONNECT", [text(kEcho)], false],
  ["S71", "a binary event's header before CONNECT", [text(`451-["echo",${kHole}]`), binary(Buffer.alloc(999_000))], false],
  ["S52", "999,999,999 attachments", [text(`45999999999-["echo",${kHole}]`)], true, kForced],
  ["S29", "a namespace of 900 kB", [text(`40/${"n".repeat(900_000)},`)], true, [kForced, null]],
  ["J01", "400,000 open brackets", [text(`42["echo",${"[".repeat(400_000)}]`)], true, kForced],
  ["J27", "a megabyte of escapes", [text(`42["echo","${'\\"'.repeat(499_900)}"]`)], true, null],
  ["J27b", "a megabyte of digits", [text(`42["echo",${"1".repeat(999_900)}]`)], true, [kForced, null]],
  ["J27c", "100,000 keys", [text(`42["echo",{${Array.from({ length: 90_000 }, (_, i) => `"${String(i).padStart(5, "0")}":1`).join()}}]`)], true, null],
];
