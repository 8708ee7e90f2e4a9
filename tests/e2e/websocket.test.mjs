// RFC 6455 on the wire: bytes made by hand against the bare WebSocket echo (`--suite ws`). The numbers of the rows are
// those of the Autobahn test suite where it has the case, W and F are our own.
//
// A row sends its pieces, each with a system call of its own, and names what must come back, then how it goes on:
// "open" (closing handshake with 1000 follows and must be answered) or "closed" (the server's FIN follows).
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import {
  Raw, RawSocket, accepts, bytes, closeBody, closing, fragments, frame, http, kBinary, kClose, kKey, kPing, kPong, kText,
  kUpgradeLines, pieces, response,
} from "./support/raw.mjs";

const kTimeout = { timeout: 120_000 };
let server;
before(async () => { server = await conformance("ws"); }, kTimeout);
after(async () => { await server?.stop(); }, kTimeout);

// --- rows -----------------------------------------------------------------------------------------------------------

const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");
const bin = (data) => `bin:${data.toString("hex")}`;
const pong = (data = "") => `pong:${Buffer.from(data).toString("hex")}`;
const text = (payload, options) => frame(kText, payload, options);
const more = (payload, options) => frame(0, payload, options);
const part = { fin: false };
const bytewise = (...frames) => pieces(Buffer.concat(frames), 1);

/** [id, what is sent, what comes back]; the connection then lives. */
const lives = (id, sent, ...expected) => ({ id, sent, expected, then: "open" });
/** ... and then the server closes with `code`. */
const refused = (id, sent, code, ...expected) => ({ id, sent, expected: [...expected, `close:${code}`], then: "closed" });
/** A close frame and its answer. */
const closes = (id, sent, answer, ...expected) => ({ id, sent, expected: [...expected, answer], then: "closed" });

async function play({ sent, expected, then }) {
  const socket = await RawSocket.open(server, "/", { pong: false });
  const sending = socket.send(...sent);
  for (const wanted of expected) {
    const got = await socket.next();
    // Long strings are compared first: a difference of megabytes is not worth printing.
    if (got !== wanted) assert.equal(got.slice(0, 300), wanted.slice(0, 300));
    assert(got === wanted, "differs behind the first 300 characters");
  }
  await sending;
  if (then === "open") {
    await socket.send(closing(1000));
    assert.equal(await socket.next("the answer to our close"), "close:1000");
  }
  await socket.fin();
}

const rows = (title, table) => describe(title, () => {
  for (const row of table) test(row.id, { timeout: 60_000 }, () => play(row));
});

// --- groups 1 to 5: frames ----------------------------------------------------------------------------------------------

const kSizes = [0, 125, 126, 127, 128, 65535, 65536];
const filled = (n) => Buffer.alloc(n, 0xfe);
rows("1: echo", [
  ...kSizes.map((n, i) => lives(`1.1.${i + 1} text of ${n}`, [text("*".repeat(n))], "*".repeat(n))),
  lives("1.1.8 text of 65536 in writes of 997", pieces(text("*".repeat(65536)), 997), "*".repeat(65536)),
  ...kSizes.map((n, i) => lives(`1.2.${i + 1} binary of ${n}`, [frame(kBinary, filled(n))], bin(filled(n)))),
  lives("1.2.8 binary of 65536 in writes of 997", pieces(frame(kBinary, filled(65536)), 997), bin(filled(65536))),
]);

const kTen = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
const kOdd = hex("00 ff fe fd fc fb 00 ff");
rows("2: ping and pong", [
  lives("2.1 without payload", [frame(kPing)], pong()),
  lives("2.2 with text", [frame(kPing, "Hello, world!")], pong("Hello, world!")),
  lives("2.3 with bytes that are no text", [frame(kPing, kOdd)], pong(kOdd)),
  lives("2.4 of 125 bytes", [frame(kPing, filled(125))], pong(filled(125))),
  refused("2.5 of 126 bytes", [frame(kPing, filled(126))], 1002),
  lives("2.6 of 125 bytes, byte by byte", bytewise(frame(kPing, filled(125))), pong(filled(125))),
  lives("2.7 a pong nobody asked for", [frame(kPong)]),
  lives("2.8 ... with payload", [frame(kPong, "unsolicited")]),
  lives("2.9 ... then a ping", [frame(kPong, "unsolicited"), frame(kPing, "ping")], pong("ping")),
  lives("2.10 ten pings", kTen.map((payload) => frame(kPing, payload)), ...kTen.map((payload) => pong(payload))),
  lives("2.11 ten pings, byte by byte", bytewise(...kTen.map((payload) => frame(kPing, payload))), ...kTen.map((payload) => pong(payload))),
]);

