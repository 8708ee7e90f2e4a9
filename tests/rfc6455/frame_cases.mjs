// Groups 1 to 5 and 7 of the Autobahn numbering, and F: what Autobahn does not have about frames.
import { kBinary, kClose, kPing, kPong, kText, closeBody, pieces } from "./frames.mjs";
import { binary, pong, text } from "./judge.mjs";

export const hex = (digits) => Buffer.from(digits.replaceAll(" ", ""), "hex");
export const part = { fin: false };
export const batches = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, i) => Buffer.concat(list.slice(i * size, (i + 1) * size)));

/** The connection then lives. */
export const lives = (id, what, send, ...expect) => ({ id, what, send, expect, then: "open" });
/** The peer then ends it with `code`. */
export const refused = (id, what, send, code, ...expect) => ({ id, what, send, expect, then: { refused: code } });
/** We have sent a close frame, and the peer answers. */
export const closes = (id, what, send, code, reason, ...expect) => ({ id, what, send, expect, then: { closed: code, reason } });

const filled = (n) => Buffer.alloc(n, 0xfe);
const stars = (n) => "*".repeat(n);

// --- 1 to 5 -------------------------------------------------------------------------------------------------------------

const kSizes = [0, 125, 126, 127, 128, 65535, 65536];
const kEcho = [
  ...kSizes.map((n, i) => lives(`1.1.${i + 1}`, `text of ${n} bytes`, (w) => [w.text(stars(n))], text(stars(n)))),
  lives("1.1.8", "text of 65536 in writes of 997", (w) => pieces(w.text(stars(65536)), 997), text(stars(65536))),
  ...kSizes.map((n, i) => lives(`1.2.${i + 1}`, `binary of ${n} bytes`, (w) => [w.binary(filled(n))], binary(filled(n)))),
  lives("1.2.8", "binary of 65536 in writes of 997", (w) => pieces(w.binary(filled(65536)), 997), binary(filled(65536))),
];

const kTen = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
const kOdd = hex("00 ff fe fd fc fb 00 ff");
const kPings = [
  lives("2.1", "a ping without payload", (w) => [w.ping()], pong()),
  lives("2.2", "a ping with text", (w) => [w.ping("Hello, world!")], pong("Hello, world!")),
  lives("2.3", "a ping with bytes that are no text", (w) => [w.ping(kOdd)], pong(kOdd)),
  lives("2.4", "a ping of 125 bytes", (w) => [w.ping(filled(125))], pong(filled(125))),
  refused("2.5", "a ping of 126 bytes", (w) => [w.ping(filled(126))], 1002),
  lives("2.6", "a ping of 125 bytes, byte by byte", (w) => w.bytewise(w.ping(filled(125))), pong(filled(125))),
  lives("2.7", "a pong nobody asked for", (w) => [w.pong()]),
  lives("2.8", "such a pong with payload", (w) => [w.pong("unsolicited")]),
  lives("2.9", "such a pong, then a ping", (w) => [w.pong("unsolicited"), w.ping("ping")], pong("ping")),
  lives("2.10", "ten pings", (w) => kTen.map((payload) => w.ping(payload)), ...kTen.map(pong)),
  lives("2.11", "ten pings, byte by byte", (w) => w.bytewise(...kTen.map((payload) => w.ping(payload))), ...kTen.map(pong)),
];

const kHello = "Hello, world!";
const kReserved = [
  refused("3.1", "RSV 1", (w) => [w.text("small", { rsv: 1 })], 1002),
  refused("3.2", "RSV 2 after a message, then a ping", (w) => [w.text(kHello), w.text(kHello, { rsv: 2 }), w.ping()], 1002, text(kHello)),
  refused("3.3", "RSV 3, all in one write", (w) => [Buffer.concat([w.text(kHello), w.text(kHello, { rsv: 3 }), w.ping()])], 1002, text(kHello)),
  refused("3.4", "RSV 4, byte by byte", (w) => w.bytewise(w.text(kHello), w.text(kHello, { rsv: 4 }), w.ping()), 1002, text(kHello)),
  refused("3.5", "RSV 5 on binary", (w) => [w.binary(filled(8), { rsv: 5 })], 1002),
  refused("3.6", "RSV 6 on a ping", (w) => [w.ping("", { rsv: 6 })], 1002),
  refused("3.7", "RSV 7 on a close", (w) => [w.frame(kClose, closeBody(1000), { rsv: 7 })], 1002),
];

const kOpcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode, i) => {
  const id = `4.${opcode < 8 ? 1 : 2}.${(i % 5) + 1}`;
  return [
    refused(id, `opcode ${opcode}`, (w) => [w.frame(opcode)], 1002),
    refused(`${id}.b`, `opcode ${opcode} with a payload`, (w) => [w.frame(opcode, "reserved")], 1002),
    refused(`${id}.c`, `opcode ${opcode} between messages`, (w) => [Buffer.concat([w.text(kHello), w.frame(opcode, "x"), w.ping()])], 1002, text(kHello)),
    refused(`${id}.d`, `opcode ${opcode}, byte by byte`, (w) => w.bytewise(w.text(kHello), w.frame(opcode, "x"), w.ping()), 1002, text(kHello)),
  ];
});

const kTwo = (w) => [w.text("fragment1", part), w.more("fragment2")];
const kAround = (w) => [w.text("fragment1", part), w.ping("ping"), w.more("fragment2")];
const kWhole = text("fragment1fragment2");
const kFive = (w) => [
  w.text("fragment1", part), w.more("fragment2", part), w.ping("ping 1"), w.more("fragment3", part), w.more("fragment4", part), w.ping("ping 2"), w.more("fragment5"),
];
const kFiveOut = [pong("ping 1"), pong("ping 2"), text("fragment1fragment2fragment3fragment4fragment5")];
const atOnce = (frames) => (w) => [Buffer.concat(frames(w))];
const byBytes = (frames) => (w) => w.bytewise(...frames(w));
const kNothing = (w) => [w.more("x"), w.text(kHello)];
const kNothingYet = (w) => [w.more("x", part), w.text(kHello)];
const kFragments = [
  refused("5.1", "a ping in two", (w) => [w.ping("fragment1", part), w.more("fragment2")], 1002),
  refused("5.2", "a pong in two", (w) => [w.pong("fragment1", part), w.more("fragment2")], 1002),
  lives("5.3", "a text in two", kTwo, kWhole),
  lives("5.4", "a text in two, in one write", atOnce(kTwo), kWhole),
  lives("5.5", "a text in two, byte by byte", byBytes(kTwo), kWhole),
  lives("5.6", "a ping between fragments", kAround, pong("ping"), kWhole),
  lives("5.7", "a ping between fragments, in one write", atOnce(kAround), pong("ping"), kWhole),
  lives("5.8", "a ping between fragments, byte by byte", byBytes(kAround), pong("ping"), kWhole),
  refused("5.9", "a continuation of nothing, FIN", kNothing, 1002),
  refused("5.10", "a continuation of nothing, FIN, in one write", atOnce(kNothing), 1002),
  refused("5.11", "a continuation of nothing, FIN, byte by byte", byBytes(kNothing), 1002),
  refused("5.12", "a continuation of nothing, no FIN", kNothingYet, 1002),
  refused("5.13", "a continuation of nothing, no FIN, in one write", atOnce(kNothingYet), 1002),
  refused("5.14", "a continuation of nothing, no FIN, byte by byte", byBytes(kNothingYet), 1002),
  refused("5.15", "a continuation after the end", (w) => [...kTwo(w), w.more("fragment3", part), w.text("fragment4")], 1002, kWhole),
  refused("5.16", "a continuation first, twice", (w) => [w.more("fragment1", part), w.text("fragment2", part), w.more("fragment3")], 1002),
  refused("5.17", "a continuation with FIN first, twice", (w) => [w.more("fragment1"), w.text("fragment2", part), w.more("fragment3")], 1002),
  refused("5.18", "a text inside a text", (w) => [w.text("fragment1", part), w.text("fragment2")], 1002),
  refused("5.18.b", "binary inside a text", (w) => [w.text("fragment1", part), w.binary("fragment2", part)], 1002),
  lives("5.19", "five fragments and two pings", kFive, ...kFiveOut),
  lives("5.20", "five fragments and two pings, in one write", atOnce(kFive), ...kFiveOut),
  lives("5.20.b", "five fragments and two pings, byte by byte", byBytes(kFive), ...kFiveOut),
  lives("5.21", "empty fragments", (w) => [w.text("", part), w.more("", part), w.more("x", part), w.more("")], text("x")),
  lives("5.22", "nothing but empty fragments", (w) => [w.text("", part), w.more("", part), w.more("")], text("")),
];

