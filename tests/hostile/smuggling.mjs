// Rows H79 and H80: requests that two parsers might read differently, which is how one client's bytes become another's
// request. There is no lenient mode: what is not plainly one request is refused, and the connection closed.
import { http } from "../e2e/support/raw.mjs";
import { k400 } from "./http.mjs";

const raw = (...lines) => `${lines.join("\r\n")}\r\n\r\n`;
const kHidden = raw("GET /hidden HTTP/1.1", "Host: x");

// The classes of bugs that differential fuzzing of servers and proxies has found (HTTP Garden).
const kGarden = [
  ["a version that begins well", raw("GET / HTTP/1.12", "Host: x"), [k400]],
  ["a method that begins well", http('G="(,;:>) / HTTP/1.1'), [k400]],
  ["a method in lower case is another", http("get / HTTP/1.1"), [[k400, "501c", "404 nf 0", "405c"]]],
  ["a target that is no path", http("GET ! HTTP/1.1"), [k400]],
  ["a target with a blank", http("GET /a b HTTP/1.1"), [k400]],
  ["LF in the request line", "GET /\nHTTP/1.1\r\nHost: x\r\n\r\n", [k400]],
  ["FF in the request line", "GET\x0c/ HTTP/1.1\r\nHost: x\r\n\r\n", [k400]],
  ["CR in the version", "GET / HTTP/\r\r1.1\r\nHost: x\r\n\r\n", [k400]],
  ["a version without a minor number", http("GET / HTTP/1"), [k400]],
  ["a sign in the version", http("GET / HTTP/+1.1"), [k400]],
  ["0xef in a name", http("GET / HTTP/1.1", ["\xefa: b"]), [k400]],
  ...[..."\x00\x01\x08\x0b\x0c\x1f \"(),/;<=>?@[\\]{}\x7f"].map((c) => [`0x${c.charCodeAt(0).toString(16)} in a name`, http("GET / HTTP/1.1", [`a${c}b: c`]), [k400]]),
  ["an underlined number of bytes", http("POST / HTTP/1.1", ["Content-Length: 1_0"], "0123456789"), [k400]],
  ["a length and a list", http("POST / HTTP/1.1", ["Content-Length: 5, 0"], "hello"), [k400]],
  ["a length with a form feed", http("POST / HTTP/1.1", ["Content-Length: \x0c5"], "hello"), [k400]],
  ["a length with NUL behind", http("POST / HTTP/1.1", ["Content-Length: 5\x00"], "hello"), [k400]],
  ["a length of 2^64+5", http("POST / HTTP/1.1", ["Content-Length: 18446744073709551621"], "hello"), [k400]],
  ["a length in a folded line", http("POST / HTTP/1.1", ["A: b\r\n Content-Length: 5"], "hello"), [k400]],
  ["a length whose name has a blank", http("POST / HTTP/1.1", ["Content-Length : 5"], `hello${kHidden}`), [k400]],
  ["a length in the first line, indented", raw("POST / HTTP/1.1", "\tContent-Length: 5", "Host: x"), [k400]],
  ["no-break spaces around chunked", http("POST / HTTP/1.1", ["Transfer-Encoding: \xa0chunked\xa0"], "0\r\n\r\n"), [[k400, "501c"]]],
  ["quotes around chunked", http("POST / HTTP/1.1", ['Transfer-Encoding: "chunked"'], "0\r\n\r\n"), [[k400, "501c"]]],
  ["chunked with a parameter", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked;a=b"], "0\r\n\r\n"), [[k400, "501c"]]],
  ["identity", http("POST / HTTP/1.1", ["Transfer-Encoding: identity"], kHidden), [[k400, "501c"]]],
  ["no coding at all", http("POST / HTTP/1.1", ["Transfer-Encoding:"], kHidden), [[k400, "501c"]]],
  ["chunked before gzip", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked, gzip"], "0\r\n\r\n"), [[k400, "501c"]]],
  ["a chunk size with a sign", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "+5\r\nhello\r\n0\r\n\r\n"), [k400]],
  ["a chunk size with NUL", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "5\x00\r\nhello\r\n0\r\n\r\n"), [k400]],
  ["a chunk size that wraps to 5", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "10000000000000005\r\nhello\r\n0\r\n\r\n"), [[k400, "413c"]]],
  ["a chunk without its CRLF", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "5\r\nhello0\r\n\r\n"), [k400]],
  ["two letters for the chunk's CRLF", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "5\r\nhelloXX0\r\n\r\n"), [k400]],
  ["LF in a chunk extension", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "5;a\nhello\r\n0\r\n\r\n"), [k400]],
  ["a trailer line without a colon", http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "0\r\na\r\n\r\n"), [k400]],
  ["a colon for the end of the head", raw("GET / HTTP/1.1", "Host: x", ":", "GET /hidden HTTP/1.1", "Host: x"), [k400]],
  ["LF LF for the end of the head", "GET / HTTP/1.1\r\nHost: x\n\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n", [k400]],
  ["a Host in two parts", raw("GET / HTTP/1.1", "Host: x", "hOST: y"), [k400]],
  ["a Host with a blank", raw("GET / HTTP/1.1", "Host: x y"), [k400]],
  ["a Host with a path", raw("GET / HTTP/1.1", "Host: x/y"), [k400]],
  ["a Host with a user", raw("GET / HTTP/1.1", "Host: a@x"), [k400]],
  ["a second request in the body of the first", http("POST / HTTP/1.1", [`Content-Length: ${kHidden.length}`], kHidden), [`404 nf ${kHidden.length}`]],
].map(([what, ...rest], i) => [`H79.${i + 1}`, what, ...rest]);

