// Engine.IO v3 over raw HTTP and WebSocket, and JSONP: what the public v3 suite checks and the rules around it.
//
// Wherever a test says "closed", the server gives the heartbeat time, so that the rule closes the session and not the
// silence.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import vm from "node:vm";
import { conformance } from "./support/server.mjs";
import { lab } from "./support/lab.mjs";
import { kTimeout } from "./support/suites.mjs";
import { Frames, Log, kEnginePath, packetsOfVersion3 as packets, pollingUrl, request, socketUrl, within } from "./support/wire.mjs";

let fast;  // every message comes back; a ping is expected within 500 ms
let echo;  // the same with time
let sio;   // Socket.IO, with time
let log;

before(async () => {
  [fast, echo, sio] = await Promise.all([
    conformance("eio3"),
    conformance("eio3", "--options", JSON.stringify({ ping_timeout: 100_000 })),
    lab({ allow_eio3: true }),
  ]);
  log = new Log(sio);
}, kTimeout);

after(async () => { for (const server of [fast, echo, sio]) await server.stop(); }, kTimeout);

const pathOf = (server) => (server === fast || server === echo ? kEnginePath : "/socket.io/");
const url = (server, more = "", version = "EIO=3") => pollingUrl(server, pathOf(server), `${version}&transport=polling${more}`);
const wsUrl = (server, more = "", version = "EIO=3") => socketUrl(server, pathOf(server), `${version}&transport=websocket${more}`);

class Session {
  static async open(server, more = "&b64=1") {
    const { status, body } = await request(url(server, more));
    assert.equal(status, 200);
    const [open, ...rest] = packets(body);
    assert.equal(open[0], "0");
    const session = new Session();
    session.server = server;
    session.handshake = JSON.parse(open.slice(1));
    session.first = rest;  // what came with the handshake
    session.url = url(server, `&sid=${session.handshake.sid}`);
    session.wsUrl = wsUrl(server, `&sid=${session.handshake.sid}`);
    return session;
  }
  get(options) { return request(this.url, options); }
  post(body, type = "text/plain;charset=UTF-8") { return request(this.url, { method: "POST", body, headers: { "content-type": type } }); }
  async bytes() { return Buffer.from(await (await fetch(this.url)).arrayBuffer()); }
  async refused(code = 1) {
    const { status, body } = await this.get();
    assert.equal(status, 400);
    assert.equal(JSON.parse(body).code, code);
  }
}

async function openedSocket(server, more) {
  const frames = new Frames(wsUrl(server, more));
  frames.handshake = JSON.parse((await frames.next("the handshake")).slice(1));
  return frames;
}

function checkHandshake(handshake, upgrades) {
  assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  assert.deepEqual(handshake.upgrades, upgrades);
  assert.equal(handshake.pingInterval, 300);
  assert.equal(handshake.pingTimeout, 200);
}