// --- 7 ------------------------------------------------------------------------------------------------------------------

const kGood = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const kBad = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999];
const kBeyond = [5000, 65535];  // RFC 6455 §7.4.2 gives them to nobody
const kReason = stars(123);
const kGreek = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");
const closing = (code, reason) => (w) => [w.closing(code, reason)];
const beyond = (id, code, reason) => ({
  ...refused(id, `close ${code}${reason ? " with a reason" : ""}`, closing(code, reason), 1002),
  or: [{ expect: [], then: { closed: code }, verdict: "INFORMATIONAL", why: "takes a code that nobody has defined" }],
});
const kClosing = [
  lives("7.1.1", "a message, then close", (w) => [w.text("Hello World!")], text("Hello World!")),
  closes("7.1.2", "two close frames", (w) => [w.closing(1000), w.closing(1000)], 1000),
  closes("7.1.2.b", "two close frames in one write", (w) => [Buffer.concat([w.closing(1000), w.closing(1001)])], 1000),
  closes("7.1.3", "a ping after close", (w) => [Buffer.concat([w.closing(1000), w.ping()])], 1000),
  closes("7.1.4", "a text after close", (w) => [Buffer.concat([w.closing(1000), w.text(kHello)])], 1000),
  closes("7.1.5", "close inside a message, the rest after it", (w) => [Buffer.concat([w.text("fragment1", part), w.closing(1000), w.more("fragment2")])], 1000),
  closes("7.1.6", "256 KiB, close, then a ping", (w) => [Buffer.concat([w.text("B".repeat(262144)), w.closing(1000), w.ping()])], 1000, "", text("B".repeat(262144))),
  closes("7.1.7", "garbage after close", (w) => [Buffer.concat([w.closing(1000), Buffer.alloc(4096, 0xff)])], 1000),
  closes("7.3.1", "an empty close", (w) => [w.frame(kClose)], undefined),
  refused("7.3.2", "a close of one byte", (w) => [w.frame(kClose, "a")], 1002),
  closes("7.3.3", "a code", closing(1000), 1000),
  closes("7.3.4", "a code and a reason", closing(1000, "Hello World!"), 1000, "Hello World!"),
  closes("7.3.5", "a reason of 123 bytes", closing(1000, kReason), 1000, kReason),
  refused("7.3.6", "a reason of 124 bytes", closing(1000, `${kReason}*`), 1002),
  closes("7.3.7", "a reason of 123 bytes, byte by byte", (w) => w.bytewise(w.closing(1000, kReason)), 1000, kReason),
  refused("7.5.1", "a reason that is no text", closing(1000, Buffer.concat([kGreek, hex("f4 90 80 80")])), 1007),
  closes("7.5.2", "a reason in Greek", closing(1000, kGreek), 1000, kGreek.toString("utf8")),
  ...kGood.flatMap((code, i) => [
    closes(`7.7.${i + 1}`, `close ${code}`, closing(code), code),
    closes(`7.7.${i + 1}.b`, `close ${code} with a reason`, closing(code, "reason"), code, "reason"),
  ]),
  ...kBad.flatMap((code, i) => [
    refused(`7.9.${i + 1}`, `close ${code}`, closing(code), 1002),
    refused(`7.9.${i + 1}.b`, `close ${code} with a reason`, closing(code, "reason"), 1002),
  ]),
  ...kBeyond.flatMap((code, i) => [beyond(`7.13.${i + 1}`, code), beyond(`7.13.${i + 1}.b`, code, "reason")]),
];

// --- F ------------------------------------------------------------------------------------------------------------------