const kHello = text("Hello, world!");
rows("3: reserved bits", [
  refused("3.1 RSV 1", [text("small", { rsv: 1 })], 1002),
  refused("3.2 RSV 2 after a message, then a ping", [kHello, text("Hello, world!", { rsv: 2 }), frame(kPing)], 1002, "Hello, world!"),
  refused("3.3 RSV 3, all in one write", [Buffer.concat([kHello, text("Hello, world!", { rsv: 3 }), frame(kPing)])], 1002, "Hello, world!"),
  refused("3.4 RSV 4, byte by byte", bytewise(kHello, text("Hello, world!", { rsv: 4 }), frame(kPing)), 1002, "Hello, world!"),
  refused("3.5 RSV 5 on binary", [frame(kBinary, filled(8), { rsv: 5 })], 1002),
  refused("3.6 RSV 6 on a ping", [frame(kPing, "", { rsv: 6 })], 1002),
  refused("3.7 RSV 7 on a close", [frame(kClose, closeBody(1000), { rsv: 7 })], 1002),
]);

rows("4: reserved opcodes", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode, i) => {
  const id = `4.${opcode < 8 ? 1 : 2}.${(i % 5) + 1}`;
  return [
    refused(`${id} opcode ${opcode}`, [frame(opcode)], 1002),
    refused(`${id} opcode ${opcode} with a payload`, [frame(opcode, "reserved")], 1002),
    refused(`${id} opcode ${opcode} between messages`, [Buffer.concat([kHello, frame(opcode, "x"), frame(kPing)])], 1002, "Hello, world!"),
    refused(`${id} opcode ${opcode}, byte by byte`, bytewise(kHello, frame(opcode, "x"), frame(kPing)), 1002, "Hello, world!"),
  ];
}));

const kOne = text("fragment1", part);
const kTwo = more("fragment2");
const kWhole = "fragment1fragment2";
const kFive = [text("fragment1", part), more("fragment2", part), frame(kPing, "ping 1"), more("fragment3", part), more("fragment4", part), frame(kPing, "ping 2"), more("fragment5")];
const kFiveOut = [pong("ping 1"), pong("ping 2"), "fragment1fragment2fragment3fragment4fragment5"];
rows("5: fragments", [
  refused("5.1 a ping in two", [frame(kPing, "fragment1", part), kTwo], 1002),
  refused("5.2 a pong in two", [frame(kPong, "fragment1", part), kTwo], 1002),
  lives("5.3 a text in two", [kOne, kTwo], kWhole),
  lives("5.4 ... in one write", [Buffer.concat([kOne, kTwo])], kWhole),
  lives("5.5 ... byte by byte", bytewise(kOne, kTwo), kWhole),
  lives("5.6 a ping between", [kOne, frame(kPing, "ping"), kTwo], pong("ping"), kWhole),
  lives("5.7 ... in one write", [Buffer.concat([kOne, frame(kPing, "ping"), kTwo])], pong("ping"), kWhole),
  lives("5.8 ... byte by byte", bytewise(kOne, frame(kPing, "ping"), kTwo), pong("ping"), kWhole),
  refused("5.9 a continuation of nothing, FIN", [more("x"), kHello], 1002),
  refused("5.10 ... in one write", [Buffer.concat([more("x"), kHello])], 1002),
  refused("5.11 ... byte by byte", bytewise(more("x"), kHello), 1002),
  refused("5.12 a continuation of nothing, no FIN", [more("x", part), kHello], 1002),
  refused("5.13 ... in one write", [Buffer.concat([more("x", part), kHello])], 1002),
  refused("5.14 ... byte by byte", bytewise(more("x", part), kHello), 1002),
  refused("5.15 a continuation after the end", [kOne, kTwo, more("fragment3", part), text("fragment4")], 1002, kWhole),
  refused("5.16 a continuation first, twice", [more("fragment1", part), text("fragment2", part), more("fragment3")], 1002),
  refused("5.17 a continuation with FIN first, twice", [more("fragment1"), text("fragment2", part), more("fragment3")], 1002),
  refused("5.18 a text inside a text", [kOne, text("fragment2")], 1002),
  refused("5.18b binary inside a text", [kOne, frame(kBinary, "fragment2", part)], 1002),
  lives("5.19 five fragments and two pings", kFive, ...kFiveOut),
  lives("5.20 ... in one write", [Buffer.concat(kFive)], ...kFiveOut),
  lives("5.20b ... byte by byte", bytewise(...kFive), ...kFiveOut),
  lives("5.21 empty fragments", [text("", part), more("", part), more("x", part), more("")], "x"),
  lives("5.22 nothing but empty fragments", [text("", part), more("", part), more("")], ""),
]);

