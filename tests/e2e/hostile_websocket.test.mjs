// Hostile WebSocket handshakes (rows W) and frames (rows F) against the `probe` server. After every row the log shows
// the expected reason, no client is left and no byte is held. The first ping comes after 25 s, so that no heartbeat
// closes what a row should.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import {
  Aftermath, Raw, RawSocket, accepts, closing, fragments, frame, http, joinedRaw, kBinary, kClose, kKey, kPing, kSlack, kPong,
  kSocketPath, kText, kUpgradeLines, pieces, response, told, upgradeRequest,
} from "./support/raw.mjs";
import { sleep } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };
let server;
let stubborn;  // peers that do not read, on a server of their own, since they take close_timeout
let aftermath;

before(async () => {
  server = await conformance("probe");
  stubborn = await startStubborn(await conformance("probe"));
  aftermath = new Aftermath(server);
  await aftermath.begin();
}, kTimeout);
after(async () => {
  await server?.stop();
  await stubborn?.server.stop();
}, kTimeout);

// --- W: handshakes ------------------------------------------------------------------------------------------------------------

const [kUpgrade, kConnection, kKeyLine, kVersion] = kUpgradeLines;
const to = (query) => `/socket.io/?${query}`;
const ask = (...lines) => upgradeRequest(kSocketPath, lines);
const plus = (...lines) => upgradeRequest(kSocketPath, [...kUpgradeLines, ...lines]);
const kBadKey = "Missing or invalid Sec-WebSocket-Key header";
const kBadVersion = "Missing or invalid Sec-WebSocket-Version header";
const e = (code, message) => JSON.stringify({ code, message });
const offers = Array.from({ length: 20 }, (_, i) => `permessage-deflate; server_max_window_bits=${8 + (i % 8)}; client_no_context_takeover`);