const kLong = [{ refused: [1002], verdict: "OK" }];  // RFC 6455 §5.2: the shortest form MUST be used; nobody is told to look
const kMask = Buffer.alloc(4);
// The wrong way round: what a client must mask and a server must not (RFC 6455 §5.1).
const wrongWay = (w) => ({ key: w.role === "server" ? null : kMask });
const ascii = (n) => Buffer.alloc(n, "The quick brown fox jumps over the lazy dog. ");
const kManyFragments = [{ refused: [1008, 1009], verdict: "INFORMATIONAL", why: "a limit of fragments" }];
const kFrames = [
  refused("F01", "masked the wrong way", (w) => [w.text("x", wrongWay(w))], 1002),
  refused("F01.b", "masked the wrong way, empty", (w) => [w.text("", wrongWay(w))], 1002),
  refused("F01.c", "a ping masked the wrong way", (w) => [w.ping("x", wrongWay(w))], 1002),
  refused("F01.d", "a close masked the wrong way", (w) => [w.frame(kClose, closeBody(1000), wrongWay(w))], 1002),
  refused("F11", "a close of 126 bytes", (w) => [w.frame(kClose, filled(126))], 1002),
  refused("F22", "2^63 bytes announced", (w) => [w.text("", { length: 2n ** 63n })], 1002),
  { ...refused("F23", "2^62 bytes announced", (w) => [w.text("", { length: 2n ** 62n })], 1009), or: [{ refused: [1002], verdict: "INFORMATIONAL", why: "refused as malformed" }] },
  refused("F47", "2^64-1 bytes announced", (w) => [w.text("", { length: 2n ** 64n - 1n })], 1002),
  refused("F47.b", "2^64-1 bytes announced behind a fragment", (w) => [w.text("fragment1", part), w.more("", { length: 2n ** 64n - 1n })], 1002),
  { ...lives("F25", "a short length in 16 bits", (w) => [w.text("Hello", { form: 16 })], text("Hello")), or: kLong },
  { ...lives("F26", "a short length in 64 bits", (w) => [w.text("Hello", { form: 64 })], text("Hello")), or: kLong },
  { ...lives("F26.b", "a length of 16 bits in 64", (w) => [w.text(stars(300), { form: 64 })], text(stars(300))), or: kLong },
  refused("F10.b", "a ping's length in 16 bits", (w) => [w.ping("Hello", { form: 16 })], 1002),
  lives("F46", "2,000 messages in one write", (w) => [Buffer.concat(Array.from({ length: 2000 }, (_, i) => w.text(`${i}`)))], ...Array.from({ length: 2000 }, (_, i) => text(`${i}`))),
  { ...lives("F43", "20,000 fragments of a byte", (w) => batches(w.fragments(kText, ascii(20_000), 1), 1000), text(ascii(20_000))), or: kManyFragments },
];
const kMasks = [
  lives("F48", "a mask of zeros", (w) => [w.text("Hello", { key: kMask })], text("Hello")),
  lives("F48.b", "a mask of its own for each frame", (w) => [0, 1, 2, 3].map((i) => w.text("Hello", { key: Buffer.from([i, 255 - i, 128, 7 * i]) })), ...Array(4).fill(text("Hello"))),
];

/** The rows for a peer of that role. `limits`: what is known of it. */
export function frameRows(role, { maxFragments } = {}) {
  const rows = [...kEcho, ...kPings, ...kReserved, ...kOpcodes, ...kFragments, ...kClosing, ...kFrames, ...(role === "server" ? kMasks : [])];
  if (maxFragments) {
    const many = (n) => (w) => batches(w.fragments(kBinary, Buffer.alloc(n), 1), 4096);
    rows.push(
      lives("F43.b", `${maxFragments} fragments, which is the limit`, many(maxFragments), binary(Buffer.alloc(maxFragments))),
      refused("F43.c", `${maxFragments + 1} fragments`, many(maxFragments + 1), 1008),
      refused("F44", `${maxFragments + 1} empty fragments`, (w) => [w.text("", part), ...batches(Array(maxFragments).fill(w.more("", part)), 4096)], 1008),
    );
  }
  return rows;
}
