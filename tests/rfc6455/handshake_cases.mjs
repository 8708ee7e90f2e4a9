// The opening handshake (RFC 6455 §4, RFC 7692 §7.1): W, requests for a server, and R, answers for a client; what a client asks.
import { codecFor, parseExtensions } from "./deflate_codec.mjs";
import { accepts, http, kKey, kUpgradeLines } from "./frames.mjs";
import { hangUp, maker, play, show, text, verdict } from "./judge.mjs";

const kHello = "Hello, world!";
const [kUpgrade, kConnection, kKeyLine, kVersion] = kUpgradeLines;
const ok = verdict("OK");
const failed = (detail) => verdict("FAILED", detail);

// --- W: requests --------------------------------------------------------------------------------------------------------
// id, what, the request's lines after Host, and whether it is to be accepted; "either": the RFC leaves it open.

const lines = (...list) => ({ list });
const kRequests = [
  ["W00", "the RFC's example", lines(...kUpgradeLines), true],
  ["W00.b", "headers in lower case", lines(...kUpgradeLines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()))), true],
  ["W00.c", "no blanks, many blanks", lines("Upgrade:websocket", "Connection:   Upgrade  ", `Sec-WebSocket-Key:\t${kKey}\t`, "Sec-WebSocket-Version:13"), true],
  ["W00.d", "headers in another order, and others between", lines(kVersion, "X-A: b", kKeyLine, kConnection, "Cookie: a=b", kUpgrade), true],
  ["W01", "no key", lines(kUpgrade, kConnection, kVersion), false],
  ["W02", "a short key", lines(kUpgrade, kConnection, "Sec-WebSocket-Key: short", kVersion), false],
  ["W03", "a key that is no base64", lines(kUpgrade, kConnection, `Sec-WebSocket-Key: ${"!".repeat(24)}`, kVersion), false],
  ["W04", "two keys", lines(kUpgrade, kConnection, kKeyLine, kKeyLine, kVersion), false],
  ["W05", "no version", lines(kUpgrade, kConnection, kKeyLine), false],
  ["W06", "version 12", lines(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 12"), false],
  ["W07", "two versions", lines(kUpgrade, kConnection, kKeyLine, "Sec-WebSocket-Version: 13, 8"), false],
  ["W08", "Upgrade: WebSocket in capitals", lines("Upgrade: WebSocket", kConnection, kKeyLine, kVersion), true],
  ["W09", "Upgrade: h2c", lines("Upgrade: h2c", kConnection, kKeyLine, kVersion), false],
  ["W10", "Upgrade: websocket, foo", lines("Upgrade: websocket, foo", kConnection, kKeyLine, kVersion), "either"],
  ["W11", "Connection: keep-alive only", lines(kUpgrade, "Connection: keep-alive", kKeyLine, kVersion), false],
  ["W12", "Connection: keep-alive, Upgrade", lines(kUpgrade, "Connection: keep-alive, Upgrade", kKeyLine, kVersion), true],
  ["W13", "POST", { method: "POST", list: [...kUpgradeLines, "Content-Length: 0"] }, false],
  ["W14", "HTTP/1.0", { version: "1.0", list: kUpgradeLines }, false],
  ["W15", "sub-protocols, one twice", lines(...kUpgradeLines, "Sec-WebSocket-Protocol: a, a"), "either"],
  ["W16", "a sub-protocol of 12,000 blanks (CVE-2021-32640)", lines(...kUpgradeLines, `Sec-WebSocket-Protocol: b${" ".repeat(12000)}x`), "either"],
  ["W17", "DEL in a header", lines(...kUpgradeLines, "X: a\x7fb"), "either"],
  ["W20", "an extension that there is not", lines(...kUpgradeLines, "Sec-WebSocket-Extensions: constructor; a=1"), true],
  ["W23", "an Origin", lines(...kUpgradeLines, "Origin: http://elsewhere.example"), "either"],
  ["W24", "Origin: null", lines(...kUpgradeLines, "Origin: null"), "either"],
  ["W25", "a vertical tab in Origin", lines(...kUpgradeLines, "Origin: http://a\x0bb"), "either"],
  ["W27", "a Content-Length that is not 0", lines(...kUpgradeLines, "Content-Length: 5"), "either"],
  ["W32", "Transfer-Encoding: chunked", lines(...kUpgradeLines, "Transfer-Encoding: chunked"), "either"],
  ["W34", "an extension's parameter quoted without end (CVE-2020-7662)", lines(...kUpgradeLines, `Sec-WebSocket-Extensions: a;b="${"\\c".repeat(3000)}`), "either"],
];

async function judgeRequest(session, { method = "GET", version = "1.1", list }, accepted) {
  const connection = await session.connect();
  await connection.send(http(`${method} ${session.path} HTTP/${version}`, list));
  const head = await connection.head();
  if (!head) return accepted === true ? failed("no answer") : verdict(accepted === false ? "NON-STRICT" : "INFORMATIONAL", "no answer, only the end");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.first)?.[1]);
  if (status !== 101) {
    if (accepted === true) return failed(`refused: ${head.first}`);
    return status >= 400 && status < 500 ? ok : verdict("NON-STRICT", `refused: ${head.first}`);
  }
  const protocols = list.filter((line) => /^Sec-WebSocket-Protocol:/.test(line)).flatMap((line) => line.replace(/^[^:]*:/, "").split(",").map((one) => one.trim()));
  const wrong = wrongAnswer(head.headers, protocols);
  if (wrong) return failed(wrong);
  const spoken = await play(connection, { send: (w) => [w.text(kHello)], expect: [text(kHello)], then: "open" });
  if (spoken.verdict !== "OK" || accepted === true) return spoken;
  return accepted === false ? verdict("NON-STRICT", "accepts it") : ok;
}

