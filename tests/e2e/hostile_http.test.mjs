// Hostile TCP and HTTP against the `probe` server: rows T (connections) and H (requests). After every row the log shows
// what it should, no client is left and no byte is held.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { lab } from "./support/lab.mjs";
import { conformance } from "./support/server.mjs";
import { check, fits, get, kNotFound, kOpen, kPolling, kRows, post } from "../hostile/http.mjs";
import { Aftermath, Raw, frame, http, joinedRaw, kSocketPath, kText, pieces, response, summary, told, upgradeRequest } from "./support/raw.mjs";

const kTimeout = { timeout: 120_000 };
let server;  // with short pings: sessions that nobody comes back to end soon
let aftermath;
let calm;  // for peers that stay; a connection that is not closed at once stays longer than anybody here waits
let calmAftermath;

before(async () => {
  server = await conformance("probe", "--fast");
  aftermath = new Aftermath(server);
  await aftermath.begin();
  calm = await conformance("probe", "--options", '{"close_timeout":100000}');
  calmAftermath = new Aftermath(calm);
  await calmAftermath.begin();
}, kTimeout);
after(async () => {
  for (const one of [server, calm]) await one?.stop();
}, kTimeout);

// --- H: one connection, one write, the answers ----------------------------------------------------------------------------

describe("H: requests", () => {
  for (const [id, what, sent, answers, log = []] of kRows) {
    test(`${id} ${what}`, async () => {
      const raw = await Raw.connect(server);
      await raw.send(sent);
      await check(raw, answers, sent.startsWith("HEAD"));
      assert.deepEqual(told(await aftermath.settled()), log);
    });
    if (sent.length > 2000) continue;
    test(`${id} ${what}, byte by byte (T07)`, async () => {
      const raw = await Raw.connect(server);
      await raw.send(...pieces(Buffer.from(sent, "latin1"), 1));
      await check(raw, answers, sent.startsWith("HEAD"));
      assert.deepEqual(told(await aftermath.settled()), log);
    });
  }

  test("H64b: the 100 comes before the body", async () => {
    const raw = await Raw.connect(server);
    await raw.send(post("Expect: 100-continue", "Content-Length: 5")(""));
    assert.equal(summary(await response(raw)), "100");
    await raw.send("hello");
    assert.equal(summary(await response(raw)), "404 nf 5");
    raw.close();
    await aftermath.settled();
  });

  test("H84: a megabyte of requests in one write, and another client meanwhile", async () => {
    const raw = await Raw.connect(server);
    const count = Math.floor(1_000_000 / get().length);
    raw.push(get().repeat(count));
    const other = await Raw.connect(server);
    await other.send(get("Connection: close"));
    assert.equal(summary(await response(other)), "404c nf 0");
    other.finish();
    for (let i = 0; i < count; ++i) assert.equal(summary(await response(raw)), kNotFound);
    raw.close();
    await aftermath.settled();
  });

  test("H85: a request cut anywhere gets the same answer", async () => {
    const sent = Buffer.from(post("Transfer-Encoding: chunked", "X: y")("5\r\nhello\r\n0\r\nT: r\r\n\r\n"));
    for (let at = 1; at < sent.length; ++at) {
      const raw = await Raw.connect(server);
      await raw.send(sent.subarray(0, at), sent.subarray(at));
      await check(raw, ["404 nf 5"]);
    }
    assert.deepEqual(await aftermath.settled(), []);
  });
});

// --- T: connections -----------------------------------------------------------------------------------------------------------