// --- group 6: UTF-8 -----------------------------------------------------------------------------------------------------

const kKosme = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");  // κόσμε
const kMixed = Buffer.from("Hello-µ@ßöäüàá-UTF-8!!", "utf8");
const utf8 = (data) => data.toString("utf8");
const accepted6 = (id, data) => [
  lives(`${id} whole`, [text(data)], utf8(data)),
  lives(`${id} a fragment per byte`, fragments(kText, data, 1), utf8(data)),
  lives(`${id} byte by byte`, bytewise(text(data)), utf8(data)),
];
const refused6 = (id, data) => [
  refused(`${id} whole`, [text(data)], 1007),
  refused(`${id} a fragment per byte`, fragments(kText, data, 1), 1007),
];

rows("6.1 to 6.4: text in pieces", [
  lives("6.1.1 empty", [text("")], ""),
  lives("6.1.2 three empty fragments", [text("", part), more("", part), more("")], ""),
  lives("6.1.3 only the middle one has text", [text("", part), more("middle", part), more("")], "middle"),
  lives("6.2.1 whole", [text(kMixed)], utf8(kMixed)),
  lives("6.2.2 cut between code points", [text(kMixed.subarray(0, 8), part), more(kMixed.subarray(8))], utf8(kMixed)),
  lives("6.2.3 a fragment per byte", fragments(kText, kMixed, 1), utf8(kMixed)),
  lives("6.2.4 Greek, a fragment per byte", fragments(kText, kKosme, 1), utf8(kKosme)),
  ...Array.from({ length: kMixed.length - 1 }, (_, i) =>
    lives(`6.2.5 cut at ${i + 1}`, [text(kMixed.subarray(0, i + 1), part), more(kMixed.subarray(i + 1))], utf8(kMixed))),
  ...refused6("6.3 a surrogate in the middle", hex("ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64")),
]);

// 6.4: the message is never finished; what is wrong already must be refused at once.
const kBroken = hex("f4 90 80 80");
rows("6.4: fails fast", [
  refused("6.4.1 in the first fragment", [text(Buffer.concat([kKosme, kBroken]), part)], 1007),
  refused("6.4.1b in the second fragment", [text(kKosme, part), more(kBroken, part)], 1007),
  refused("6.4.2 with half a code point that cannot be completed", [text(kKosme, part), more(hex("f4 90"), part)], 1007),
  refused("6.4.3 inside a frame that is not finished", [text(Buffer.concat([kKosme, kBroken, hex("65 64")])).subarray(0, -2)], 1007),
  refused("6.4.4 ... with half a code point", [text(Buffer.concat([kKosme, kBroken, hex("65 64")])).subarray(0, -4)], 1007),
  refused("6.4.5 over a cut between the two bytes", [text(hex("f4"), part), more(hex("90"), part)], 1007),
]);