// [id, what, request, 101 or the refusal as [status, body], log]
const kHandshakes = [
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
  ["W26", "another path", upgradeRequest("/elsewhere"), [404]],
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

describe("W: handshakes", () => {
  for (const [id, what, sent, wanted, log = []] of kHandshakes) {
    test(`${id} ${what}`, async () => {
      const raw = await Raw.connect(server);
      const start = Date.now();
      await raw.send(sent);
      const answer = await response(raw);
      if (wanted === 101) {
        assert.equal(answer.status, 101);
        assert.equal(answer.headers["sec-websocket-accept"], accepts(kKey));
        assert.equal(answer.headers["sec-websocket-extensions"], undefined);
        const socket = new RawSocket(raw, false);
        assert.match(await socket.next(), /^0\{"sid":"[\w-]{20}","upgrades":\[\]/);
        socket.close();
      } else {
        const [status, body] = wanted;
        assert.equal(answer.status, status);
        if (body !== undefined) assert.equal(answer.body, body);
        if (body === kBadVersion) assert.match(answer.headers["sec-websocket-version"], /^13/);
        if (answer.headers.connection?.toLowerCase() === "close") {
          await raw.ended();
          assert.equal(raw.end, "FIN");
          assert(Date.now() - start < 4000, "held before the FIN");
        } else {
          await raw.send(http("GET / HTTP/1.1"));  // an ordinary answer leaves the connection in step
          assert.equal((await response(raw)).body, "nf 0");
        }
        assert.equal(raw.size, 0);
        raw.close();
      }
      assert.deepEqual(told(await aftermath.settled()), log);
    });
  }

  test("W33: frames in the handshake's segment", async () => {
    const early = Buffer.concat([frame(kText, "40"), frame(kText, '42["echo",1]'), frame(kPing, "x")]);
    const socket = await RawSocket.open(server, kSocketPath, { early });
    assert.match(await socket.next(), /^0\{/);
    const rest = [await socket.next(), await socket.next(), await socket.next()].sort();  // pongs may go ahead
    assert.match(rest[0], /^40\{/);
    assert.deepEqual(rest.slice(1), ['42["echo",1]', "pong:78"]);
    socket.close();
    assert.deepEqual(told(await aftermath.settled()), ["event:echo", "disconnect:transport close"]);
  });

  test("W33b: a bad frame in the handshake's segment (CVE-2022-21676)", async () => {
    const socket = await RawSocket.open(server, kSocketPath, { early: frame(kText, "x", { rsv: 2 }) });
    assert.match(await socket.next(), /^0\{/);
    assert.equal(await socket.next(), "close:1002");
    await socket.fin();
    await aftermath.settled();
  });
});

// --- F: frames ---------------------------------------------------------------------------------------------------------------------

const part = { fin: false };
const text = (payload, options) => frame(kText, payload, options);
const more = (payload, options) => frame(0, payload, options);
const hex = (digits) => Buffer.from(digits, "hex");
const filled = (n) => Buffer.alloc(n, 0x61);
const echo = (n) => `42["echo","${"a".repeat(n - '42["echo",""]'.length)}"]`;  // n bytes in all
const kEcho = '42["echo",1]';

// [id, what, sent after joining, frames that come back, reason]; without a reason the connection lives.
const kError = "transport error";
const fails = (id, what, sent, code, ...before) => [id, what, sent, [...before, `close:${code}`], kError];
const kFrames = [
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

describe("F: frames", () => {
  for (const [id, what, sent, expected, reason] of kFrames) {
    const play = async (data) => {
      const socket = await joinedRaw(server);
      const sending = socket.send(...data);
      for (const wanted of expected) {
        const got = await socket.next();
        assert(got === wanted, `${got.slice(0, 200)} instead of ${wanted.slice(0, 200)}`);
      }
      if (reason) {
        if (expected.at(-1) === "close:") await socket.send(frame(kClose));  // the answer to the server's
        const start = Date.now();
        await socket.raw.ended();
        assert(Date.now() - start < 4000, "TCP was not closed");
      } else {
        await sending;
        if (id !== "F24b") {
          await socket.send(frame(kPing, "still there"));
          assert.equal(await socket.next(), `pong:${Buffer.from("still there").toString("hex")}`);
        }
      }
      socket.close();
      const log = told(await aftermath.settled()).filter((entry) => entry !== "event:echo");
      assert.equal(log.length, 1, log);
      if (reason) assert.equal(log[0], `disconnect:${reason}`);
    };
    test(`${id} ${what}`, () => play(sent));
    const all = Buffer.concat(sent);
    if (all.length < 300) test(`${id} ${what}, byte by byte`, () => play(pieces(all, 1)));
  }

  test("F24, F49: what is announced is not held, what came is", async () => {
    const socket = await joinedRaw(server);
    await socket.send(frame(kBinary, "", { length: 1_000_000 }));
    await sleep(50);
    assert(await aftermath.held() < 4096 + kSlack, "memory for what was only announced");
    await socket.send(filled(100_000));
    await sleep(50);
    const held = await aftermath.held();
    assert(held >= 100_000 && held <= 300_000 + kSlack, `${held} bytes for 100,000`);
    socket.close();
    await aftermath.settled();
  });

  test("F45: pings of a peer that does not read are answered when it reads; little is held", async () => {
    const socket = await joinedRaw(server);
    socket.raw.socket.pause();
    socket.raw.push(Buffer.concat(Array(20_000).fill(frame(kPing, filled(125)))));
    await sleep(200);
    const held = await aftermath.held();
    assert(held < 300_000 + kSlack, `${held} bytes`);
    socket.raw.socket.resume();
    for (let i = 0; i < 20_000; ++i) assert.equal((await socket.frame()).opcode, kPong);
    socket.close();
    await aftermath.settled();
  });

  test("F50: a flood behind a close frame is not read", async () => {
    const socket = await joinedRaw(server);
    await socket.send(closing(1000));
    assert.equal(await socket.next(), "close:1000");
    const block = Buffer.concat(Array(1000).fill(closing(1000)));
    for (let i = 0; i < 50; ++i) socket.raw.push(block);
    await socket.raw.ended();
    socket.close();
    assert.deepEqual(told(await aftermath.settled()), ["disconnect:transport close"]);
  });
});

// --- peers that do not read --------------------------------------------------------------------------------------------------------

async function startStubborn(own) {
  const state = { server: own, aftermath: new Aftermath(own) };
  await state.aftermath.begin();
  const deaf = async () => {
    const socket = await joinedRaw(own);
    socket.raw.socket.pause();
    return socket;
  };
  const big = text(echo(900_000));
  state.flooded = await deaf();
  for (let i = 0; i < 40; ++i) state.flooded.raw.push(big);  // 36 MB of echoes against a queue of 16 MiB
  state.wrong = await deaf();
  for (let i = 0; i < 10; ++i) state.wrong.raw.push(big);
  state.wrong.raw.push(text("x", { rsv: 2 }));
  state.left = await deaf();
  for (let i = 0; i < 10; ++i) state.left.raw.push(big);
  state.left.raw.push(closing(1000));
  state.start = Date.now();
  return state;
}

test("T11: peers that do not read: the queue is bounded, and nothing is held for long once they are closed", async () => {
  const log = told(await stubborn.aftermath.settled()).filter((entry) => entry !== "event:echo");
  assert(Date.now() - stubborn.start < 15_000);
  assert.deepEqual(log.sort(), ["disconnect:transport close", `disconnect:${kError}`, `disconnect:${kError}`]);
  for (const socket of [stubborn.flooded, stubborn.wrong, stubborn.left]) socket.close();
});