describe("handshake", () => {
  // covers P3: handshake › HTTP long-polling › successfully opens a session
  test("long polling: one packet with its length", async () => {
    const { status, headers, body } = await request(url(fast));
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^text\/plain; charset=UTF-8$/i);
    const [open, ...rest] = packets(body);
    assert.deepEqual(rest, []);
    checkHandshake(JSON.parse(open.slice(1)), ["websocket"]);
  });

  // covers P3: handshake › WebSocket › successfully opens a session
  test("WebSocket: a frame", async () => {
    const frames = await openedSocket(fast);
    checkHandshake(frames.handshake, []);
    frames.close();
  });

  // covers P3: handshake › HTTP long-polling › fails with an invalid 'transport' query parameter
  test("a transport that is none", async () => {
    for (const query of ["EIO=3", "EIO=3&transport=abc"]) {
      const { status, body } = await request(pollingUrl(echo, kEnginePath, query));
      assert.equal(status, 400);
      assert.equal(JSON.parse(body).code, 0);
    }
  });

  // covers P3: fails with an invalid request method
  test("only GET opens a session", async () => {
    for (const method of ["POST", "PUT"]) {
      const { status, body } = await request(url(echo), { method });
      assert.equal(status, 400);
      assert.equal(JSON.parse(body).code, 2);
    }
  });

  // covers P3: handshake › WebSocket › fails with an invalid 'EIO' query parameter
  test("anything but EIO=4 is version 3", async () => {
    for (const version of ["EIO=abc", "EIO=5", "a=b"]) {
      const frames = new Frames(wsUrl(echo, "", version));
      await frames.next("the handshake");
      frames.send("2");
      assert.equal(await frames.next(), "3");
      frames.close();
    }
  });

  // covers P3: handshake › WebSocket › fails with an invalid 'transport' query parameter
  test("a WebSocket with a transport that is none", async () => {
    for (const query of ["EIO=3", "EIO=3&transport=abc"]) {
      const { status, body } = await new Frames(socketUrl(echo, kEnginePath, query)).gone();
      assert.equal(status, 400);
      assert.equal(body, "Transport unknown");
    }
  });

  // covers eio/server: handshake › should disallow unsupported protocol versions
  test("without the option there is no version 3", async (t) => {
    const strict = await lab({}, t);
    for (const version of ["EIO=3", "a=b"]) {
      const { status, body } = await request(pollingUrl(strict, "/socket.io/", `${version}&transport=polling`));
      assert.equal(status, 400);
      assert.equal(body, '{"code":5,"message":"Unsupported protocol version"}');
      const how = await new Frames(socketUrl(strict, "/socket.io/", `${version}&transport=websocket`)).gone();
      assert.deepEqual(how, { status: 400, body: "Unsupported protocol version" });
    }
  });

  test("a session keeps its version", async () => {
    const old = await Session.open(sio);
    const recent = JSON.parse((await request(url(sio, "", "EIO=4"))).body.slice(1));
    const kRefused = [
      [url(sio, `&sid=${old.handshake.sid}`, "EIO=4"), wsUrl(sio, `&sid=${old.handshake.sid}`, "EIO=4")],
      [url(sio, `&sid=${recent.sid}`), wsUrl(sio, `&sid=${recent.sid}`)],
    ];
    for (const [polling, socket] of kRefused) {
      await log.clear();
      for (const method of ["GET", "POST"]) {
        const { status, body } = await request(polling, { method });
        assert.equal(status, 400);
        assert.equal(body, '{"code":3,"message":"Bad request"}');
      }
      assert.equal((await log.until((e) => e.code === 3, "the connection_error")).name, "PROTOCOL_MISMATCH");
      assert.deepEqual(await new Frames(socket).gone(), { status: 400, body: "Bad request" });
    }
    assert.equal((await old.post("1:2")).body, "ok");
  });
});

describe("messages over long polling", () => {
  // covers P3: sends and receives a payload containing one plain text packet
  // covers P3: sends and receives a payload containing several plain text packets
  // covers P3: sends and receives a payload containing plain text and binary packets (base64 encoded)
  test("text payloads come back", async () => {
    const kPayloads = ["6:4hello", "6:4test16:4test26:4test3", "6:4hello10:b4AQIDBA==", "5:4€ 🚀", "2:b4", "1:4"];
    for (const payload of kPayloads) {
      const session = await Session.open(echo);
      const { status, headers, body } = await session.post(payload);
      assert.equal(status, 200);
      assert.equal(body, "ok");
      assert.match(headers["content-type"], /^text\/html/);
      assert.equal((await session.get()).body, payload);
    }
  });

  // covers P3: sends and receives a payload containing plain text and binary packets (binary)
  test("bytes for who takes them, in both directions", async () => {
    const kBytes = Buffer.from([0, 6, 255, 52, 104, 101, 108, 108, 111, 1, 5, 255, 4, 1, 2, 3, 4]);
    for (const [body, type] of [["6:4hello10:b4AQIDBA==", "text/plain"], [kBytes, "application/octet-stream"]]) {
      const session = await Session.open(echo, "");
      assert.equal((await session.post(body, type)).body, "ok");
      const answer = await fetch(session.url);
      assert.equal(answer.headers.get("content-type"), "application/octet-stream");
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), kBytes);
      // Without a binary message the answer is text.
      await session.post("2:4a");
      assert.equal((await session.get()).body, "2:4a");
    }
  });

  // covers P3: message › HTTP long-polling › closes the session upon invalid packet format
  test("a malformed payload closes", async () => {
    for (const payload of ["abc", "", "7:4hello", "1e0:4", "2:9x", "4:b4!!", "99999999999999999999:4"]) {
      const session = await Session.open(sio);
      assert.equal((await session.post(payload)).body, "ok");
      await session.refused();
      assert.equal((await log.disconnect(session.handshake.sid)).disconnect, "parse error");
    }
  });

  // covers P3: closes the session upon duplicate poll requests
  test("a second poll closes", async () => {
    const session = await Session.open(sio);
    let first;
    await within(new Promise((resolve) => {
      first = session.get({ sent: (req) => { req.end(); req.on("finish", resolve); } });
    }), "the first poll to be sent");
    const second = await session.get();
    const answers = [await first, second].sort((a, b) => a.status - b.status);
    assert.equal(answers[0].status, 200);
    assert.equal(answers[0].body, "1:1");
    assert.equal(answers[1].status, 400);
    await session.refused();
  });

  test("a long backlog comes in polls of at most maxPayload", async () => {
    const session = await Session.open(sio, "");
    const event = `42["echo",${JSON.stringify("x".repeat(300_000))}]`;
    for (let i = 0; i < 5; ++i) assert.equal((await session.post(`${event.length}:${event}`)).body, "ok");
    let got = 0;
    while (got < 5) {
      const { body } = await session.get();
      assert(body.length <= 1_000_000);
      for (const packet of packets(body)) got += packet === event ? 1 : 0;
    }
  });
});

