// Socket.IO v5 packets over a raw WebSocket: the dialogue of the `sio5` server, and the decoder's strictness as a
// table against the `probe` server.
//
// Pings are answered throughout; the probe server's first ping comes after 25 s and its CONNECT timeout after 45 s, so
// a close that is seen there is the decoder's doing.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import { kTimeout, protocolServers } from "./support/suites.mjs";
import { Frames, Log, Polling, joined, openedSocket as bare, socketUrl } from "./support/wire.mjs";

let sio;
let probe;
let fast;
let log;

protocolServers("sio5", (...servers) => { [sio, probe, fast, log] = servers; });

describe("connect", () => {
  const kCases = [
    ["the main namespace", "40", /^40(\{"sid":"[A-Za-z0-9_-]{20}"\})$/, '42["auth",{}]'],
    ["the main namespace with a payload", '40{"token":"123"}', /^40(\{"sid":"[A-Za-z0-9_-]{20}"\})$/, '42["auth",{"token":"123"}]'],
    ["a custom namespace", "40/custom,", /^40\/custom,(\{"sid":"[A-Za-z0-9_-]{20}"\})$/, '42/custom,["auth",{}]'],
    ["a custom namespace with a payload", '40/custom,{"token":"abc"}', /^40\/custom,(\{"sid":"[A-Za-z0-9_-]{20}"\})$/, '42/custom,["auth",{"token":"abc"}]'],
  ];
  // covers S5: should allow connection to the main namespace
  // covers S5: should allow connection to the main namespace with a payload
  // covers S5: should allow connection to a custom namespace
  // covers S5: should allow connection to a custom namespace with a payload
  for (const [what, packet, reply, greeting] of kCases) {
    test(`to ${what}`, async () => {
      const frames = await bare(sio);
      frames.send(packet);
      assert.match(await frames.next(), reply);
      assert.equal(await frames.next(), greeting);
      frames.close();
    });
  }

  test("the socket id is not the session id", async () => {
    const frames = new Frames(socketUrl(sio), { pong: true });
    const { sid } = JSON.parse((await frames.next()).slice(1));
    frames.send("40");
    assert.notEqual(JSON.parse((await frames.next()).slice(2)).sid, sid);
    frames.close();
  });

  // covers S5: should disallow connection to an unknown namespace
  test("an unknown namespace is refused, and the connection stays", async () => {
    const frames = await bare(sio);
    frames.send("40/random");
    assert.equal(await frames.next(), '44/random,{"message":"Invalid namespace"}');
    frames.send("40");
    assert.match(await frames.next(), /^40\{/);
    frames.close();
  });

  test("over long polling", async () => {
    const polling = await Polling.open(sio);
    await polling.post("40");
    assert.match(await polling.next(), /^40\{"sid":/);
    assert.equal(await polling.next(), '42["auth",{}]');
    await polling.post("1");
  });

  // covers S5: should disallow connection with an invalid handshake
  test("an invalid first packet closes", async () => {
    const frames = await bare(probe);
    frames.send("4abc");
    await frames.gone();
    assert.deepEqual(frames.unread, []);
  });

  // covers S5: should close the connection if no handshake is received
  test("U15: no CONNECT closes at the connect timeout, though pings are answered", async () => {
    for (const server of [sio, fast]) {
      const frames = await bare(server);
      await frames.gone();
      assert.deepEqual(frames.unread, []);
      assert(frames.pings >= 1, "no ping was answered, so this proves nothing");
    }
  });
});

describe("disconnect", () => {
  // covers S5: should disconnect from the main namespace
  test("from the main namespace; the connection stays", async () => {
    const frames = await joined(sio, { pong: false, greeting: 1 });
    frames.send("41");
    let packet;
    do packet = await frames.next(); while (packet !== "2");
    frames.send("3");
    frames.send("40");
    assert.match(await frames.next(), /^40\{/);
    frames.close();
  });

  // covers S5: should connect then disconnect from a custom namespace
  test("from a custom namespace; the main one still works", async () => {
    const frames = await joined(sio, { greeting: 1 });
    frames.send("40/custom");
    assert.match(await frames.next(), /^40\/custom,/);
    assert.equal(await frames.next(), '42/custom,["auth",{}]');
    frames.send("41/custom");
    frames.send('42["message","message to main namespace"]');
    assert.equal(await frames.next(), '42["message-back","message to main namespace"]');
    frames.close();
  });
});

describe("message", () => {
  const kA = Buffer.from([1, 2, 3]);
  const kB = Buffer.from([4, 5, 6]);
  const kDialogues = [
    ["plain text", ['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']],
    ["two attachments",
      ['452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kA, kB],
      ['452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kA, kB]],
    ["an ack", ['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']],
    ["an ack with two attachments",
      ['452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kA, kB],
      ['462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kA, kB]],
    ["an ack without arguments", ['4212["message-with-ack"]'], ["4312[]"]],
    ["attachments at depth",
      ['452-["message",{"a":[{"b":{"_placeholder":true,"num":1}}],"c":{"_placeholder":true,"num":0}}]', kA, kB],
      ['452-["message-back",{"a":[{"b":{"_placeholder":true,"num":0}}],"c":{"_placeholder":true,"num":1}}]', kB, kA]],
    ["an empty attachment",
      ['451-["message",{"_placeholder":true,"num":0}]', Buffer.alloc(0)],
      ['451-["message-back",{"_placeholder":true,"num":0}]', Buffer.alloc(0)]],
  ];
  // covers S5: should send a plain-text packet
  // covers S5: should send a packet with binary attachments
  // covers S5: should send a plain-text packet with an ack
  // covers S5: should send a packet with binary attachments and an ack
  for (const [what, sent, expected] of kDialogues) {
    test(what, async () => {
      const frames = await joined(sio, { greeting: 1 });
      for (const frame of sent) frames.send(frame);
      for (const frame of expected) assert.deepEqual(await frames.next(), frame);
      frames.close();
    });
  }

  // covers S5: should close the connection upon invalid format (unknown packet type)
  // covers S5: should close the connection upon invalid format (invalid payload format)
  // covers S5: should close the connection upon invalid format (invalid ack id)
  for (const packet of ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]']) {
    test(`closed upon ${packet.slice(0, 20)}`, async () => {
      const frames = await joined(probe);
      frames.send(packet);
      await frames.gone();
      assert.deepEqual(frames.unread, []);
    });
  }
});

// --- the decoder's table ----------------------------------------------------------------------------------------------
//
// [id, what, frames sent after joining `/`, what must come of it]; outcomes:

/** Closed by the decoder, reason "forced close"; `error` is the text the socket's error hook sees. */
const closes = (error) => ({ kind: "closes", error });
/** Closed as a violation of the protocol; no decoder error. */
const violates = () => ({ kind: "violates" });
/** Exactly these frames come back; the connection lives. */
const answers = (...frames) => ({ kind: "answers", frames });
/** One of these single frames comes back; the connection lives. */
const answersOneOf = (...frames) => ({ kind: "one of", frames });
/** Nothing comes back, the event reaches the application; the connection lives. */
const delivers = (event, n) => ({ kind: "delivers", event, n });
/** Nothing comes back; the connection lives. */
const ignored = () => ({ kind: "answers", frames: [] });
/** Either of two. */
const either = (a, b) => ({ kind: "either", of: [a, b] });

const kPayload = "invalid payload";
const kIllegal = "Illegal attachments";
const kBytes = Buffer.from([1, 2, 3]);
const kHole = '{"_placeholder":true,"num":0}';
const echo = (json) => `42["echo",${json}]`;

const kTable = [
  ["S01", "an empty packet", ["4"], closes()],
  ["S02", "type 7", ["47"], closes("unknown packet type 7")],
  ["S03", "type x", ["4x"], closes()],
  ["S04", "type 9", ["49"], closes("unknown packet type 9")],
  ["S05", "an event without payload", ["42"], closes()],
  ["S05b", "an event with an id and no payload", ["4212"], closes()],
  ["S06", "an event that is an object", ["42{}"], closes(kPayload)],
  ["S07", "an empty event", ["42[]"], closes(kPayload)],
  ["S08", "an unfinished event", ['42["a"'], closes(kPayload)],
  ["S09", "an event named null", ["42[null]"], closes(kPayload)],
  ["S10", "an event named {}", ["42[{}]"], closes(kPayload)],
  ["S11", "an event named true", ["42[true]"], closes(kPayload)],
  ["S12", "an event named 1", ["42[1,2]"], either(ignored(), closes())],
  ["S13", "event connect", ['42["connect"]'], closes(kPayload)],
  ["S14", "event disconnect", ['42["disconnect"]'], closes(kPayload)],
  ["S15", "event connect_error", ['42["connect_error"]'], closes(kPayload)],
  ["S16", "event disconnecting", ['42["disconnecting"]'], closes(kPayload)],
  ["S17", "event newListener", ['42["newListener"]'], closes(kPayload)],
  ["S18", "event removeListener", ['42["removeListener"]'], closes(kPayload)],
  ["S19", "event error", ['42["error","x"]'], delivers("error", 1)],
  ["S20", "event __proto__", ['42["__proto__"]'], delivers("__proto__", 0)],
  ["S21", "event toString", ['42["toString"]'], delivers("toString", 0)],
  ["S22", "a second CONNECT", ["40"], violates()],
  ["S23", "CONNECT to an unknown namespace", ["40/nope,"], answers('44/nope,{"message":"Invalid namespace"}')],
  ["S24", "CONNECT with broken JSON", ['40/admin,{"a'], closes(kPayload)],
  ["S25", "CONNECT with []", ["40/admin,[]"], closes(kPayload)],
  ["S26", "CONNECT with a string", ['40/admin,"str"'], closes(kPayload)],
  ["S27", "CONNECT with null", ["40/admin,null"], closes(kPayload)],
  ["S28", "CONNECT without a comma", ["40/admin"], answers(/^40\/admin,\{"sid":"[\w-]{20}"\}$/)],
  ["S29", "a namespace of 100 kB", [`40/${"n".repeat(100_000)},`], either(answers(/^44[^]{0,1100}$/), closes())],
  ["S30", "an event to a namespace not joined", ['42/admin,["echo",1]'], violates()],
  ["S32", "DISCONNECT with a payload", ["41{}"], closes(kPayload)],
  ["S33", "CONNECT_ERROR from a client", ['44{"message":"x"}'], violates()],
  ["S34", "an ack without id and payload", ["43"], either(ignored(), closes())],
  ["S35", "an ack without id", ["43[1]"], ignored()],
  ["S36", "an ack nobody waits for", ["4399[1]"], ignored()],
  ["S37", "an ack with id -1", ["43-1[1]"], closes()],
  ["S38", "id 99999999999999999999", ['4299999999999999999999["echo",1]'], closes()],
  ["S39", "id 1e5", ['421e5["echo",1]'], closes(kPayload)],
  ["S40", "an id that is a space", ['42 ["echo",1]'], closes()],
  ["S41", "id 07", ['4207["echo",1]'], either(answers("437[1]"), closes())],
  ["S42", "one attachment", [`451-["echo",${kHole}]`, kBytes], answers(`451-["echo",${kHole}]`, kBytes)],
  ["S43", "placeholder 1 of 1", ['451-["echo",{"_placeholder":true,"num":1}]', kBytes], closes("illegal attachments")],
  ["S44", "placeholder -1", ['451-["echo",{"_placeholder":true,"num":-1}]', kBytes], closes("illegal attachments")],
  ["S45", 'placeholder "splice"', ['451-["echo",{"_placeholder":true,"num":"splice"}]', kBytes], closes("illegal attachments")],
  ["S46", "placeholder 0.5", ['451-["echo",{"_placeholder":true,"num":0.5}]', kBytes], closes()],
  ["S47", "one placeholder twice", [`452-["echo",${kHole},${kHole}]`, kBytes, Buffer.from([9])],
    either(answers('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kBytes, kBytes),
      answers(`451-["echo",${kHole},${kHole}]`, kBytes))],
  ["S48", "an attachment without a placeholder", ['451-["echo","no placeholder"]', kBytes], answers('42["echo","no placeholder"]')],
  ["S49", "no attachments in a binary event", [`450-["echo",1]`], closes(kIllegal)],
  ["S50", "no attachments, then binaries", [`450-["echo",1]`, kBytes, kBytes], closes(kIllegal)],
  ["S51", "11 attachments", [`4511-["echo",${kHole}]`], closes("too many attachments")],
  ["S51b", "10 attachments", [`4510-["echo",${Array.from({ length: 10 }, (_, i) => `{"_placeholder":true,"num":${i}}`)}]`, ...Array(10).fill(kBytes)],
    answers(/^4510-\["echo",/, ...Array(10).fill(kBytes))],
  ["S52", "999999999 attachments", [`45999999999-["echo",${kHole}]`], closes("too many attachments")],
  ["S53", "-1 attachments", [`45-1-["echo",${kHole}]`], closes(kIllegal)],
  ["S54", "1.5 attachments", [`451.5-["echo",${kHole}]`], closes(kIllegal)],
  ["S55", "x attachments", [`45x-["echo",${kHole}]`], closes(kIllegal)],
  ["S56", "attachments without a dash", [`451["echo",${kHole}]`], closes(kIllegal)],
  ["S57", "a dash without attachments", [`45-["echo",${kHole}]`], closes(kIllegal)],
  ["S58", "text where an attachment is due", [`451-["echo",${kHole}]`, echo(1)], closes("got plaintext data when reconstructing a packet")],
  ["S59", "an attachment that is not due", [kBytes], closes("got binary data when not reconstructing a packet")],
  ["S60", "a ping where an attachment is due", [`451-["echo",${kHole}]`, "2"], { kind: "closes", reason: "transport error" }],
  ["S61", "a binary event named disconnect", [`451-["disconnect",${kHole}]`, kBytes], closes(kPayload)],
  ["S62", "a binary ack nobody waits for", [`461-99[${kHole}]`, kBytes], ignored()],
  ["S65", "1e1 attachments", [`451e1-["echo",${kHole}]`], closes()],
  ["S66", "a placeholder in a plain event", [echo(kHole)], answers(echo(kHole))],
  ["S67", "the main namespace by name", ['42/,["echo",1]'], answers(echo(1))],
  ["S68", "a namespace without its comma", ['42/admin["echo",1]'], closes()],
  ["S69", "one ack id twice", ['421["echo","a"]', '421["echo","b"]'], answers('431["a"]', '431["b"]')],

  ["J01", "10,000 open brackets", [echo("[".repeat(10_000))], closes(kPayload)],
  ["J02", "20,000 open objects", [echo('{"a":'.repeat(20_000))], closes(kPayload)],
  ["J03", "NaN", [echo("NaN")], closes(kPayload)],
  ["J04", "Infinity", [echo("Infinity")], closes(kPayload)],
  ["J05", "-", [echo("-")], closes(kPayload)],
  ["J06", "01", [echo("01")], closes(kPayload)],
  ["J07", "1.", [echo("1.")], closes(kPayload)],
  ["J08", ".5", [echo(".5")], closes(kPayload)],
  ["J09", "1e999", [echo("1e999")], either(answers(echo("null")), closes(kPayload))],
  ["J10", "a 30-digit integer", [echo("123456789012345678901234567890")], { kind: "number", value: 123456789012345678901234567890 }],
  ["J11", "2^53+1", [echo("9007199254740993")], answersOneOf(echo("9007199254740993"), echo("9007199254740992"))],
  ["J12", "-0", [echo("-0")], answersOneOf(echo("0"), echo("-0"), echo("-0.0"))],
  ["J13", "a lone surrogate", [echo('"\\ud800"')], answersOneOf(echo('"\\ud800"'), echo('"\ufffd"'))],
  ["J14", "\\u0000", [echo('"\\u0000"')], answers(echo('"\\u0000"'))],
  ["J15", "a raw TAB in a string", [echo('"\t"')], closes(kPayload)],
  ["J16", "single quotes", [echo("'a'")], closes(kPayload)],
  ["J17", "a doubled key", [echo('{"a":1,"a":2}')], answersOneOf(echo('{"a":2}'), echo('{"a":1,"a":2}'))],
  ["J18", "__proto__ as a key", [echo('{"__proto__":{"x":1}}')], answers(echo('{"__proto__":{"x":1}}'))],
  ["J19", "a trailing comma", [echo("[1,]")], closes(kPayload)],
  ["J20", "a comment", [echo("1/**/")], closes(kPayload)],
  ["J21", "\\x41", [echo('"\\x41"')], closes(kPayload)],
  ["J22", "trailing spaces", [`${echo(1)}   `], answers(echo(1))],
  ["J23", "a byte order mark", [echo("\ufeff1")], closes(kPayload)],
  ["J23b", "a byte order mark where an id may stand", ['42\ufeff["echo",1]'], closes()],
  ["J24", "two values", [`${echo(1)}[2]`], closes(kPayload)],
  ["J25", "fifty escaped letters", [echo(`"${"\\u00e9".repeat(50)}"`)], answers(echo(`"${"é".repeat(50)}"`))],
];

/** What is heard until the connection answers an ack request, and until there are at least `count` frames: a CONNECT may be
 * answered later than an event that was sent after it. */
async function rest(frames, count = 0) {
  const heard = [];
  frames.send('424242["echo","the end"]');
  for (;;) {
    const frame = await frames.next("the end mark");
    if (frame === '434242["the end"]') break;
    heard.push(frame);
  }
  while (heard.length < count) heard.push(await frames.next("another frame"));
  return heard;
}

/** How many frames an outcome has at least. */
function expectedCount(outcome) {
  switch (outcome.kind) {
    case "answers": return outcome.frames.length;
    case "one of": case "number": return 1;
    case "either": return Math.min(...outcome.of.filter((one) => !isClosing(one)).map(expectedCount));
    default: return 0;
  }
}

function matches(frame, wanted) {
  if (wanted instanceof RegExp) return typeof frame === "string" && wanted.test(frame);
  if (Buffer.isBuffer(wanted)) return Buffer.isBuffer(frame) && wanted.equals(frame);
  return frame === wanted;
}

async function checkClosed(frames, outcome) {
  const { code } = await frames.gone();
  assert.equal(code, 1005, "the close frame carries no code");
  assert.deepEqual(frames.unread, []);
  const { disconnect } = await log.disconnect();
  const errors = log.entries.filter((entry) => "socket_error" in entry).map((entry) => entry.socket_error);
  if (outcome.kind === "violates") {
    assert.match(disconnect, /^forced (server )?close$/);
    return;
  }
  assert.equal(disconnect, outcome.reason ?? "forced close");
  if (outcome.error) assert.deepEqual(errors, [outcome.error]);
}

function checkHeard(heard, outcome) {
  const show = JSON.stringify(heard);
  switch (outcome.kind) {
    case "answers":
      assert(heard.length === outcome.frames.length && outcome.frames.every((wanted, i) => matches(heard[i], wanted)), `it answered ${show.slice(0, 500)}`);
      break;
    case "one of":
      assert(heard.length === 1 && outcome.frames.some((wanted) => matches(heard[0], wanted)), `it answered ${show}`);
      break;
    case "number":
      assert.equal(heard.length, 1);
      assert.equal(JSON.parse(heard[0].slice(2))[1], outcome.value);
      break;
    case "delivers":
      assert.deepEqual(heard, []);
      assert.deepEqual(log.entries.filter((entry) => "event" in entry && entry.event !== "echo"), [{ event: outcome.event, n: outcome.n }]);
      break;
    default: assert.fail(`the connection lives, and answered ${show}`);
  }
}

const isClosing = (outcome) => outcome.kind === "closes" || outcome.kind === "violates";

describe("the decoder's table", () => {
  for (const [id, what, packets, outcome] of kTable) {
    test(`${id}: ${what}`, async () => {
      const frames = await joined(probe);
      await log.clear();
      for (const packet of packets) frames.send(packet);
      if (isClosing(outcome)) return checkClosed(frames, outcome);
      const heard = await rest(frames, expectedCount(outcome)).catch((error) => {
        const closing = outcome.kind === "either" && outcome.of.find(isClosing);
        if (!closing) throw error;
        return closing;
      });
      if (!Array.isArray(heard)) return checkClosed(frames, heard);
      await log.read();
      if (outcome.kind !== "either") {
        checkHeard(heard, outcome);
      } else {
        const living = outcome.of.filter((one) => !isClosing(one));
        const failed = living.map((one) => { try { checkHeard(heard, one); } catch (error) { return error; } });
        assert(failed.some((error) => error === undefined), failed[0]?.message ?? `the connection lives, and answered ${JSON.stringify(heard)}`);
      }
      assert.equal(log.entries.filter((entry) => "disconnect" in entry).length, 0);
      frames.close();
      await log.disconnect();  // or the next row, on another thread, may find it
    });
  }
});

describe("packets before and around CONNECT", () => {
  test("S31: DISCONNECT leaves the connection open", async () => {
    const frames = await joined(probe);
    await log.clear();
    frames.send("41");
    assert.equal((await log.disconnect()).disconnect, "client namespace disconnect");
    frames.send("40");
    assert.match(await frames.next(), /^40\{/);
    frames.close();
  });

  const kBefore = [
    ["S70: an event", echo(1)],
    ["U10: a binary frame", kBytes],
    ["U13: an empty packet", "4"],
    ["an ack", "431[1]"],
    ["DISCONNECT", "41"],
    ["S71: a binary event's header", `451-["echo",${kHole}]`],
  ];
  for (const [what, packet] of kBefore) {
    test(`${what} before CONNECT closes`, async () => {
      const frames = await bare(probe);
      frames.send(packet);
      await frames.gone();
      assert.deepEqual(frames.unread, []);
    });
  }

  test("S63: a connection has a bounded number of namespaces", async () => {
    const frames = await joined(probe);
    let accepted = 0;
    let refused = 0;
    for (let i = 0; i < 300; ++i) frames.send(`40/dyn-${i},`);
    for (let i = 0; i < 300; ++i) {
      const frame = await frames.next();
      if (frame.startsWith("40/dyn-")) ++accepted;
      else if (frame.startsWith("44/dyn-")) ++refused;
    }
    assert.equal(accepted + refused, 300);
    assert(accepted >= 50 && accepted <= 100, `${accepted} namespaces`);
    frames.close();
  });

  test("S64: CONNECT twice in one go makes one socket", async () => {
    const frames = await bare(probe);
    await log.clear();
    frames.send("40/dyn-1,");
    frames.send("40/dyn-1,");
    await frames.gone();
    await log.read();
    assert(log.entries.filter((entry) => entry.connected === "/dyn-1").length <= 1, JSON.stringify(log.entries));
  });

  test("the log tells namespaces and auth in order", async () => {
    await log.clear();
    const frames = await joined(probe, { auth: '{"token":"t","n":[1]}' });
    frames.send("40/admin,");
    await frames.next();
    frames.send('40/dyn-7,{"a":null}');
    await frames.next();
    frames.send('42/admin,12["echo",1,2]');
    assert.equal(await frames.next(), "43/admin,12[1,2]");
    await log.read();
    assert.deepEqual(log.entries, [
      { connected: "/", auth: { token: "t", n: [1] } },
      { connected: "/admin", auth: {} },
      { connected: "/dyn-7", auth: { a: null } },
      { event: "echo", n: 3 },
    ]);
    frames.close();
    await log.until((entry) => "disconnect" in entry, "the disconnects");
  });

  test("S75: joining and leaving a namespace a thousand times leaves nothing behind", async () => {
    const frames = await joined(probe);
    await log.clear();
    for (let i = 0; i < 1000; ++i) {
      frames.send("40/admin,");
      await frames.next();
      frames.send("41/admin,");
      assert.deepEqual(await rest(frames), []);  // the reference leaves a moment later than it reads
    }
    await log.read();
    assert.equal(log.entries.filter((entry) => entry.disconnect === "client namespace disconnect").length, 1000);
    frames.close();
  });
});