rows("6.5 to 6.23: what is and what is not UTF-8", [
  ...accepted6("6.5.1", kKosme),
  ...["ce", "ce ba e1", "ce ba e1 bd", "ce ba e1 bd b9 cf", "ce ba e1 bd b9 cf 83 ce", "ce ba e1 bd b9 cf 83 ce bc ce"]
    .flatMap((prefix, i) => refused6(`6.6.${i + 1} unfinished ${prefix}`, hex(prefix))),
  ...["ce ba", "ce ba e1 bd b9", "ce ba e1 bd b9 cf 83", "ce ba e1 bd b9 cf 83 ce bc"].flatMap((prefix, i) => accepted6(`6.6.${i + 7} prefix`, hex(prefix))),
  ...["00", "c2 80", "e0 a0 80", "f0 90 80 80"].flatMap((first, i) => accepted6(`6.7.${i + 1} the first of its length ${first}`, hex(first))),
  ...["f8 88 80 80 80", "fc 84 80 80 80 80"].flatMap((first, i) => refused6(`6.8.${i + 1} five or six bytes ${first}`, hex(first))),
  ...["7f", "df bf", "ef bf bf", "f4 8f bf bf"].flatMap((last, i) => accepted6(`6.9.${i + 1} the last of its length ${last}`, hex(last))),
  ...["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"].flatMap((last, i) => refused6(`6.10.${i + 1} beyond ${last}`, hex(last))),
  ...["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf"].flatMap((edge, i) => accepted6(`6.11.${i + 1} edge ${edge}`, hex(edge))),
  ...refused6("6.11.5 edge f4 90 80 80", hex("f4 90 80 80")),
  ...["80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf", "80 bf 80 bf 80", "80 bf 80 bf 80 bf", "80 81 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 9f a0 af b0 be"]
    .flatMap((run, i) => refused6(`6.12.${i + 1} continuation bytes ${run.slice(0, 20)}`, hex(run))),
  ...[[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]].flatMap(([from, to], i) =>
    refused6(`6.13.${i + 1} lonely starts ${from.toString(16)}-${to.toString(16)}`,
      Buffer.from(Array.from({ length: to - from + 1 }, (_, k) => [from + k, 0x20]).flat()))),
  ...["c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80", "df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"]
    .flatMap((cut, i) => refused6(`6.14.${i + 1} last byte missing ${cut}`, hex(cut))),
  ...refused6("6.15.1 all of them", hex("c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf")),
  ...["fe", "ff", "fe fe ff ff"].flatMap((never, i) => refused6(`6.16.${i + 1} never ${never}`, hex(never))),
  ...["c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"].flatMap((long, i) => refused6(`6.17.${i + 1} overlong ${long}`, hex(long))),
  ...["c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"].flatMap((long, i) => refused6(`6.18.${i + 1} longest overlong ${long}`, hex(long))),
  ...["c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"].flatMap((nul, i) => refused6(`6.19.${i + 1} overlong NUL ${nul}`, hex(nul))),
  ...["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"].flatMap((half, i) => refused6(`6.20.${i + 1} surrogate ${half}`, hex(half))),
  ...["ed a0 80 ed b0 80", "ed a0 80 ed bf bf", "ed ad bf ed b0 80", "ed ad bf ed bf bf", "ed ae 80 ed b0 80", "ed ae 80 ed bf bf", "ed af bf ed b0 80", "ed af bf ed bf bf"]
    .flatMap((pair, i) => refused6(`6.21.${i + 1} surrogate pair ${pair}`, hex(pair))),
  ...["ef bf be", "ef bf bf", "f0 9f bf be", "f0 9f bf bf", "f0 af bf be", "f0 af bf bf", "f0 bf bf be", "f0 bf bf bf", "f1 8f bf be", "f1 8f bf bf",
    "f1 9f bf be", "f1 9f bf bf", "f1 af bf be", "f1 af bf bf", "f1 bf bf be", "f1 bf bf bf", "f2 8f bf be", "f2 8f bf bf", "f2 9f bf be", "f2 9f bf bf",
    "f2 af bf be", "f2 af bf bf", "f2 bf bf be", "f2 bf bf bf", "f3 8f bf be", "f3 8f bf bf", "f3 9f bf be", "f3 9f bf bf", "f3 af bf be", "f3 af bf bf",
    "f3 bf bf be", "f3 bf bf bf", "f4 8f bf be", "f4 8f bf bf"].map((non, i) => lives(`6.22.${i + 1} noncharacter ${non}`, [text(hex(non))], utf8(hex(non)))),
  ...["ef bf b9", "ef bf ba", "ef bf bb", "ef bf bc", "ef bf bd", "ef bf be", "ef bf bf"].map((special, i) => lives(`6.23.${i + 1} ${special}`, [text(hex(special))], utf8(hex(special)))),
  lives("6.24 bytes that are no text, as binary", [frame(kBinary, kBroken)], bin(kBroken)),
]);