describe("messages over WebSocket", () => {
  // covers P3: message › WebSocket › sends and receives a plain text packet
  // covers P3: message › WebSocket › sends and receives a binary packet
  test("text, and binary with the type in front", async () => {
    const frames = await openedSocket(echo);
    frames.send("4hello");
    assert.equal(await frames.next(), "4hello");
    frames.send(Buffer.from([4, 1, 2, 3, 4]));
    assert.deepEqual(await frames.next(), Buffer.from([4, 1, 2, 3, 4]));
    frames.send("b4AQIDBA==");
    assert.deepEqual(await frames.next(), Buffer.from([4, 1, 2, 3, 4]));
    frames.close();
  });

  test("base64 for who asks", async () => {
    const frames = await openedSocket(echo, "&b64=1");
    frames.send(Buffer.from([4, 1, 2, 3, 4]));
    assert.equal(await frames.next(), "b4AQIDBA==");
    frames.close();
  });

  // covers P3: message › WebSocket › closes the session upon invalid packet format
  test("a malformed packet closes", async () => {
    for (const packet of ["abc", "", "9", "b9AQ==", Buffer.from([7, 1]), Buffer.alloc(0)]) {
      const frames = await openedSocket(sio);
      assert.equal(await frames.next(), "40");
      frames.send(packet);
      assert.equal((await frames.gone()).code, 1005);
      assert.equal((await log.disconnect(frames.handshake.sid)).disconnect, "parse error");
    }
  });
});

describe("heartbeat", () => {
  // covers P3: heartbeat › HTTP long-polling › sends ping/pong packets
  test("long polling: pings are answered", async () => {
    const session = await Session.open(sio);
    for (let i = 0; i < 3; ++i) {
      assert.equal((await session.post("1:2")).body, "ok");
      assert.equal((await session.get()).body, "1:3");
    }
  });

  // covers P3: heartbeat › WebSocket › sends ping/pong packets
  test("WebSocket: pings are answered", async () => {
    const frames = await openedSocket(echo);
    for (let i = 0; i < 3; ++i) {
      frames.send("2");
      assert.equal(await frames.next(), "3");
    }
    frames.close();
  });

  // covers P3: heartbeat › HTTP long-polling › closes the session upon ping timeout
  test("long polling: silence ends the session", async () => {
    const session = await Session.open(fast);
    let last;
    do last = await session.get(); while (last.status === 200);  // polls are no sign of life
    await session.refused();
    assert.equal((await session.post("1:2")).status, 400);
  });

  // covers P3: heartbeat › WebSocket › closes the session upon ping timeout
  test("WebSocket: nothing but a ping is a sign of life", async (t) => {
    const hasty = await lab({ allow_eio3: true, ping_interval: 300, ping_timeout: 200 }, t);
    const hastyLog = new Log(hasty);
    const frames = await openedSocket(hasty);
    const talk = setInterval(() => frames.send('42["echo"]'), 50);
    await frames.gone();
    clearInterval(talk);
    assert.equal((await hastyLog.disconnect(frames.handshake.sid)).disconnect, "ping timeout");
  });

  test("a pong is the wrong way", async () => {
    const frames = await openedSocket(sio);
    frames.send("3");
    await frames.gone();
    const entry = await log.disconnect(frames.handshake.sid);
    assert.equal(entry.disconnect, "transport error");
    assert.equal(entry.detail, "invalid heartbeat direction");
  });
});

