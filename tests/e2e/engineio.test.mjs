// Engine.IO v4 over raw HTTP and WebSocket: handshake, messages, heartbeat, close, upgrade, and what must be refused.
//
// The `eio4` server has a ping every 300 ms and gives plenty of time for the answer, so that a rule closes the session and
// not the heartbeat. Where a ping could mislead, the `probe` server is used, whose first comes after 25 s. `hasty` gives
// 200 ms: nobody who is to live may be held up there.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { conformance, isReference } from "./support/server.mjs";
import { kTimeout, protocolServers } from "./support/suites.mjs";
import { RawSocket, frame, kSocketPath, kText } from "./support/raw.mjs";
import { Frames, Log, Polling, idOf, kEnginePath as kPath, openedSocket, pollingUrl, request, socketUrl } from "./support/wire.mjs";

let eio;
let hasty;
let probe;
let fast;
let log;

protocolServers("eio4", (...servers) => { [eio, probe, fast, log] = servers; });
before(async () => { hasty = await conformance("eio4"); }, kTimeout);
after(() => hasty?.stop(), kTimeout);

const opened = (options) => openedSocket(eio, { path: kPath, ...options });

function checkHandshake(handshake, upgrades) {
  assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  assert.match(handshake.sid, /^[A-Za-z0-9_-]{20}$/);
  assert.deepEqual(handshake.upgrades, upgrades);
  assert.equal(handshake.pingInterval, 300);
  assert.equal(handshake.pingTimeout, 200);
  assert.equal(handshake.maxPayload, 1_000_000);
}