// --- group 7: closing -------------------------------------------------------------------------------------------------------

const kGood = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const kBad = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
const kReason = "*".repeat(123);
rows("7: closing", [
  lives("7.1.1 a message, then close", [text("Hello World!")], "Hello World!"),
  closes("7.1.2 two close frames", [closing(1000), closing(1000)], "close:1000"),
  closes("7.1.2b ... in one write", [Buffer.concat([closing(1000), closing(1001)])], "close:1000"),
  closes("7.1.3 a ping after close", [Buffer.concat([closing(1000), frame(kPing)])], "close:1000"),
  closes("7.1.4 a text after close", [Buffer.concat([closing(1000), kHello])], "close:1000"),
  closes("7.1.5 close inside a message, the rest after it", [Buffer.concat([kOne, closing(1000), kTwo])], "close:1000"),
  closes("7.1.6 256 KiB, close, then a ping", [Buffer.concat([text("B".repeat(262144)), closing(1000), frame(kPing)])], "close:1000", "B".repeat(262144)),
  closes("7.1.7 garbage after close", [Buffer.concat([closing(1000), Buffer.alloc(4096, 0xff)])], "close:1000"),
  closes("7.3.1 an empty close", [frame(kClose)], "close:"),
  refused("7.3.2 a close of one byte", [frame(kClose, "a")], 1002),
  closes("7.3.3 a code", [closing(1000)], "close:1000"),
  closes("7.3.4 a code and a reason", [closing(1000, "Hello World!")], "close:1000:Hello World!"),
  closes("7.3.5 a reason of 123 bytes", [closing(1000, kReason)], `close:1000:${kReason}`),
  refused("7.3.6 a reason of 124 bytes", [closing(1000, `${kReason}*`)], 1002),
  closes("7.3.7 byte by byte", bytewise(closing(1000, kReason)), `close:1000:${kReason}`),
  refused("7.5.1 a reason that is no text", [closing(1000, Buffer.concat([kKosme, kBroken]))], 1007),
  closes("7.5.2 a reason in Greek", [closing(1000, kKosme)], `close:1000:${utf8(kKosme)}`),
  ...kGood.flatMap((code, i) => [
    closes(`7.7.${i + 1} ${code}`, [closing(code)], `close:${code}`),
    closes(`7.7.${i + 1} ${code} with a reason`, [closing(code, "reason")], `close:${code}:reason`),
  ]),
  ...kBad.flatMap((code, i) => [
    refused(`7.9.${i + 1} ${code}`, [closing(code)], 1002),
    refused(`7.9.${i + 1} ${code} with a reason`, [closing(code, "reason")], 1002),
  ]),
]);

// --- groups 9 and 10: size ------------------------------------------------------------------------------------------------------

const kKiB = 1024;
const kMiB = 1024 * 1024;
const random = (n) => { let s = 1; return Buffer.from(Uint8Array.from({ length: n }, () => (s = (s * 16807) % 2147483647) & 0xff)); };
const kNoise = random(64 * kKiB);
const noise = (n) => Buffer.alloc(n, kNoise);
const ascii = (n) => Buffer.alloc(n, "The quick brown fox jumps over the lazy dog. ");

/** The echo of one big message, compared as bytes. */
async function big(opcode, data, sent) {
  const socket = await RawSocket.open(server, "/", { pong: false });
  const sending = socket.send(...sent);
  const got = await socket.frame("the echo");
  assert.equal(got.opcode, opcode);
  assert(got.data.equals(data), "the echo differs");
  await sending;
  await socket.send(closing(1000));
  assert.equal(await socket.next(), "close:1000");
  await socket.fin();
}