/** What a server must not answer to kKey, these sub-protocols, and no offer of an extension that it could know. */
function wrongAnswer(headers, protocols) {
  if (headers.upgrade?.toLowerCase() !== "websocket") return `answers Upgrade: ${headers.upgrade}`;
  if (!/(^|,\s*)upgrade(\s*,|$)/i.test(headers.connection ?? "")) return `answers Connection: ${headers.connection}`;
  if (headers["sec-websocket-accept"] !== accepts(kKey)) return `answers the key with ${headers["sec-websocket-accept"]}`;
  const protocol = headers["sec-websocket-protocol"];
  if (protocol !== undefined && !protocols.includes(protocol)) return `chooses the sub-protocol ${protocol}, which was not offered`;
  if (headers["sec-websocket-extensions"]) return `agrees on ${headers["sec-websocket-extensions"]}, which was not offered`;
  return null;
}

// Offers of permessage-deflate: what may be in the answer. null: it must be declined (RFC 7692 §7.1).
const kOffers = [
  ["W18", "permessage-deflate; server_max_window_bits=7", null],
  ["W18.b", "permessage-deflate; server_max_window_bits=16", null],
  ["W18.c", "permessage-deflate; server_max_window_bits", null],
  ["W19", "permessage-deflate; unknown", null],
  ["W19.b", "permessage-deflate; server_no_context_takeover=1", null],
  ["W22", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", null],
  ["D19", "permessage-deflate", {}],
  ["D19.b", "permessage-deflate; client_max_window_bits", { client_max_window_bits: 15 }],
  ["D19.c", "permessage-deflate; client_max_window_bits=10", { client_max_window_bits: 10 }],
  ["D19.d", "permessage-deflate; server_max_window_bits=10", { server_max_window_bits: 10 }],
  ["D19.e", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", { server_no_context_takeover: true }],
  ["D19.f", 'permessage-deflate; server_max_window_bits="12"', { server_max_window_bits: 12 }],
  ["D19.g", "PERMESSAGE-DEFLATE-NOT, permessage-deflate", {}],
  ["D19.h", "permessage-deflate; server_max_window_bits=8", { server_max_window_bits: 8 }],
  ["W21", `${"a;".repeat(3000)}b, permessage-deflate`, {}],
  ["W35", `${Array.from({ length: 19 }, (_, i) => `permessage-deflate; server_max_window_bits=${i % 2 ? 99 : 7}`).join(", ")}, permessage-deflate`, {}],
];

async function judgeOffer(session, offer, most) {
  const connection = await session.connect();
  await connection.send(http(`GET ${session.path} HTTP/1.1`, [...kUpgradeLines, `Sec-WebSocket-Extensions: ${offer}`]));
  const head = await connection.head();
  if (!head) return failed("no answer");
  const status = Number(head.first.split(" ")[1]);
  if (status !== 101) return status === 400 ? ok : failed(`answers ${head.first}`);  // malformed, or nothing that it could take
  const answer = head.headers["sec-websocket-extensions"];
  if (!answer) return most ? verdict("UNIMPLEMENTED", "declined") : ok;
  if (!most) return failed(`agrees on ${answer}`);
  const [[name, params], ...more] = parseExtensions(answer);
  if (name !== "permessage-deflate" || more.length) return failed(`answers ${answer}`);
  const wrong = wrongParameters(params, most);
  if (wrong) return failed(`answers ${answer}: ${wrong}`);
  connection.codec = codecFor("server", params);
  return play(connection, { send: (w) => [w.text(kHello)], expect: [text(kHello)], then: "open" });
}

function wrongParameters(params, most) {
  for (const [key, value] of Object.entries(params)) {
    if (!["server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits"].includes(key)) return `${key} is unknown`;
    if (key.endsWith("takeover") && value !== true) return `${key} has a value`;
    if (key.endsWith("bits") && !/^([89]|1[0-5])$/.test(value)) return `${key} is no window`;
  }
  if (params.client_max_window_bits && !most.client_max_window_bits) return "client_max_window_bits was not offered";
  for (const key of ["client_max_window_bits", "server_max_window_bits"])
    if (params[key] && most[key] && Number(params[key]) > most[key]) return `${key} is more than was offered`;
  if (most.server_max_window_bits && !params.server_max_window_bits) return "server_max_window_bits is missing";
  if (most.server_no_context_takeover && !params.server_no_context_takeover) return "server_no_context_takeover is missing";
  return null;
}

/** Frames in the segment of the handshake, from either side. */
const kEarly = [
  {
    id: "W33", what: "frames in the handshake's segment",
    early: (w) => Buffer.concat([w.text(kHello), w.ping("early"), ...w.fragments(1, "x".repeat(10_000), 1000)]),
    send: () => [], expect: [text(kHello), { kind: "pong", data: Buffer.from("early") }, text("x".repeat(10_000))], then: "open",
  },
  {
    id: "W33.b", what: "a bad frame in the handshake's segment (CVE-2022-21676)",
    early: (w) => w.text("x", { rsv: 2 }), send: () => [], expect: [], then: { refused: 1002 },
  },
];

export const requestCases = (deflate) => [
  ...kRequests.map(([id, what, request, accepted]) => ({ id, what, judge: (session) => judgeRequest(session, request, accepted) })),
  ...(deflate ? kOffers.map(([id, offer, most]) => ({ id, what: offer.slice(0, 80), judge: (session) => judgeOffer(session, offer, most) })) : []),
  ...kEarly,
];

// --- R: answers ---------------------------------------------------------------------------------------------------------

const kSwitch = "HTTP/1.1 101 Switching Protocols";
const good = (accept) => ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
// id, what, (the right accept) => the answer's lines, and whether the client may go on.
const kAnswers = [
  ["R01", "the right answer", (accept) => [kSwitch, ...good(accept)], true],
  ["R01.b", "header names in lower case, values in capitals", (accept) => [kSwitch, "upgrade: WEBSOCKET", "connection: UPGRADE", `sec-websocket-accept: ${accept}`], true],
  ["R01.c", "no blanks, another reason, other headers", (accept) => ["HTTP/1.1 101 OK", "Date: now", "Upgrade:websocket", "Connection:keep-alive, Upgrade", `Sec-WebSocket-Accept:  ${accept}  `], true],
  ["R02", "another key's accept", () => [kSwitch, ...good(accepts(kKey))], false],
  ["R03", "no accept", () => [kSwitch, "Upgrade: websocket", "Connection: Upgrade"], false],
  ["R04", "the accept in lower case", (accept) => [kSwitch, ...good(accept.toLowerCase())], false],
  ["R05", "status 200", (accept) => ["HTTP/1.1 200 OK", ...good(accept), "Content-Length: 0"], false],
  ["R06", "status 403", () => ["HTTP/1.1 403 Forbidden", "Content-Length: 0", "Connection: close"], false],
  ["R07", "no Upgrade", (accept) => [kSwitch, ...good(accept).slice(1)], false],
  ["R08", "Upgrade: h2c", (accept) => [kSwitch, "Upgrade: h2c", ...good(accept).slice(1)], false],
  ["R09", "no Connection", (accept) => [kSwitch, "Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`], false],
  ["R10", "Connection: close", (accept) => [kSwitch, "Upgrade: websocket", "Connection: close", `Sec-WebSocket-Accept: ${accept}`], false],
  ["R11", "a sub-protocol that was not asked for", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Protocol: unasked"], false],
  ["R12", "an extension that was not offered", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Extensions: x-unoffered"], false],
  ["R13", "no HTTP", () => ["SSH-2.0-OpenSSH_9.2"], false],
  ["D21", "server_max_window_bits=16", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16"], false],
  ["D21.b", "server_max_window_bits=7 (CVE-2026-2229)", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7"], false],
  ["D21.c", "an unknown parameter", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Extensions: permessage-deflate; unknown"], false],
  ["D21.d", "a parameter twice", (accept) => [kSwitch, ...good(accept), "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_no_context_takeover"], false],
];
// RFC 6455 §4.1 names only the words that must be there; these clients leave to their HTTP.
const kLeftToHttp = ["R09", "R10"];

async function judgeAnswer(session, id, answer, accepted) {
  const { connection, request } = session;
  const body = `${answer(accepts(request.headers["sec-websocket-key"] ?? "")).join("\r\n")}\r\n\r\n`;
  if (accepted) {
    await connection.send(body);
    return play(connection, { send: (w) => [w.text(kHello)], expect: [text(kHello)], then: "open" });
  }
  await connection.send(body);
  connection.push(maker("client").text(kHello));
  const got = await connection.next();
  if (got.kind === "end") return ok;
  if (got.kind === "close") return verdict("NON-STRICT", `takes up the WebSocket, and says ${show(got)}`);
  if (got.kind === "silence") return verdict("NON-STRICT", "keeps TCP open");
  const spoken = await hangUp(connection);
  return kLeftToHttp.includes(id) && spoken.verdict === "OK" ? verdict("NON-STRICT", "accepts it") : failed(`accepts it: ${show(got)}`);
}

function judgeAsking({ request: { first, headers } }) {
  const wrong = [];
  const must = (condition, what) => { if (!condition) wrong.push(what); };
  must(/^GET \/\S* HTTP\/1\.1$/.test(first), `asks ${first}`);
  must(headers.host, "no Host");
  must(headers.upgrade?.toLowerCase() === "websocket", `Upgrade: ${headers.upgrade}`);
  must(/(^|,\s*)upgrade(\s*,|$)/i.test(headers.connection ?? ""), `Connection: ${headers.connection}`);
  must(headers["sec-websocket-version"] === "13", `Sec-WebSocket-Version: ${headers["sec-websocket-version"]}`);
  must(/^[A-Za-z0-9+/]{22}==$/.test(headers["sec-websocket-key"] ?? ""), `Sec-WebSocket-Key: ${headers["sec-websocket-key"]}`);
  return wrong.length ? failed(wrong.join("; ")) : ok;
}

export const answerCases = () => [
  { id: "R00", what: "the client's request", judge: async (session) => judgeAsking(session) },
  ...kAnswers.map(([id, what, answer, accepted]) => ({ id, what, judge: (session) => judgeAnswer(session, id, answer, accepted) })),
  {
    id: "R14", what: "the right answer, byte by byte",
    async judge({ connection, request }) {
      const body = Buffer.from(`${[kSwitch, ...good(accepts(request.headers["sec-websocket-key"]))].join("\r\n")}\r\n\r\n`);
      for (const byte of body) await connection.send(Buffer.from([byte]));
      return play(connection, { send: (w) => [w.text(kHello)], expect: [text(kHello)], then: "open" });
    },
  },
  {
    id: "F48", what: "masks that cannot be foretold (RFC 6455 §5.3)",
    async judge(session) {
      const connection = await session.open();
      const messages = Array.from({ length: 8 }, (_, i) => `${i}`);
      const spoken = await play(connection, { send: (w) => messages.map((one) => w.text(one)), expect: messages.map(text), then: "open" });
      return spoken.verdict === "OK" && connection.keys.size < 8 ? verdict("NON-STRICT", `${connection.keys.size} masks for 9 frames`) : spoken;
    },
  },
  ...kEarly,
];
