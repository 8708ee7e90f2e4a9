// permessage-deflate (RFC 7692): groups 12 and 13 of the Autobahn numbering, and D: what a peer may put into it. Each row has the
// parameters that are offered to a server (`offer`), or that a client is answered (`answer`).
import zlib from "node:zlib";
import { kBinary, kClose, kPing, kText, closeBody } from "./frames.mjs";
import { batches, hex, lives, part, refused } from "./frame_cases.mjs";
import { binary, hangUp, maker, show, text, verdict } from "./judge.mjs";
import { ascii, noise } from "./size_cases.mjs";

const kKiB = 1024;
const kPlain = { offer: "permessage-deflate; client_max_window_bits", answer: {} };

// --- 12, 13 -------------------------------------------------------------------------------------------------------------

const json = (n) => Buffer.alloc(n, JSON.stringify(Array.from({ length: 40 }, (_, i) => ({ id: i, name: `player ${i}`, at: [i * 7, i * 13 % 5], alive: i % 3 > 0 }))));
const markup = (n) => Buffer.alloc(n, Array.from({ length: 30 }, (_, i) => `<li class="item n${i * i}"><a href="/page/${i * 31}">Ünïcode ${i}</a></li>\n`.replace(/[Üï]/g, "u")).join(""));
const picture = (n) => Buffer.from(Uint8Array.from({ length: n }, (_, i) => (128 + 90 * Math.sin(i / 37) + 30 * Math.sin(i * i / 911)) & 0xff));
const kSets = [["JSON", kText, json], ["a picture", kBinary, picture], ["prose", kText, ascii], ["markup", kText, markup], ["noise", kBinary, noise]];

// Message sizes and how they are cut into fragments (0: not at all).
const kShapes = [
  ...[16, 64, 256, kKiB, 4 * kKiB, 8 * kKiB, 16 * kKiB, 32 * kKiB, 64 * kKiB, 128 * kKiB].map((size) => [size, 0]),
  ...[8, 16, 32, 64, 128].map((n) => [n * kKiB, 256]),
  [128 * kKiB, kKiB], [128 * kKiB, 4 * kKiB], [128 * kKiB, 32 * kKiB],
];

// The parameters of group 13: what we ask of the peer. 13.7 asks for two things that a peer may decline, then for nothing.
const asked = (noContext, bits) => {
  const server = [noContext && "server_no_context_takeover", bits && `server_max_window_bits=${bits}`].filter(Boolean);
  return {
    offer: ["permessage-deflate", ...server, "client_max_window_bits"].join("; "),
    answer: { ...(noContext && { client_no_context_takeover: true }), ...(bits && { client_max_window_bits: bits }) },
  };
};
const kParameters = [asked(false, 0), asked(true, 0), asked(false, 9), asked(false, 15), asked(true, 9), asked(true, 15),
  { ...asked(true, 9), offer: `${asked(true, 9).offer}, ${asked(true, 15).offer}, permessage-deflate` }];

function exchange(id, what, parameters, [, opcode, make], [size, cut], count) {
  return {
    id, what: `${what}: ${count} messages of ${size} bytes${cut ? ` in fragments of ${cut}` : ""}`, ...parameters,
    async converse(connection) {
      const w = maker(connection.role);
      const all = make(size + count);
      const wanted = opcode === kText ? text : binary;
      for (let n = 0; n < count; ++n) {
        const data = all.subarray(n, n + size);  // each message another one, and like the last
        const sent = connection.codec.deflate(data);
        connection.push(cut ? Buffer.concat(w.fragments(opcode, sent, cut, { rsv: 4 })) : w.frame(opcode, sent, { rsv: 4 }));
        const got = await connection.next();
        if (got.kind !== wanted("").kind || !got.data.equals(data)) return verdict("FAILED", `echo ${n}: wanted ${size} bytes, got ${show(got)}`);
      }
      return hangUp(connection);
    },
  };
}

function exchanges(all) {
  const rows = [];
  const count = (size) => (all ? 1000 : Math.max(2, Math.min(20, Math.floor(64 * kKiB / size))));
  const shapes = kShapes.map((shape, k) => [k + 1, shape]).filter(([k]) => all || k % 4 === 1);
  for (const [i, set] of kSets.entries())
    for (const [k, shape] of shapes) rows.push(exchange(`12.${i + 1}.${k}`, set[0], kPlain, set, shape, count(shape[0])));
  for (const [i, parameters] of kParameters.entries())
    for (const [k, shape] of shapes) rows.push(exchange(`13.${i + 1}.${k}`, parameters.offer, parameters, kSets[0], shape, count(shape[0])));
  return rows;
}

// --- D ------------------------------------------------------------------------------------------------------------------

const kHello = "f2 48 cd c9 c9 07 00";  // RFC 7692 §7.2.3.1
const kAgain = "f2 00 11 00 00";        // §7.2.3.2: refers to the message before
const compressed = (digits, options) => (w) => [w.text(hex(digits), { rsv: 4, ...options })];
const pack = (data) => zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
const kEchoed = (why) => [{ expect: [text("Hello")], then: "open", verdict: "INFORMATIONAL", why }];
const kAnyCode = (verdictName, why) => [{ refused: "any", verdict: verdictName, why }];
const packed = (row, parameters = kPlain) => ({ ...row, ...parameters });
const kNoContext = {
  offer: "permessage-deflate; client_no_context_takeover; client_max_window_bits",
  answer: { server_no_context_takeover: true },
};