const batches = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, i) => Buffer.concat(list.slice(i * size, (i + 1) * size)));
describe("9, 10: size", { timeout: 120_000 }, () => {
  const kinds = [["text", kText, ascii], ["binary", kBinary, noise]];
  for (const [i, [name, opcode, make]] of kinds.entries()) {
    for (const [k, size] of [64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB, 8 * kMiB, 16 * kMiB].entries())
      test(`9.${i + 1}.${k + 1} ${name} of ${size / kKiB} KiB`, () => big(opcode, make(size), [frame(opcode, make(size))]));
    for (const [k, size] of [64, 256, kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB].entries())
      test(`9.${i + 3}.${k + 1} 4 MiB of ${name} in fragments of ${size}`, () =>
        big(opcode, make(4 * kMiB), batches(fragments(opcode, make(4 * kMiB), size), Math.max(1, (64 * kKiB) / size))));
    for (const [k, size] of [64, 128, 256, 512, kKiB, 2 * kKiB].entries())
      test(`9.${i + 5}.${k + 1} 1 MiB of ${name} in writes of ${size}`, () => big(opcode, make(kMiB), pieces(frame(opcode, make(kMiB)), size)));
    for (const [k, size] of [0, 16, 64, 256, kKiB, 4 * kKiB].entries()) {
      test(`9.${i + 7}.${k + 1} 1,000 echoes of ${size} bytes of ${name}, one at a time`, async () => {
        const socket = await RawSocket.open(server, "/", { pong: false });
        const data = make(size);
        const sent = frame(opcode, data);
        for (let n = 0; n < 1000; ++n) {
          socket.raw.push(sent);
          const got = await socket.frame();
          assert(got.opcode === opcode && got.data.equals(data), `echo ${n} differs`);
        }
        await socket.send(closing(1000));
        assert.equal(await socket.next(), "close:1000");
        await socket.fin();
      });
    }
  }
  test("10.1.1 64 KiB in fragments of 1300", () => big(kText, ascii(64 * kKiB), fragments(kText, ascii(64 * kKiB), 1300)));
  test("F42: 64 MiB is allowed, one byte more is refused at its header", async () => {
    await play(refused("", [frame(kBinary, Buffer.alloc(0), { length: 64 * kMiB + 1 })], 1009));
    const socket = await RawSocket.open(server, "/", { pong: false });
    await socket.send(frame(kBinary, Buffer.alloc(0), { length: 64 * kMiB }), frame(kBinary, "never the end"));
    socket.raw.finish();
    await socket.fin();  // no close frame: nothing was wrong yet
  });
  test("both directions at once", async () => {
    const socket = await RawSocket.open(server, "/", { pong: false });
    const data = noise(100_000);
    const sending = socket.send(...Array.from({ length: 200 }, () => frame(kBinary, data)));
    for (let n = 0; n < 200; ++n) assert((await socket.frame()).data.equals(data));
    await sending;
    socket.close();
  });
});

// --- frames that Autobahn does not have --------------------------------------------------------------------------------------------

const kNoKey = Buffer.alloc(4);
rows("F: frames", [
  refused("F01 unmasked", [frame(kText, "x", { key: null })], 1002),
  refused("F01b unmasked and empty", [frame(kText, "", { key: null })], 1002),
  refused("F01c an unmasked ping", [frame(kPing, "x", { key: null })], 1002),
  refused("F11 a close of 126 bytes", [frame(kClose, filled(126))], 1002),
  refused("F22 2^63 announced", [frame(kText, "", { length: 2n ** 63n })], 1002),
  refused("F23 2^62 announced", [frame(kText, "", { length: 2n ** 62n })], 1009),
  refused("F47 2^64-1 announced", [frame(kText, "", { length: 2n ** 64n - 1n })], 1002),
  refused("F47b 2^64-1 announced behind a fragment", [kOne, more("", { length: 2n ** 64n - 1n })], 1002),
  lives("F25 a short length in 16 bits", [text("Hello", { form: 16 })], "Hello"),
  lives("F26 a short length in 64 bits", [text("Hello", { form: 64 })], "Hello"),
  refused("F10b a ping's length in 16 bits", [frame(kPing, "Hello", { form: 16 })], 1002),
  lives("F48 a mask of zeros", [text("Hello", { key: kNoKey })], "Hello"),
  lives("F43 20,000 fragments of a byte", batches(fragments(kText, ascii(20_000), 1), 1000), ascii(20_000).toString()),
  lives("F43b 131,072 fragments", batches(fragments(kBinary, Buffer.alloc(131_072), 1), 4096), bin(Buffer.alloc(131_072))),
  refused("F43c 131,073 fragments", batches(fragments(kBinary, Buffer.alloc(131_073), 1), 4096), 1008),
  lives("F46 2,000 messages in one write", [Buffer.concat(Array.from({ length: 2000 }, (_, i) => text(`${i}`)))], ...Array.from({ length: 2000 }, (_, i) => `${i}`)),
]);