describe("close", () => {
  // covers P3: close › HTTP long-polling › forcefully closes the session
  test("long polling", async () => {
    for (;;) {
      const session = await Session.open(sio);
      const [poll] = await Promise.all([session.get(), session.post("1:1")]);
      await session.refused();
      if (poll.status === 400) continue;  // the poll came second
      assert.equal(poll.body, "1:6");
      return;
    }
  });

  // covers P3: close › WebSocket › forcefully closes the session
  test("WebSocket", async () => {
    const frames = await openedSocket(sio);
    frames.send("1");
    assert.equal((await frames.gone()).code, 1005);
  });
});

describe("upgrade", () => {
  async function upgraded(session) {
    const frames = new Frames(session.wsUrl);
    await frames.opened;
    frames.send("2probe");
    assert.equal(await frames.next(), "3probe");
    assert.equal((await session.get()).body, "1:6");
    frames.send("5");
    return frames;
  }

  // covers P3: successfully upgrades from HTTP long-polling to WebSocket
  test("probe, noop, upgrade", async () => {
    const session = await Session.open(echo);
    const frames = await upgraded(session);
    frames.send("4hello");
    assert.equal(await frames.next(), "4hello");
    frames.send(Buffer.from([4, 7]));
    assert.deepEqual(await frames.next(), Buffer.from([4, 7]));
    frames.close();
  });

  // covers P3: ignores HTTP requests with same sid after upgrade
  // covers P3: ignores WebSocket connection with same sid after upgrade
  test("an upgraded session has one carrier", async () => {
    const session = await Session.open(sio);
    const frames = await upgraded(session);
    frames.send('420["echo",1]');
    assert.equal(await frames.next(), "430[1]");
    await session.refused(3);
    const second = new Frames(session.wsUrl);
    assert.equal((await second.gone()).code, 1005);
    frames.send('421["echo",2]');
    assert.equal(await frames.next(), "431[2]");
    frames.close();
  });
});

describe("Socket.IO 2 on the wire", () => {
  test("the main namespace is joined with the handshake", async () => {
    const session = await Session.open(sio);
    assert.deepEqual(session.first, ["40"]);
    const frames = await openedSocket(sio);
    assert.equal(await frames.next(), "40");
    frames.send('420["who am I"]');
    const [{ id, auth }] = JSON.parse((await frames.next()).slice(3));
    assert.equal(id, frames.handshake.sid);
    assert.deepEqual(auth, {});
    frames.close();
  });

  test("CONNECT, its refusals, DISCONNECT", async () => {
    const frames = await openedSocket(sio);
    await frames.next();
    frames.send("40/chat?token=a%20b&token=c&__proto__=x,");
    assert.equal(await frames.next(), "40/chat,");
    frames.send('42/chat,0["who am I"]');
    const answer = await frames.next();
    assert(answer.startsWith(`43/chat,0[{"id":"/chat#${frames.handshake.sid}","auth":{"token":"c","__proto__":"x"},`), answer);
    frames.send("40/nowhere?x=1,");
    assert.equal(await frames.next(), '44/nowhere,{"message":"Invalid namespace"}');
    frames.send("40/refused,");
    assert.equal(await frames.next(), '44/refused,"not you"');
    frames.send("40/refused?why=1,");
    assert.equal(await frames.next(), '44/refused,{"why":"1"}');
    frames.send("41/chat,");
    frames.send("40/chat");
    assert.equal(await frames.next(), "40/chat,");
    frames.close();
  });

  test("a CONNECT for the main namespace is a second one", async () => {
    for (const packet of ["40", "40/?x=1,"]) {
      const frames = await openedSocket(sio);
      await frames.next();
      frames.send(packet);
      assert.equal((await frames.gone()).code, 1005);
    }
  });
});