// A length and a chunked coding in disguise, where a proxy in front may see only one of the two (smuggler's templates).
const kByte = [0x01, 0x04, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x7f, 0xa0, 0xff];
const kTemplates = [
  (c) => `Transfer-Encoding:${c}chunked`,
  (c) => `Transfer-Encoding${c}: chunked`,
  (c) => `${c}Transfer-Encoding: chunked`,
  (c) => `Transfer-Encoding: chunked${c}`,
  (c) => `X: X${c}Transfer-Encoding: chunked`,
  (c) => `Transfer-Encoding: chunked${c}X: X`,
  (c) => `X: X\r${c}Transfer-Encoding: chunked`,
  (c) => `X: X${c}\nTransfer-Encoding: chunked`,
  (c) => `Transfer-Encoding: chunked\r${c}X: X`,
  (c) => `Transfer-Encoding: chunked${c}\nX: X`,
];
const kGadgets = [
  " Transfer-Encoding: chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding\t:\tchunked", "Transfer-Encoding : chunked",
  ...kTemplates.flatMap((template) => kByte.map((byte) => template(String.fromCharCode(byte)))),
];
/** What stands behind "X: X" on the same line and is text is the value of X: the length alone counts. */
const isValue = (gadget) => /^X: X[\t \xa0\xff]Transfer/.test(gadget);

// The rest of smuggler's templates, too many for real sockets to get them in pieces: odd words, and every byte that is no letter, sign or digit
// at one place or at two.
const kOddWords = [
  ...[" Transfer-Encoding: chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding\t:\tchunked", "Transfer Encoding: chunked", "Transfer_Encoding: chunked"],
  ...["Transfer Encoding:chunked", "Transfer-Encoding : chunked", "Transfer-Encoding:  chunked", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: chunked, cow"],
  ...["Transfer-Encoding: cow, chunked", "Content-Encoding: chunked", "Transfer-Encoding:\n chunked", 'Transfer-Encoding: "chunked"', "Transfer-Encoding: 'chunked'"],
  ...["Transfer-Encoding: chunk", "TrAnSFer-EnCODinG: cHuNkeD", "TRANSFER-ENCODING: CHUNKED", "Transfer-Encoding: chunked\r", "Transfer-Encoding: chunked\t"],
  ...["Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "Transfer\r-Encoding: chunked", "Transfer-Encoding: cow chunked bar", "Transfer-Encoding:\xffchunked"],
  ...["Transfer-Encoding: ch\x96nked", "Transf\x82r-Encoding: chunked", "X:X\rTransfer-Encoding: chunked", "X:X\nTransfer-Encoding: chunked"],
];
const kPlaces = [
  (c) => `Transfer-Encoding:${c}chunked`, (c) => `Transfer-Encoding${c}: chunked`, (c) => `${c}Transfer-Encoding: chunked`, (c) => `Transfer-Encoding: chunked${c}`,
];
const kTwoPlaces = [
  (c) => `${c}Transfer-Encoding${c}: chunked`, (c) => `${c}Transfer-Encoding:${c}chunked`, (c) => `${c}Transfer-Encoding: chunked${c}`,
  (c) => `Transfer-Encoding${c}:${c}chunked`, (c) => `Transfer-Encoding${c}: chunked${c}`, (c) => `Transfer-Encoding:${c}chunked${c}`,
];
const kOddBytes = (end) => [...Array(end).keys()].slice(1).concat([...Array(256).keys()].slice(0x7f)).map((byte) => String.fromCharCode(byte));
const kRest = [
  ...kOddWords, ...kOddBytes(0x20).flatMap((c) => kPlaces.map((place) => place(c))), ...kOddBytes(0x21).flatMap((c) => kTwoPlaces.map((place) => place(c))),
];
/** A header of another name, well-formed: the length alone counts. */
const isOther = (gadget) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/.test(gadget) && !/^transfer-encoding:/i.test(gadget);

const answer = (gadget) => (!isOther(gadget) ? k400 : gadget.startsWith("Content-Encoding") ? "415c" : "404 nf 5");

/** Each with a length besides: whoever took the body for chunks would answer `404 nf 0`. */
export const kSmugglerRest = kRest.map((gadget, i) => [`H80r.${i + 1}`, JSON.stringify(gadget), http("POST / HTTP/1.1", ["Content-Length: 5", gadget], "0\r\n\r\n"), [answer(gadget)]]);

export const kSmuggling = [
  ...kGarden,
  ...kGadgets.map((gadget, i) => [`H80.${i + 1}`, JSON.stringify(gadget), http("POST / HTTP/1.1", ["Content-Length: 5", gadget], "0\r\n\r\n"), isValue(gadget) ? ["404 nf 5"] : [k400]]),
];