test("F44: 200,000 empty fragments are counted", async () => {
  const socket = await RawSocket.open(server, "/", { pong: false });
  socket.raw.push(text("", part));
  const block = Buffer.concat(Array(4000).fill(more("", part)));
  for (let i = 0; i < 50; ++i) socket.raw.push(block);
  assert.equal(await socket.next(), "close:1008");
  socket.close();
});

test("F45: 20,000 pings from a peer that does not read are all answered, in order, when it reads", async () => {
  const socket = await RawSocket.open(server, "/", { pong: false });
  socket.raw.socket.pause();
  const number = (i) => Buffer.from(String(i).padStart(125, "0"));
  socket.raw.push(Buffer.concat(Array.from({ length: 20_000 }, (_, i) => frame(kPing, number(i)))));
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.raw.socket.resume();
  for (let i = 0; i < 20_000; ++i) {
    const got = await socket.frame();
    assert(got.opcode === kPong && got.data.equals(number(i)), `pong ${i}`);
  }
  socket.close();
});

// Every way to cut a conversation in two, and the same byte by byte.
const kTalks = [
  ["a short text", [kHello], ["Hello, world!"]],
  ["16 and 64 bit lengths", [text("a".repeat(130)), text("b", { form: 64 })], ["a".repeat(130), "b"]],
  ["fragments around a ping", [kOne, frame(kPing, "ping"), kTwo], [pong("ping"), kWhole]],
  ["Greek in fragments", [text(kKosme.subarray(0, 4), part), more(kKosme.subarray(4))], [utf8(kKosme)]],
  ["a reserved opcode", [kHello, frame(11, "x")], ["Hello, world!", "close:1002"]],
  ["bad text", [kHello, text(kBroken)], ["Hello, world!", "close:1007"]],
  ["a close", [kHello, closing(3000, "bye")], ["Hello, world!", "close:3000:bye"]],
];
describe("every split point", () => {
  for (const [what, frames, expected] of kTalks) {
    const all = Buffer.concat(frames);
    test(`${what}: ${all.length - 1} cuts`, async () => {
      const then = expected.at(-1).startsWith("close:") ? "closed" : "open";
      for (let at = 1; at < all.length; ++at) await play({ sent: [all.subarray(0, at), all.subarray(at)], expected, then });
      await play({ sent: pieces(all, 1), expected, then });
    });
    test(`${what}: cut anywhere behind the handshake's first bytes`, async () => {
      const head = bytes(http("GET / HTTP/1.1", kUpgradeLines));
      const both = Buffer.concat([head, all]);
      for (let at = head.length - 5; at < both.length; ++at) {
        const raw = await Raw.connect(server);
        await raw.send(both.subarray(0, at), both.subarray(at));
        assert.equal((await response(raw)).status, 101);
        const socket = new RawSocket(raw, false);
        for (const wanted of expected) assert.equal(await socket.next(), wanted);
        socket.close();
      }
    });
  }
});

// --- the handshake --------------------------------------------------------------------------------------------------------------------

