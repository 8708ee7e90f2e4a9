// S: the same bytes in every split give the same. Conversations are cut in two at every place, behind the last bytes of the
// handshake too, each cut on a connection of its own. With `all` every short row of the other groups is cut like that.
import { frameRows, hex, part } from "./frame_cases.mjs";
import { maker, pong, text } from "./judge.mjs";
import { textRows } from "./text_cases.mjs";

const kGreek = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");
const kHello = "Hello, world!";
const kHead = 5;   // bytes of the handshake's end that may lie in the second piece
const kMost = 150;  // bytes of rows that are cut with `all`

const kTalks = [
  ["a short text", (w) => [w.text(kHello)], [text(kHello)], "open"],
  ["16 and 64 bit lengths", (w) => [w.text("a".repeat(130)), w.text("b".repeat(3), { form: 64 })], [text("a".repeat(130)), text("bbb")], "open"],
  ["fragments around a ping", (w) => [w.text("one", part), w.ping("ping"), w.more("two")], [pong("ping"), text("onetwo")], "open"],
  ["Greek in fragments", (w) => [w.text(kGreek.subarray(0, 4), part), w.more(kGreek.subarray(4))], [text(kGreek)], "open"],
  ["a reserved opcode", (w) => [w.text(kHello), w.frame(11, "x")], [text(kHello)], { refused: 1002 }],
  ["bad text", (w) => [w.text(kHello), w.text(hex("f4 90 80 80"))], [text(kHello)], { refused: 1007 }],
  ["a close", (w) => [w.text(kHello), w.closing(3000, "bye")], [text(kHello)], { closed: 3000, reason: "bye" }],
];

/** `row` with its bytes behind the handshake's last, cut at `at` (from the handshake's end). */
const cutRow = (row, id, bytes, at) => ({ ...row, id: `${id}.${at + kHead}`, what: `${row.what}, cut at ${at} of ${bytes.length}`, early: () => bytes, cutAt: at, send: () => [] });

function cuts(role, row, id) {
  const bytes = Buffer.concat(row.send(maker(role)));
  // Inside a run of one byte there is nothing new to see.
  const same = (at) => at > 2 && bytes[at] === bytes[at - 1] && bytes[at] === bytes[at - 2];
  return Array.from({ length: bytes.length - 1 + kHead }, (_, i) => i - kHead + 1).filter((at) => !same(at)).map((at) => cutRow(row, id, bytes, at));
}

export function splitRows(role, { all = false } = {}) {
  const rows = kTalks.flatMap(([what, send, expect, then], i) => cuts(role, { what, send, expect, then }, `S.${i + 1}`));
  if (!all) return rows;
  for (const row of [...frameRows(role), ...textRows()]) {
    if (row.rest || /byte by byte|in one write|pieces/.test(row.what)) continue;
    if (Buffer.concat(row.send(maker(role))).length <= kMost) rows.push(...cuts(role, row, `S.${row.id}`));
  }
  return rows;
}