describe("handshake", () => {
  // covers P4: handshake › HTTP long-polling › successfully opens a session
  // covers S5: handshake › HTTP long-polling › should successfully open a session
  test("long polling opens a session", async () => {
    const { status, headers, body } = await request(pollingUrl(hasty, kPath));
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^text\/plain; charset=utf-8$/i);
    assert.equal(Number(headers["content-length"]), Buffer.byteLength(body));
    assert.match(headers["cache-control"] ?? "", /no-store/);
    assert.equal(body[0], "0");
    checkHandshake(JSON.parse(body.slice(1)), ["websocket"]);
  });

  // covers P4: handshake › WebSocket › successfully opens a session
  // covers S5: handshake › WebSocket › should successfully open a session
  test("WebSocket opens a session", async () => {
    const frames = await openedSocket(hasty, { path: kPath });
    checkHandshake(frames.handshake, []);
    frames.close();
  });

  test("session ids differ", async () => {
    const sids = await Promise.all(Array.from({ length: 50 }, async () => (await Polling.open(eio, kPath)).sid));
    assert.equal(new Set(sids).size, 50);
  });

  const kRefused = [
    // id, query, method, code, message
    ["P01", "EIO=4&transport=foo", "GET", 0, "Transport unknown"],
    ["P02", "EIO=4", "GET", 0, "Transport unknown"],
    ["P03", "EIO=4&transport=constructor", "GET", 0, "Transport unknown"],
    ["P04", "EIO=4&transport=__proto__", "GET", 0, "Transport unknown"],
    ["P04b", "EIO=4&transport=webtransport", "GET", 0, "Transport unknown"],
    ["P05", "EIO=3&transport=polling", "GET", 5, "Unsupported protocol version"],
    ["P06", "transport=polling", "GET", 5, "Unsupported protocol version"],
    ["P07", "EIO=5&transport=polling", "GET", 5, "Unsupported protocol version"],
    ["P08", "EIO=abc&transport=polling", "GET", 5, "Unsupported protocol version"],
    ["P09", "EIO=4&transport=polling", "POST", 2, "Bad handshake method"],
    ["P10", "EIO=4&transport=polling", "PUT", 2, "Bad handshake method"],
    ["P11", "EIO=4&transport=polling", "DELETE", 2, "Bad handshake method"],
    ["P12", "EIO=4&transport=polling", "OPTIONS", 2, "Bad handshake method"],
    ["P13", "EIO=4&transport=polling&sid=abcdefghijklmnopqrst", "GET", 1, "Session ID unknown"],
    ["P13b", "EIO=4&transport=polling&sid=abcdefghijklmnopqrst", "POST", 1, "Session ID unknown"],
    ["P14", "EIO=4&transport=polling&sid=__proto__", "GET", 1, "Session ID unknown"],
    ["P15", "EIO=4&transport=polling&sid=constructor", "GET", 1, "Session ID unknown"],
    ["P16", "EIO=4&transport=polling&sid=%00", "GET", 1, "Session ID unknown"],
    ["P17", `EIO=4&transport=polling&sid=${"a".repeat(8000)}`, "GET", 1, "Session ID unknown"],
    ["P18", "EIO=4&transport=polling&sid=aaaaaaaaaaaaaaaaaaaa&sid=bbbbbbbbbbbbbbbbbbbb", "GET", 1, "Session ID unknown"],
    ["E3", "EIO=4&transport=websocket", "GET", 3, "Bad request"],
  ];
  // covers P4: handshake › HTTP long-polling › fails with an invalid 'EIO' query parameter
  // covers P4: handshake › HTTP long-polling › fails with an invalid 'transport' query parameter
  // covers P4: fails with an invalid request method
  // covers S5: handshake › HTTP long-polling › should fail with an invalid 'EIO' query parameter
  // covers S5: handshake › HTTP long-polling › should fail with an invalid 'transport' query parameter
  // covers S5: should fail with an invalid request method
  for (const [id, query, method, code, message] of kRefused) {
    test(`${id}: ${method} ?${query.slice(0, 70)} is refused with code ${code}`, async () => {
      await log.clear();
      const { status, headers, body } = await request(pollingUrl(probe, "/socket.io/", query), { method });
      assert.equal(status, 400);
      assert.match(headers["content-type"], /^application\/json/);
      assert.equal(body, JSON.stringify({ code, message }));
      const entry = await log.until((e) => "connection_error" in e, "the connection_error");
      assert.equal(entry.connection_error, code);
      assert.equal(entry.message, message);
    });
  }

  const kUpgradeRefused = [
    ["EIO absent", "transport=websocket"],
    ["EIO=abc", "EIO=abc&transport=websocket"],
    ["EIO=3", "EIO=3&transport=websocket"],
    ["transport absent", "EIO=4"],
    ["transport=abc", "EIO=4&transport=abc"],
    ["an unknown sid", "EIO=4&transport=websocket&sid=abcdefghijklmnopqrst"],
  ];
  // covers P4: handshake › WebSocket › fails with an invalid 'EIO' query parameter
  // covers P4: handshake › WebSocket › fails with an invalid 'transport' query parameter
  // covers S5: handshake › WebSocket › should fail with an invalid 'EIO' query parameter
  // covers S5: handshake › WebSocket › should fail with an invalid 'transport' query parameter
  for (const [what, query] of kUpgradeRefused) {
    test(`a WebSocket with ${what} is refused`, async () => {
      const frames = new Frames(socketUrl(eio, kPath, query));
      const how = await frames.gone();
      assert.deepEqual(frames.unread, []);
      if (!isReference) assert.equal(how.status, 400);  // the reference answers 101 first when the version is wrong
    });
  }

  test("P44: JSONP is no way into version 4", async () => {
    const { body } = await request(pollingUrl(probe, "/socket.io/", "EIO=4&transport=polling&j=0;alert(1)"));
    assert(!body.includes("alert") && !body.includes("___eio"), body);
  });

  test("P45, P46: b64 and an unknown Accept-Encoding change nothing", async () => {
    const url = pollingUrl(probe, "/socket.io/", "EIO=4&transport=polling&b64=1");
    const { status, headers, body } = await request(url, { headers: { "accept-encoding": "junk;q=x, *;q=0" } });
    assert.equal(status, 200);
    assert.equal(headers["content-encoding"], undefined);
    assert.match(body, /^0\{"sid":"/);
  });

  test("P47, P49: other paths are not ours", async () => {
    for (const path of ["/socket.io", "//socket.io/"]) {
      const { status, body } = await request(`${probe.url}${path}?EIO=4&transport=polling`);
      assert.equal(status, 404);
      assert.equal(body, "nf 0");
    }
    const posted = await request(`${probe.url}/elsewhere`, { method: "POST", body: "12345" });
    assert.equal(posted.status, 404);
    assert.equal(posted.body, "nf 5");
  });

  test("P48: a longer path below ours is ours", async () => {
    const { status } = await request(pollingUrl(probe, "/socket.io/extra"));
    assert.equal(status, 200);
  });
});

describe("messages over long polling", () => {
  const kPayloads = [
    ["one packet", "4hello"],
    ["several packets", "4test1\x1e4test2\x1e4test3"],
    ["text and binary", "4hello\x1ebAQIDBA=="],
    ["an empty message", "4"],
    ["an empty binary message", "b"],
    ["unicode", "4€ 🚀 \u2028 \u0000 ﷽"],
    ["every remainder of base64", "bAQ==\x1ebAQI=\x1ebAQID"],
  ];
  // covers P4: sends and receives a payload containing one plain text packet
  // covers P4: sends and receives a payload containing several plain text packets
  // covers P4: sends and receives a payload containing plain text and binary packets
  for (const [what, payload] of kPayloads) {
    test(`${what}: sent and echoed`, async () => {
      const session = await Polling.open(eio, kPath);
      const { status, headers, body } = await session.post(payload);
      assert.equal(status, 200);
      assert.equal(body, "ok");
      assert.equal(headers["content-length"], "2");
      assert.match(headers["content-type"], /^text\/html/);
      const packets = [];
      while (packets.length < payload.split("\x1e").length) packets.push(await session.next());
      assert.equal(packets.join("\x1e"), payload);
      await session.post("1");
    });
  }

  test("base64 without padding is accepted", async () => {
    const session = await Polling.open(eio, kPath);
    await session.post("bAQIDBA");
    assert.equal(await session.next(), "bAQIDBA==");
    await session.post("1");
  });

  // covers eio/server: messages › should arrive when content is split in multiple chunks (polling)
  // covers eio/server: messages › should arrive when content is sent with chunked transfer-encoding (polling)
  test("a chunked body and one of many segments arrive whole", async () => {
    const session = await Polling.open(probe);
    const { body } = await request(session.url, {
      sent: (req) => {
        req.method = "POST";
        req.setNoDelay(true);
        let i = 0;
        req.write("4");
        req.write("0");
        const more = () => (++i < 50 ? (req.write(""), setImmediate(more)) : req.end());
        more();
      },
      method: "POST",
    });
    assert.equal(body, "ok");
    assert.match(await session.next(), /^40\{"sid"/);
  });

  test("P42: 3,000 one-byte chunks are one body", async () => {
    const session = await Polling.open(probe);
    await session.post("40");
    assert.match(await session.next(), /^40/);
    const payload = `42["echo","${"x".repeat(2980)}"]`;
    const { body } = await request(session.url, {
      method: "POST",
      sent: (req) => { for (const char of payload) req.write(char); req.end(); },
    });
    assert.equal(body, "ok");
    assert.equal(await session.next(), payload);
  });

  test("keep-alive: many requests on one connection", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const session = await Polling.open(probe);
    const send = (body) => request(session.url, { method: "POST", body, agent });
    assert.equal((await send("40")).body, "ok");
    assert.match((await request(session.url, { agent })).body, /^40/);
    for (let i = 0; i < 20; ++i) {
      assert.equal((await send(`42["echo",${i}]`)).body, "ok");
      assert.equal((await request(session.url, { agent })).body, `42["echo",${i}]`);
    }
    agent.destroy();
  });

  test("P28: 5,000 events in one payload are delivered in order", async () => {
    const session = await Polling.open(probe);
    const events = Array.from({ length: 5000 }, (_, i) => `42["echo",${i}]`);
    await session.post("40");
    await session.next();
    assert.equal((await session.post(events.join("\x1e"))).body, "ok");
    for (const event of events) assert.equal(await session.next(), event);
  });

  test("P32: a binary event both ways", async () => {
    const session = await Polling.open(probe);
    const event = '451-["echo",{"_placeholder":true,"num":0}]';
    await session.post("40");
    await session.next();
    await session.post(`${event}\x1ebAQID`);
    assert.equal(await session.next(), event);
    assert.equal(await session.next(), "bAQID");
  });

  test("P55: a long backlog comes in polls of at most maxPayload", async () => {
    const session = await Polling.open(probe);
    await session.post("40");
    await session.next();
    const text = "x".repeat(300_000);
    for (let i = 0; i < 10; ++i) assert.equal((await session.post(`42["echo",${i},"${text}"]`)).status, 200);
    const got = [];
    while (got.length < 10) {
      const { body } = await session.get();
      if (!isReference) assert(Buffer.byteLength(body) <= 1_000_000, `one poll of ${Buffer.byteLength(body)} bytes`);  // the reference sends all at once
      got.push(...body.split("\x1e"));
    }
    assert.deepEqual(got.map((packet) => JSON.parse(packet.slice(2))[1]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe("messages over WebSocket", () => {
  // covers P4: sends and receives a plain text packet
  // covers P4: sends and receives a binary packet
  test("text and binary are echoed unchanged", async () => {
    const frames = await opened();
    for (const text of ["4hello", "4", "4€ 🚀 \u0000", `4${"x".repeat(70_000)}`]) {
      frames.send(text);
      assert.equal(await frames.next(), text);
    }
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 500_000]) {
      const bytes = Buffer.alloc(size, 0xa5);
      frames.send(bytes);
      assert.deepEqual(await frames.next(), bytes);
    }
    frames.close();
  });

  const kViolations = [
    ["an unknown packet type (abc)", "abc"],
    ["U01: an empty frame", ""],
    ["U02: type 9", "9"],
    ["U03: a probe on a WebSocket of its own", "2probe"],
    ["U04: a ping in the wrong direction", "2"],
    ["U12: fifty times x", "x".repeat(50)],
    ["U09: a close packet", "1"],
  ];
  // covers P4: message › WebSocket › closes the session upon invalid packet format
  for (const [what, packet] of kViolations) {
    // covers eio/server: close › should close transport upon parse error (ws)
    test(`closed upon ${what}`, async () => {
      const frames = await openedSocket(probe);
      frames.send(packet);
      const { code } = await frames.gone();
      assert.equal(code, 1005);
      assert.deepEqual(frames.unread, []);
    });
  }

  const kIgnored = [["U05: an unsolicited pong", "3"], ["U06: an open packet", '0{"sid":"x"}'], ["U07: an upgrade packet", "5"], ["U08: a noop", "6"]];
  for (const [what, packet] of kIgnored) {
    test(`ignored: ${what}`, async () => {
      const frames = await opened();
      frames.send(packet);
      frames.send("4still here");
      assert.equal(await frames.next(), "4still here");
      frames.close();
    });
  }

  test("binary from a client that writes base64", async () => {
    const frames = await opened();
    frames.send("bAQID");
    assert.deepEqual(await frames.next(), Buffer.from([1, 2, 3]));
    frames.send("b*");
    await frames.gone();
  });

  test("U11: Socket.IO wants no binary that nobody announced, base64 or not", async () => {
    const frames = await openedSocket(probe, { pong: false });
    frames.send("bAQID");
    await frames.gone();
  });

  test("a message of maxHttpBufferSize passes, one byte more is closed with 1009", async () => {
    const frames = await opened();
    const largest = `4${"x".repeat(999_999)}`;
    frames.send(largest);
    assert.equal((await frames.next()).length, 1_000_000);
    frames.send(`${largest}y`);
    assert.equal((await frames.gone()).code, 1009);
  });
});

describe("heartbeat", () => {
  // covers P4: heartbeat › HTTP long-polling › sends ping/pong packets
  // covers S5: heartbeat › HTTP long-polling › should send ping/pong packets
  test("long polling: pings come as long as they are answered", async () => {
    const session = await Polling.open(eio, kPath);
    for (let i = 0; i < 3; ++i) {
      assert.equal((await session.get()).body, "2");
      assert.equal((await session.post("3")).body, "ok");
    }
    await session.post("4alive");
    assert.equal(await session.next(), "4alive");
    await session.post("1");
  });

  // covers P4: heartbeat › HTTP long-polling › closes the session upon ping timeout
  // covers S5: heartbeat › HTTP long-polling › should close the session upon ping timeout
  // covers eio/server: close › should close transport upon ping timeout (polling)
  test("long polling: silence ends the session", async () => {
    const session = await Polling.open(hasty, kPath);
    let last;
    do last = await session.get(); while (last.status === 200);  // polls are no sign of life
    assert.deepEqual(await session.refused(), { status: 400, code: 1 });
  });

  // covers P4: heartbeat › WebSocket › sends ping/pong packets
  // covers S5: heartbeat › WebSocket › should send ping/pong packets
  test("WebSocket: pings come as long as they are answered", async () => {
    const frames = await opened({ pong: false });
    for (let i = 0; i < 3; ++i) {
      assert.equal(await frames.next(), "2");
      frames.send("3");
    }
    frames.send("4alive");
    assert.equal(await frames.next(), "4alive");
    frames.close();
  });

  // covers P4: heartbeat › WebSocket › closes the session upon ping timeout
  // covers S5: heartbeat › WebSocket › should close the session upon ping timeout
  // covers eio/server: close › should close transport upon ping timeout (ws)
  test("WebSocket: an unanswered ping ends the session", async () => {
    const frames = await openedSocket(hasty, { path: kPath, pong: false });
    assert.equal(await frames.next(), "2");
    await frames.gone();
    assert.deepEqual(frames.unread, []);
  });

  // covers eio/server: close › should trigger on server if the client does not pong
  test("U14: the reason is a ping timeout", async () => {
    const fastLog = new Log(fast);
    const socket = await RawSocket.open(fast, kSocketPath, { pong: false, early: frame(kText, "40") });
    assert.match(await socket.next(), /^0/);
    const id = idOf(await socket.next());
    assert.equal(await socket.next(), "2");
    assert.match(await socket.next(), /^close:/);
    socket.close();
    assert.equal((await fastLog.disconnect(id)).disconnect, "ping timeout");
  });

  test("U29: doubled and early pongs start no second timer and revive nothing", async (t) => {
    const patient = await conformance("eio4", "--options", '{"ping_timeout":1500}');
    t.after(() => patient.stop());
    const frames = await openedSocket(patient, { path: kPath, pong: false });
    for (let i = 0; i < 3; ++i) {
      frames.send("3");
      assert.equal(await frames.next(), "2");
      frames.send("3");
      frames.send("3");
    }
    assert.equal(await frames.next(), "2");  // not answered
    await frames.gone();
    frames.send("3");
    assert.deepEqual(frames.unread, []);
  });
});