describe("T: connections", () => {
  test("T02: a byte, then RST", async () => {
    for (let i = 0; i < 50; ++i) {
      const raw = await Raw.connect(server);
      await raw.send("G");
      raw.reset();
    }
    assert.deepEqual(await aftermath.settled(), []);
  });

  for (const [what, sent] of [["a handshake", http(`GET ${kPolling} HTTP/1.1`)], ["a request", get()]]) {
    test(`T03: ${what}, then FIN before the answer`, async () => {
      for (let i = 0; i < 20; ++i) {
        const raw = await Raw.connect(server);
        raw.socket.end(sent);
        const got = summary(await response(raw));
        assert(fits(got, [kOpen, kNotFound]), got);
        await raw.ended();
        assert.equal(raw.end, "FIN");
      }
      assert.deepEqual(told(await aftermath.settled()), []);
    });
  }

  test("T04: a WebSocket ends without a close frame", async () => {
    const socket = await joinedRaw(calm);
    socket.raw.finish();
    await socket.raw.ended();
    assert.equal(socket.raw.end, "FIN");
    assert.deepEqual(told(await calmAftermath.settled()), ["disconnect:transport close"]);
  });

  test("T05: FIN, a moment later RST", async () => {
    for (let i = 0; i < 20; ++i) {
      const socket = await joinedRaw(calm);
      await new Promise((resolve) => socket.raw.socket.end(resolve));
      await calmAftermath.until(({ clients }) => clients === 0);  // the FIN has been seen
      socket.raw.reset();
    }
    assert.deepEqual(told(await calmAftermath.settled()), Array(20).fill("disconnect:transport close"));
  });

  test("T06: part of a frame, then RST", async () => {
    const socket = await joinedRaw(calm);
    const before = await calmAftermath.held();
    await socket.send(frame(kText, `42["echo","${"a".repeat(200)}"]`).subarray(0, 60));
    await calmAftermath.until(({ held }) => held > before);
    socket.raw.reset();
    assert.deepEqual(told(await calmAftermath.settled()), ["disconnect:transport close"]);
  });

  test("T08: an event byte by byte, and cut anywhere", async () => {
    const sent = frame(kText, '42["echo","one byte at a time"]');
    const socket = await joinedRaw(calm);
    await socket.send(...pieces(sent, 1));
    assert.equal(await socket.next(), '42["echo","one byte at a time"]');
    for (let at = 1; at < sent.length; ++at) {
      await socket.send(sent.subarray(0, at), sent.subarray(at));
      assert.equal(await socket.next(), '42["echo","one byte at a time"]');
    }
    socket.close();
    await calmAftermath.settled();
  });

  test("T09: 300 connections at once, opened and closed", async () => {
    const all = await Promise.all(Array.from({ length: 300 }, () => Raw.connect(server)));
    for (const raw of all) raw.close();
    const raw = await Raw.connect(server);
    await raw.send(get("Connection: close"));
    await check(raw, ["404c nf 0"]);
    assert.deepEqual(await aftermath.settled(), []);
  });

  test("T10: more connections than allowed", async () => {
    const own = await lab({ max_connections: 20 });
    const client = await joinedRaw(own);
    const filling = await Promise.all(Array.from({ length: 18 }, () => Raw.connect(own)));
    // The last that may be, and 100 more, half of which ask at once.
    const last = await Raw.connect(own);
    await last.send(get());
    assert.equal(summary(await response(last)), "404");
    const extra = await Promise.all(Array.from({ length: 100 }, () => Raw.connect(own)));
    extra.forEach((raw, i) => { if (i % 2) raw.push(get()); });
    for (const raw of extra) {
      await raw.ended();
      assert.equal(raw.size, 0);
      raw.close();
    }
    await client.send(frame(kText, '420["echo",1]'));
    assert.equal(await client.next(), "430[1]");
    await last.send(get());
    assert.equal(summary(await response(last)), "404");
    // Room again for one.
    last.close();
    for (let next; next !== "404";) {
      const raw = await Raw.connect(own);
      raw.push(get());
      next = await response(raw).then(summary, () => null);
      raw.close();
    }
    for (const raw of [client, ...filling]) raw.close();
    await own.stop();
  });

  test("T16: RST before the server has accepted", async () => {
    for (let i = 0; i < 10; ++i) {
      await Promise.all(Array.from({ length: 50 }, async (_, k) => {
        const raw = await Raw.connect(server);
        if (k % 2) raw.push("GET");
        raw.reset();
      }));
    }
    assert.deepEqual(await aftermath.settled(), []);
  });

  test("W26: RST before, during and after a refusal (CVE-2022-41940)", async () => {
    for (let i = 0; i < 100; ++i) {
      const raw = await Raw.connect(server);
      raw.push(upgradeRequest(i % 2 ? "/elsewhere" : `${kSocketPath}&sid=unknown`));
      if (i % 3 === 1) await new Promise(setImmediate);
      if (i % 3 === 2) await response(raw);
      raw.reset();
    }
    await aftermath.settled();
  });

  test("T19: a new session does not know the old one", async () => {
    const first = await joinedRaw(calm);
    first.raw.reset();
    const second = await joinedRaw(calm);
    await second.send(frame(kText, '42["echo",1]'));
    assert.equal(await second.next(), '42["echo",1]');
    second.close();
    assert.equal(told(await calmAftermath.settled()).filter((entry) => entry.startsWith("disconnect")).length, 2);
  });
});
