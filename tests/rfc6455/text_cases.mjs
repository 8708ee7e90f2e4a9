// Group 6 of the Autobahn numbering: what is UTF-8 and what is not, whole and in every kind of pieces.
import { kText } from "./frames.mjs";
import { hex, lives, part, refused } from "./frame_cases.mjs";
import { binary, text } from "./judge.mjs";

const kKosme = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");  // κόσμε
const kMixed = Buffer.from("Hello-µ@ßöäüàá-UTF-8!!", "utf8");
const kBroken = hex("f4 90 80 80");

const accepted = (id, what, data) => [
  lives(id, `${what}, whole`, (w) => [w.text(data)], text(data)),
  lives(`${id}.b`, `${what}, a fragment per byte`, (w) => w.fragments(kText, data, 1), text(data)),
  lives(`${id}.c`, `${what}, byte by byte`, (w) => w.bytewise(w.text(data)), text(data)),
];
const rejected = (id, what, data) => [
  refused(id, `${what}, whole`, (w) => [w.text(data)], 1007),
  refused(`${id}.b`, `${what}, a fragment per byte`, (w) => w.fragments(kText, data, 1), 1007),
];
const each = (list, make) => list.flatMap((digits, i) => make(digits, i + 1));

const kPieces = [
  lives("6.1.1", "empty", (w) => [w.text("")], text("")),
  lives("6.1.2", "three empty fragments", (w) => [w.text("", part), w.more("", part), w.more("")], text("")),
  lives("6.1.3", "only the middle fragment has text", (w) => [w.text("", part), w.more("middle", part), w.more("")], text("middle")),
  lives("6.2.1", "text, whole", (w) => [w.text(kMixed)], text(kMixed)),
  lives("6.2.2", "cut between code points", (w) => [w.text(kMixed.subarray(0, 8), part), w.more(kMixed.subarray(8))], text(kMixed)),
  lives("6.2.3", "a fragment per byte", (w) => w.fragments(kText, kMixed, 1), text(kMixed)),
  lives("6.2.4", "Greek, a fragment per byte", (w) => w.fragments(kText, kKosme, 1), text(kKosme)),
  ...Array.from({ length: kMixed.length - 1 }, (_, i) =>
    lives(`6.2.5.${i + 1}`, `cut at ${i + 1}`, (w) => [w.text(kMixed.subarray(0, i + 1), part), w.more(kMixed.subarray(i + 1))], text(kMixed))),
  ...rejected("6.3.1", "a surrogate in the middle", hex("ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64")),
];

// 6.4: what is wrong already should be refused at once (RFC 6455 §8.1); `rest` is for a peer that waits for the end. A ping
// behind the wrong fragment shows that it does; inside a frame only time can.
const kLong = Buffer.concat([kKosme, kBroken, hex("65 64")]);
const end = (w) => [w.more("")];
const kFast = [
  { ...refused("6.4.1", "wrong in the first fragment", (w) => [w.text(Buffer.concat([kKosme, kBroken]), part), w.ping()], 1007), rest: end },
  { ...refused("6.4.1.b", "wrong in the second fragment", (w) => [w.text(kKosme, part), w.more(kBroken, part), w.ping()], 1007), rest: end },
  { ...refused("6.4.2", "half a code point that cannot be completed", (w) => [w.text(kKosme, part), w.more(hex("f4 90"), part), w.ping()], 1007), rest: end },
  { ...refused("6.4.3", "wrong inside a frame that is not finished", (w) => [w.text(kLong).subarray(0, -2)], 1007), rest: (w) => [w.text(kLong).subarray(-2)], unseen: true },
  { ...refused("6.4.4", "half a code point inside such a frame", (w) => [w.text(kLong).subarray(0, -4)], 1007), rest: (w) => [w.text(kLong).subarray(-4)], unseen: true },
  { ...refused("6.4.5", "over a cut between the two bytes", (w) => [w.text(hex("f4"), part), w.more(hex("90"), part), w.ping()], 1007), rest: end },
];

const kNoncharacters = ["ef bf be", "ef bf bf", ..."f0 9f,f0 af,f0 bf,f1 8f,f1 9f,f1 af,f1 bf,f2 8f,f2 9f,f2 af,f2 bf,f3 8f,f3 9f,f3 af,f3 bf,f4 8f"
  .split(",").flatMap((plane) => [`${plane} bf be`, `${plane} bf bf`])];