describe("JSONP", () => {
  /** Runs an answer as a page does; gives the payload and the index. */
  function run({ headers, body }) {
    assert.match(headers["content-type"], /^text\/javascript; charset=UTF-8$/i);
    assert.equal(headers["x-content-type-options"], "nosniff");
    const calls = [];
    const ___eio = new Proxy({}, { get: (_, index) => (payload) => calls.push([index, payload]) });
    vm.runInNewContext(body, { ___eio });
    assert.equal(calls.length, 1);
    return calls[0];
  }
  const form = (payload) => `d=${encodeURIComponent(payload.replace(/\\n/g, "\\\\n").replace(/\n/g, "\\n"))}`;
  const kForm = { "content-type": "application/x-www-form-urlencoded" };

  test("version 3: scripts and forms", async () => {
    const opening = run(await request(url(sio, "&b64=1&j=7")));
    assert.equal(opening[0], "7");
    const [open, connect] = packets(opening[1]);
    assert.equal(connect, "40");
    const address = url(sio, `&b64=1&j=7&sid=${JSON.parse(open.slice(1)).sid}`);
    const kNasty = 'a"b\\c\n\\n\r\u2028\u2029</script>\u0000€ 🚀';
    const kEvents = [`42["echo",${JSON.stringify(kNasty)}]`, '451-["echo",{"_placeholder":true,"num":0}]', "b4AQID/w=="];
    const payload = kEvents.map((packet) => `${packet.length}:${packet}`).join("");
    const { status, body } = await request(address, { method: "POST", body: form(payload), headers: kForm });
    assert.equal(status, 200);
    assert.equal(body, "ok");
    const answer = await request(address);
    assert(!/[\u2028\u2029\n]/.test(answer.body), "one line");
    const [index, echoed] = run(answer);
    assert.equal(index, "7");
    assert.deepEqual(packets(echoed), kEvents);
    assert.equal(JSON.parse(kEvents[0].slice(2))[1], kNasty);
  });

  test("version 4, where old clients are allowed", async () => {
    const [, open] = run(await request(url(sio, "&j=0", "EIO=4")));
    const address = url(sio, `&j=0&sid=${JSON.parse(open.slice(1)).sid}`, "EIO=4");
    await request(address, { method: "POST", body: form('40\x1e42["echo","a\\nb"]'), headers: kForm });
    const [, payload] = run(await request(address));
    const [connect, event] = payload.split("\x1e");
    assert.match(connect, /^40\{"sid"/);
    assert.equal(event ?? run(await request(address))[1], '42["echo","a\\nb"]');
  });

  test("P44: nothing of the index but its digits is repeated", async () => {
    for (const j of ["0;alert(1)", "%5D(alert(1))%3B%2F%2F", "%E2%80%A8%0A"]) {
      const { body } = await request(url(sio, `&j=${j}`));
      assert.match(body, /^___eio\[[0-9]*\]\("/);
      assert(!body.includes("alert"), body);
    }
  });

  test("a form without a payload says nothing, a malformed payload closes", async () => {
    const [, opening] = run(await request(url(sio, "&j=0")));
    const { sid } = JSON.parse(packets(opening)[0].slice(1));
    const address = url(sio, `&j=0&sid=${sid}`);
    for (const body of ["", "x=1", "d=1&d=2", "6:4hello"]) assert.equal((await request(address, { method: "POST", body, headers: kForm })).body, "ok");
    assert.equal((await request(address, { method: "POST", body: "d=abc", headers: kForm })).body, "ok");
    assert.equal((await log.disconnect(sid)).disconnect, "parse error");
  });

  test("errors are what they are elsewhere", async () => {
    const { status, body } = await request(url(sio, "&j=0&sid=abcdefghijklmnopqrst"));
    assert.equal(status, 400);
    assert.equal(body, '{"code":1,"message":"Session ID unknown"}');
  });
});

test("hostile: 10,000 pings that nobody fetches the answers of", async () => {
  const session = await Session.open(sio);
  for (let i = 0; i < 3; ++i) assert.equal((await session.post("1:2".repeat(10_000))).body, "ok");
  assert.equal((await session.get()).body, "1:3");
});

test("keep-alive: a session on one connection", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const session = await Session.open(sio);
  for (let i = 0; i < 10; ++i) {
    const event = `42["echo",${i}]`;
    assert.equal((await request(session.url, { method: "POST", body: `${event.length}:${event}`, agent })).body, "ok");
    assert.equal((await request(session.url, { agent })).body, `${event.length}:${event}`);
  }
  agent.destroy();
});
