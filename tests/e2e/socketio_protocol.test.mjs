// Socket.IO v5 packets over a raw WebSocket: the dialogue of the `sio5` server, and the decoder's strictness as a
// table against the `probe` server.
//
// Pings are answered throughout; the probe server's first ping comes after 25 s and its CONNECT timeout after 45 s, so
// a close that is seen there is the decoder's doing.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import { echo, expectedCount, isClosing, kBytes, kHole, kTable, matches } from "../hostile/socketio.mjs";
import { protocolServers } from "./support/suites.mjs";
import { Frames, Polling, joined, openedSocket as bare, socketUrl } from "./support/wire.mjs";

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
    const frames = await bare(fast);
    await frames.gone();
    assert.deepEqual(frames.unread, []);
    assert(frames.pings >= 1, "no ping was answered, so this proves nothing");
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

// --- the decoder's table (tests/hostile/socketio.mjs) --------------------------------------------------------------------

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

async function checkClosed(frames, outcome) {
  const { code } = await frames.gone();
  assert.equal(code, 1005, "the close frame carries no code");
  assert.deepEqual(frames.unread, []);
  const { disconnect } = await log.disconnect(frames.id);
  const errors = log.entries.filter((entry) => "socket_error" in entry && entry.id === frames.id).map((entry) => entry.socket_error);
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
      assert.equal(log.entries.filter((entry) => "disconnect" in entry && entry.id === frames.id).length, 0);
      frames.close();
    });
  }
});

describe("packets before and around CONNECT", () => {
  test("S31: DISCONNECT leaves the connection open", async () => {
    const frames = await joined(probe);
    frames.send("41");
    assert.equal((await log.disconnect(frames.id)).disconnect, "client namespace disconnect");
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
    assert.deepEqual(log.entries.filter((entry) => !("disconnect" in entry)), [
      { connected: "/", auth: { token: "t", n: [1] } },
      { connected: "/admin", auth: {} },
      { connected: "/dyn-7", auth: { a: null } },
      { event: "echo", n: 3 },
    ]);
    frames.close();
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