const kStarts = [[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]];
const kRules = [
  ...accepted("6.5.1", "Greek", kKosme),
  ...each(["ce", "ce ba e1", "ce ba e1 bd", "ce ba e1 bd b9 cf", "ce ba e1 bd b9 cf 83 ce", "ce ba e1 bd b9 cf 83 ce bc ce"],
    (digits, i) => rejected(`6.6.${i}`, `unfinished ${digits}`, hex(digits))),
  ...each(["ce ba", "ce ba e1 bd b9", "ce ba e1 bd b9 cf 83", "ce ba e1 bd b9 cf 83 ce bc"], (digits, i) => accepted(`6.6.${i + 6}`, `finished ${digits}`, hex(digits))),
  ...each(["00", "c2 80", "e0 a0 80", "f0 90 80 80"], (digits, i) => accepted(`6.7.${i}`, `the first of its length ${digits}`, hex(digits))),
  ...each(["f8 88 80 80 80", "fc 84 80 80 80 80"], (digits, i) => rejected(`6.8.${i}`, `five or six bytes ${digits}`, hex(digits))),
  ...each(["7f", "df bf", "ef bf bf", "f4 8f bf bf"], (digits, i) => accepted(`6.9.${i}`, `the last of its length ${digits}`, hex(digits))),
  ...each(["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"], (digits, i) => rejected(`6.10.${i}`, `beyond ${digits}`, hex(digits))),
  ...each(["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf"], (digits, i) => accepted(`6.11.${i}`, `edge ${digits}`, hex(digits))),
  ...rejected("6.11.5", "edge f4 90 80 80", kBroken),
  ...each(["80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf", "80 bf 80 bf 80", "80 bf 80 bf 80 bf", "80 81 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 9f a0 af b0 be"],
    (digits, i) => rejected(`6.12.${i}`, `continuation bytes ${digits.slice(0, 20)}`, hex(digits))),
  ...kStarts.flatMap(([from, to], i) => rejected(`6.13.${i + 1}`, `lonely starts ${from.toString(16)}-${to.toString(16)}`,
    Buffer.from(Array.from({ length: to - from + 1 }, (_, k) => [from + k, 0x20]).flat()))),
  ...each(["c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80", "df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"],
    (digits, i) => rejected(`6.14.${i}`, `last byte missing ${digits}`, hex(digits))),
  ...rejected("6.15.1", "all of them", hex("c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf")),
  ...each(["fe", "ff", "fe fe ff ff"], (digits, i) => rejected(`6.16.${i}`, `never ${digits}`, hex(digits))),
  ...each(["c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"], (digits, i) => rejected(`6.17.${i}`, `overlong ${digits}`, hex(digits))),
  ...each(["c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"], (digits, i) => rejected(`6.18.${i}`, `longest overlong ${digits}`, hex(digits))),
  ...each(["c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"], (digits, i) => rejected(`6.19.${i}`, `overlong NUL ${digits}`, hex(digits))),
  ...each(["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"], (digits, i) => rejected(`6.20.${i}`, `surrogate ${digits}`, hex(digits))),
  ...each(["ed a0 80 ed b0 80", "ed a0 80 ed bf bf", "ed ad bf ed b0 80", "ed ad bf ed bf bf", "ed ae 80 ed b0 80", "ed ae 80 ed bf bf", "ed af bf ed b0 80", "ed af bf ed bf bf"],
    (digits, i) => rejected(`6.21.${i}`, `surrogate pair ${digits}`, hex(digits))),
  ...each(kNoncharacters, (digits, i) => [lives(`6.22.${i}`, `noncharacter ${digits}`, (w) => [w.text(hex(digits))], text(hex(digits)))]),
  ...each(["ef bf b9", "ef bf ba", "ef bf bb", "ef bf bc", "ef bf bd", "ef bf be", "ef bf bf"],
    (digits, i) => [lives(`6.23.${i}`, `special ${digits}`, (w) => [w.text(hex(digits))], text(hex(digits)))]),
  lives("6.24.1", "bytes that are no text, as binary", (w) => [w.binary(kBroken)], binary(kBroken)),
];

export const textRows = () => [...kPieces, ...kFast, ...kRules];
