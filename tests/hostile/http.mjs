// Rows H: what a client may send as an HTTP request, and what must come of it. One line each; hostile_http.test.mjs sends
// them whole and byte by byte, hostile_table.test.mjs in pieces, split_test.cpp cut at every byte.
import assert from "node:assert/strict";
import { http, response, summary } from "../e2e/support/raw.mjs";

export const get = (...lines) => http("GET / HTTP/1.1", lines);
const line = (text) => `GET / HTTP/1.1\r\nHost: x\r\n${text}\r\n\r\n`;
export const post = (...lines) => (body) => http("POST / HTTP/1.1", lines, body);
const chunked = post("Transfer-Encoding: chunked");
export const k400 = "400c";
export const kNotFound = "404 nf 0";
export const kPolling = "/socket.io/?EIO=4&transport=polling";
export const kOpen = /^200 0\{"sid":"[\w-]{20}","upgrades":\["websocket"\]/;
const e = (code, message) => `400 {"code":${code},"message":"${message}"}`;

// [id, what, bytes, answers, log]. An answer is a string, an expression or a list of either (any of them will do); one
// with "c" closes: nothing follows but the FIN. Otherwise the connection must still be in step.
export const kRows = [
  ["H01", "no text", "\x00\x01\x02\xff\xfe\r\n\r\n", [k400]],
  ["H02", "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random bytes\r\n\r\n", [k400]],
  ["H03", "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [k400]],
  ["H04", "no version", "GET / \r\n\r\n", [k400]],
  ["H05", "HTTP/0.9", "GET /\r\n\r\n", [k400]],
  ["H06", "HTTP/9.9", http("GET / HTTP/9.9"), [[k400, "505c"]]],
  ["H07", "HTTP/1.10", http("GET / HTTP/1.10"), [k400]],
  ["H08", "http/1.1", http("GET / http/1.1"), [k400]],
  ["H09", "no Host", "GET / HTTP/1.1\r\n\r\n", [k400]],
  ["H10", "two Hosts", get("Host: y"), [k400]],
  ["H11", "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", ["404c nf 0"]],
  ["H12", "two blanks behind the method", http("GET  / HTTP/1.1"), [k400]],
  ["H13", "a TAB behind the method", http("GET\t/ HTTP/1.1"), [k400]],
  ["H14", "an empty line before", `\r\n${get()}`, [kNotFound]],
  ["H14b", "two empty lines before", `\r\n\r\n${get()}`, [k400]],
  ["H15", "a blank before", ` ${get()}`, [k400]],
  ["H16", "bare LF", "GET / HTTP/1.1\nHost: x\n\n", [k400]],
  ["H17", "bare CR", "GET / HTTP/1.1\rHost: x\r\r", [k400]],
  ["H17b", "a header ended by bare CR", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", [k400]],
  ["H18", "CR X for the empty line (CVE-2025-23167)", "GET / HTTP/1.1\r\nHost: x\r\n\rX\r\n\r\n", [k400]],
  ["H19", "NUL in a value", get("X: a\x00b"), [k400]],
  ["H20", "CR in a value", get("X: a\rb"), [k400]],
  ["H21", "BEL in a value", get("X: a\x07b"), [k400]],
  ["H22", "a blank before the colon", get("X : b"), [k400]],
  ["H23", "a blank before the name", line(" X: b"), [k400]],
  ["H24", "a folded line", get("X: a\r\n b"), [k400]],
  ["H25", "brackets in a name", get("X[]: b"), [k400]],
  ["H26", "an empty name", get(": b"), [k400]],
  ["H27", "a line without a colon", get("Xb"), [k400]],
  ["H28", "0x85 in a name", get("X\x85: b"), [k400]],
  ["H29", "a target of 20 kB", http(`GET /${"a".repeat(20_000)} HTTP/1.1`), [["414c", "431c"]]],
  ["H29b", "a request line of 8 KiB", http(`GET /${"a".repeat(8192 - "GET / HTTP/1.1".length)} HTTP/1.1`), [kNotFound]],
  ["H29c", "a request line of 8 KiB and a byte", http(`GET /${"a".repeat(8193 - "GET / HTTP/1.1".length)} HTTP/1.1`), [["414c", "431c"]]],
  ["H30", "a value of 20 kB", get(`X: ${"a".repeat(20_000)}`), ["431c"]],
  ["H31", "3,000 headers", get(...Array.from({ length: 3000 }, (_, i) => `X${i}: b`)), ["431c"]],
  ["H31b", "100 headers", get(...Array(99).fill("X: b")), [kNotFound]],
  ["H31c", "101 headers", get(...Array(100).fill("X: b")), ["431c"]],
  ["H32", "Content-Length: -1", post("Content-Length: -1")("hello"), [k400]],
  ["H33", "Content-Length: +5", post("Content-Length: +5")("hello"), [k400]],
  ["H34", "Content-Length: 0x5", post("Content-Length: 0x5")("hello"), [k400]],
  ["H35", "Content-Length: 5,5", post("Content-Length: 5,5")("hello"), [k400]],
  ["H36", "two lengths", post("Content-Length: 5", "Content-Length: 6")("hello"), [k400]],
  ["H37", "two equal lengths", post("Content-Length: 5", "Content-Length: 5")("hello"), [k400]],
  ["H38", "Content-Length: 2^64", post("Content-Length: 18446744073709551616")("hello"), [k400]],
  ["H39", "an empty length", post("Content-Length:")("hello"), [k400]],
  ["H40", "Content-Length: 1 0", post("Content-Length: 1 0")("hello"), [k400]],
  ["H41", "a length, then chunked", post("Content-Length: 5", "Transfer-Encoding: chunked")("0\r\n\r\n"), [k400]],
  ["H42", "chunked, then a length", post("Transfer-Encoding: chunked", "Content-Length: 5")("0\r\n\r\n"), [k400]],
  ["H43", "chunked, identity", post("Transfer-Encoding: chunked, identity")("0\r\n\r\n"), [k400]],
  ["H44", "xchunked", post("Transfer-Encoding: xchunked")("0\r\n\r\n"), [[k400, "501c"]]],
  ["H45", ",chunked", post("Transfer-Encoding: ,chunked")("0\r\n\r\n"), [k400]],
  ["H46", "chunked twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")("0\r\n\r\n"), [k400]],
  ["H47", "VT before chunked", post("Transfer-Encoding:\x0bchunked")("0\r\n\r\n"), [k400]],
  ["H48", "a blank before chunked's colon", post("Transfer-Encoding : chunked")("0\r\n\r\n"), [k400]],
  ["H49", "chunked in HTTP/1.0", http("POST / HTTP/1.0", ["Transfer-Encoding: chunked"], "0\r\n\r\n"), [k400]],
  ["H50", "a chunk of 0x1", chunked("0x1\r\na\r\n0\r\n\r\n"), [k400]],
  ["H51", "a chunk of -1", chunked("-1\r\na\r\n0\r\n\r\n"), [k400]],
  ["H52", "a chunk of 0_2e", chunked("0_2e\r\na\r\n0\r\n\r\n"), [k400]],
  ["H53", "a chunk of ffffffffffffffff1", chunked("ffffffffffffffff1\r\na\r\n0\r\n\r\n"), [[k400, "413c"]]],
  ["H53b", "a chunk of 2^64-1", chunked("ffffffffffffffff\r\na\r\n0\r\n\r\n"), [[k400, "413c"]]],
  ["H54", "chunk lines ended by LF", chunked("1\na\n0\n\n"), [k400]],
  ["H55", "a blank behind the size", chunked("1 \r\na\r\n0\r\n\r\n"), [k400]],
  ["H56", "more than the chunk's size", chunked("1\r\nabc\r\n0\r\n\r\n"), [k400]],
  ["H57", "an empty size", chunked("\r\na\r\n0\r\n\r\n"), [k400]],
  ["H58", "a chunk extension of 70 kB (CVE-2024-22019)", chunked(`1;${"a".repeat(70_000)}\r\na\r\n0\r\n\r\n`), [[k400, "413c"]]],
  ["H59", "CR in an extension", chunked("1;a\rb\r\na\r\n0\r\n\r\n"), [k400]],
  ["H60", "a length and NUL in the trailer", chunked("0\r\nContent-Length: 5\r\nX\x00: b\r\n\r\n"), [k400]],
  ["H61", "5,000 trailer lines", chunked(`0\r\n${"X: b\r\n".repeat(5000)}\r\n`), [[k400, "431c"]]],
  ["H61b", "a good chunked body with a trailer", chunked("5;a=b\r\nhello\r\n0\r\nX: b\r\n\r\n"), ["404 nf 5"]],
  ["H62", "three in one write", get().repeat(3), Array(3).fill(kNotFound)],
  ["H62b", "sixteen in one write", get().repeat(16), Array(16).fill(kNotFound)],
  ["H63", "a request behind Connection: close", get("Connection: close") + get(), ["404c nf 0"]],
  ["H63b", "... with a TAB behind", get("Connection: close\t") + get(), ["404c nf 0"]],
  ["H64", "Expect: 100-continue", post("Expect: 100-continue", "Content-Length: 5")("hello"), ["100", "404 nf 5"]],
  ["H65", "another expectation", post("Expect: unknown", "Content-Length: 5")("hello"), [/^417c?$/]],
  ["H66", "CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", ["405c"]],
  ["H67", "TRACE", http("TRACE / HTTP/1.1", ["X-Secret: do not echo"]), [/^405c?$/]],
  ["H68", "a method of 102 letters", http(`${"A".repeat(102)} / HTTP/1.1`), [[k400, "501c"]]],
  ["H69", "OPTIONS *", http("OPTIONS * HTTP/1.1"), [["204", kNotFound]]],
  ["H70", "an absolute target", http(`GET http://x${kPolling} HTTP/1.1`), [kOpen]],
  ["H70b", "an absolute target of another host", http(`GET http://y${kPolling} HTTP/1.1`), [k400]],
  ["H71", "/../../etc/passwd", http("GET /../../etc/passwd HTTP/1.1"), [kNotFound]],
  ["H71b", "out of the client's folder", http("GET /socket.io/%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), [kNotFound]],
  ["H72", "/socket.io/../../x", http("GET /socket.io/../../x?EIO=4&transport=polling HTTP/1.1"), [kNotFound]],
  ["H73", "/%00%2e%2e", http("GET /%00%2e%2e HTTP/1.1"), [kNotFound]],
  ["H74", "0xff in the target", http("GET /\xff HTTP/1.1"), [k400]],
  ["H75", "the client's bundle", http("GET /socket.io/socket.io.min.js?x=1 HTTP/1.1"), [/^(200|404)/]],
  ["H75b", "a file beside it", http("GET /socket.io/socket.io.min.js.bak HTTP/1.1"), [e(0, "Transport unknown")], ["error:0"]],
  ["H76", "Upgrade: h2c", get("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"), [kNotFound]],
  ["H77", "HEAD", http(`HEAD ${kPolling} HTTP/1.1`), ["400"], ["error:2"]],
  ["H78", "GET with a body", http(`GET ${kPolling} HTTP/1.1`, ["Content-Length: 5"], "hello"), [[kOpen, k400]]],
  ["H87", "a thousand commas", get(`X-Forwarded-For: ${",".repeat(1000)}`), [kNotFound]],
  ["H87b", "an empty X-Forwarded-For", get("X-Forwarded-For:"), [kNotFound]],
  ["H87c", "an encoded line end in it", get("X-Forwarded-For: 1.2.3.4%0d%0aX: b"), [kNotFound]],
  ["H87d", "a Host of commas", `GET / HTTP/1.1\r\nHost: ${",".repeat(1000)}\r\n\r\n`, [[kNotFound, k400]]],
  ["H87e", "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", [[kNotFound, k400]]],
  ["H88", "a body in gzip", post("Content-Encoding: gzip", "Content-Length: 5")("hello"), [/^415c?$/]],
];

export const fits = (got, wanted) => [wanted].flat().some((one) => (one instanceof RegExp ? one.test(got) : one === got));

export async function check(raw, answers, head) {
  for (const wanted of answers) {
    const got = await response(raw, head);
    assert(fits(summary(got), wanted), `${summary(got)} instead of ${wanted}`);
    if (got.headers.connection?.toLowerCase() !== "close") continue;
    await raw.ended();
    assert.equal(raw.end, "FIN");
    assert.equal(raw.size, 0);
    return raw.finish();
  }
  // Still in step: nothing is left of the request.
  await raw.send(get("Connection: close"));
  assert.equal(summary(await response(raw)), "404c nf 0");
  await raw.ended();
  assert.equal(raw.size, 0);
  return raw.finish();
}