const kRows = [
  packed(lives("D01", "the RFC's example", compressed(kHello), text("Hello"))),
  packed(lives("D01.b", "in two fragments", (w) => [w.text(hex("f2 48 cd"), { ...part, rsv: 4 }), w.more(hex("c9 c9 07 00"))], text("Hello"))),
  packed(lives("D01.c", "in a fragment per byte, with pings between", (w) => w.fragments(kText, hex(kHello), 1, { rsv: 4 }).flatMap((one) => [one, w.pong("x")]), text("Hello"))),
  packed(lives("D01.d", "with empty fragments", (w) => [w.text("", { ...part, rsv: 4 }), w.more(hex(kHello), part), w.more("")], text("Hello"))),
  packed(lives("D01.e", "a stored block", compressed("00 05 00 fa ff 48 65 6c 6c 6f 00"), text("Hello"))),
  packed(lives("D01.f", "two blocks in one message", compressed("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"), text("Hello"))),
  packed(lives("D01.g", "the shortest empty message", compressed("00"), text(""))),
  packed(lives("D01.h", "a message, byte by byte", (w) => w.bytewise(...compressed(kHello)(w)), text("Hello"))),
  packed({ ...lives("D13", "a last block (BFINAL)", compressed("f3 48 cd c9 c9 07 00 00"), text("Hello")), or: kAnyCode("NON-STRICT", "refuses a last block, which RFC 7692 §7.2.3.4 allows") }),
  packed(refused("D02", "a block type that there is not", compressed("07"), 1007)),
  packed({ ...lives("D04", "RSV 1 and no payload", compressed(""), text("")), or: kAnyCode("INFORMATIONAL", "refuses a message without a block") }),
  packed(refused("D05", "RSV 1 on a ping", (w) => [w.frame(kPing, "x", { rsv: 4 })], 1002)),
  packed(refused("D05.b", "RSV 1 on a close", (w) => [w.frame(kClose, closeBody(1000), { rsv: 4 })], 1002)),
  packed(refused("D06", "RSV 1 on a continuation", (w) => [w.text(hex("f2 48 cd"), { ...part, rsv: 4 }), w.more(hex("c9 c9 07 00"), { rsv: 4 })], 1002)),
  packed(refused("D06.b", "RSV 2 on a compressed message", compressed(kHello, { rsv: 6 }), 1002)),
  packed({ ...refused("D07", "a block that is cut off", compressed("f2 48 cd"), 1007), or: [{ expect: "any", then: "open", verdict: "INFORMATIONAL", why: "takes what there is" }] }),
  packed(refused("D08", "bytes that are no UTF-8", (w) => [w.text(pack(hex("48 65 ff fe")), { rsv: 4 })], 1007)),
  packed(lives("D09", "a message that is not compressed", (w) => [w.text("plain"), w.text(hex(kHello), { rsv: 4 })], text("plain"), text("Hello"))),
  packed(refused("D11", "a stored block whose lengths disagree", compressed("00 05 00 00 00 48 65 6c 6c 6f 00"), 1007)),
  packed(refused("D12", "zlib's header", (w) => [w.text(zlib.deflateSync("Hello"), { rsv: 4 })], 1007)),
  packed({ ...lives("D14", "20,000 empty stored blocks", (w) => [w.text(Buffer.concat([...Array(20_000).fill(hex("00 00 00 ff ff")), hex("00")]), { rsv: 4 })], text("")), or: kAnyCode("INFORMATIONAL", "a limit of its own") }),
  packed(refused("D17", "a distance back before the first byte", compressed(kAgain), 1007)),
  packed({ ...refused("D18", "no context agreed on, and a message that needs it", (w) => [...compressed(kHello)(w), ...compressed(kAgain)(w)], 1007, text("Hello")), or: kEchoed("keeps a context that nobody uses") }, kNoContext),
  packed(lives("D18.b", "a context that is kept, when the peer agreed", (w) => [...compressed(kHello)(w), ...compressed(kAgain)(w)], text("Hello"), text("Hello"))),
];
kRows.at(-1).needsContext = true;

function limitRows(maxMessage) {
  const bomb = (n) => pack(Buffer.alloc(n, "a"));
  return [
    packed(refused("D15", "one byte more than the limit, inflated", (w) => [w.text(bomb(maxMessage + 1), { rsv: 4 })], 1009)),
    packed(refused("D03", "a bomb in fragments", (w) => batches(w.fragments(kText, bomb(maxMessage * 2), 1000, { rsv: 4 }), 10), 1009)),
  ];
}

export const deflateRows = ({ all = false, maxMessage } = {}) => [...kRows, ...(maxMessage ? limitRows(maxMessage) : []), ...exchanges(all)];