const kBadKey = "Missing or invalid Sec-WebSocket-Key header";
const kBadVersion = "Missing or invalid Sec-WebSocket-Version header";
const [kUpgrade, kConnection, kKeyLine, kVersion] = kUpgradeLines;
const get = (...lines) => http("GET / HTTP/1.1", lines);
const kHandshakes = [
  // id, what, request, status, body of a refusal
  ["W00", "the RFC's example", get(...kUpgradeLines), 101],
  ["W00b", "headers in lower case", get(...kUpgradeLines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))), 101],
  ["W00c", "no blanks, many blanks", get("Upgrade:websocket", "Connection:   Upgrade  ", `Sec-WebSocket-Key:\t${kKey}\t`, "Sec-WebSocket-Version:13"), 101],
  ["W01", "no key", get(kUpgrade, kConnection, kVersion), 400, kBadKey],
  ["W02", "a short key", get(kUpgrade, kConnection, "Sec-WebSocket-Key: short", kVersion), 400, kBadKey],
  ["W03", "a key that is no base64", get(kUpgrade, kConnection, `Sec-WebSocket-Key: ${"!".repeat(24)}`, kVersion), 400, kBadKey],
  ["W04", "two keys", get(kUpgrade, kConnection, kKeyLine, kKeyLine, kVersion), 400, kBadKey],
  ["W05", "no version", get(kUpgrade, kConnection, kKeyLine), 400, kBadVersion],
  ["W06", "version 12", get(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 12"), 400, kBadVersion],
  ["W07", "two versions", get(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 13, 8"), 400, kBadVersion],
  ["W08", "WebSocket in capitals", get("Upgrade: WebSocket", kConnection, kKeyLine, kVersion), 101],
  ["W09", "another upgrade", get("Upgrade: h2c", kConnection, kKeyLine, kVersion), 400, "Invalid Upgrade header"],
  ["W10", "two upgrades", get("Upgrade: websocket, foo", kConnection, kKeyLine, kVersion), 400, "Invalid Upgrade header"],
  ["W12", "Connection: keep-alive, Upgrade", get(kUpgrade, "Connection: keep-alive, Upgrade", kKeyLine, kVersion), 101],
  ["W13", "POST", http("POST / HTTP/1.1", [...kUpgradeLines, "Content-Length: 0"]), 405],
  ["W14", "HTTP/1.0", http("GET / HTTP/1.0", kUpgradeLines), 400],
  ["W15", "protocols nobody speaks here", get(...kUpgradeLines, "Sec-WebSocket-Protocol: a, a"), 101],
  ["W16", "a protocol of 12,000 blanks", get(...kUpgradeLines, `Sec-WebSocket-Protocol: b${" ".repeat(12000)}x`), 101],
  ["W17", "DEL in a header", get(...kUpgradeLines, "X: a\x7fb"), 400, ""],
  ["W20", "an extension nobody speaks here", get(...kUpgradeLines, "Sec-WebSocket-Extensions: constructor; a=1"), 101],
];
describe("W: the handshake", () => {
  for (const [id, what, sent, status, body] of kHandshakes) {
    test(`${id} ${what}`, async () => {
      const raw = await Raw.connect(server);
      await raw.send(sent);
      const answer = await response(raw);
      assert.equal(answer.status, status);
      if (status === 101) {
        assert.equal(answer.headers.upgrade.toLowerCase(), "websocket");
        assert.equal(answer.headers.connection.toLowerCase(), "upgrade");
        assert.equal(answer.headers["sec-websocket-accept"], accepts(kKey));
        assert.equal(answer.headers["sec-websocket-extensions"], undefined);
        assert.equal(answer.headers["sec-websocket-protocol"], undefined);
        const socket = new RawSocket(raw, false);
        await socket.send(kHello);
        assert.equal(await socket.next(), "Hello, world!");
        return socket.close();
      }
      if (body !== undefined) assert.equal(answer.body, body);
      await raw.ended();
      assert.equal(raw.end, "FIN");
      assert.equal(raw.size, 0);
      return raw.close();
    });
  }

  test("W33: frames in the handshake's segment", async () => {
    const early = Buffer.concat([kHello, frame(kPing, "early"), ...fragments(kText, ascii(10_000), 1000)]);
    const socket = await RawSocket.open(server, "/", { pong: false, early });
    assert.deepEqual([await socket.next(), await socket.next(), await socket.next()], ["Hello, world!", pong("early"), ascii(10_000).toString()]);
    socket.close();
  });

  test("W33b: a bad frame in the handshake's segment (CVE-2022-21676)", async () => {
    const socket = await RawSocket.open(server, "/", { pong: false, early: text("x", { rsv: 2 }) });
    assert.equal(await socket.next(), "close:1002");
    await socket.fin();
  });
});
