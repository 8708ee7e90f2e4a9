// Engine.IO v4 over raw HTTP and WebSocket, second part: the rules of long polling, closing, and the upgrade. What
// engineio.test.mjs says about pings holds here too.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { lab } from "./support/lab.mjs";
import { kTimeout, protocolServers } from "./support/suites.mjs";
import { begunPost, parkedPoll, response } from "./support/raw.mjs";
import { Frames, Polling, idOf, joined, kEnginePath as kPath, pollingUrl, request, until, within } from "./support/wire.mjs";

let eio;
let probe;
let fast;
let log;

protocolServers("eio4", (...servers) => { [eio, probe, fast, log] = servers; });

describe("long polling rules", () => {
  /** A session joined to `/` as `id` on the probe server. */
  async function session() {
    const polling = await Polling.open(probe);
    await polling.post("40");
    polling.id = idOf(await polling.next());
    return polling;
  }

  // covers P4: closes the session upon duplicate poll requests
  test("P19: a second poll closes the session", async () => {
    const polling = await session();
    const [first, second] = await Promise.all([polling.get(), polling.get()]);
    assert.deepEqual([first, second].map(({ status, body }) => [status, body]).sort(), [[200, "1"], [400, ""]]);
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
    assert.deepEqual(await polling.refused(), { status: 400, code: 1 });
  });

  test("P20: a second POST while one is in progress closes the session", async () => {
    const polling = await session();
    const first = await begunPost(probe, polling);
    await first.send("42");
    const second = await polling.post("3").catch(() => ({ status: 400, body: "" }));
    assert.equal(second.status, 400);
    assert.equal(second.body, "");
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
    assert.equal((await polling.refused()).code, 1);
    await first.ended();
    first.close();
  });

  const kMalformed = [
    ["P21: an empty body", ""],
    ["P22: type 9", "9"],
    ["P23: abc", "abc"],
    ["P24: bytes that are no text", Buffer.from([0, 1, 255])],
    ["P27: separators only", "\x1e\x1e\x1e"],
  ];
  // covers P4: message › HTTP long-polling › closes the session upon invalid packet format
  for (const [what, body] of kMalformed) {
    // covers eio/server: close › should close transport upon parse error (polling)
    test(`${what} closes the session with a parse error`, async () => {
      const polling = await session();
      await polling.post(body).then(({ status }) => assert([200, 400].includes(status)), () => {});
      assert.equal((await log.disconnect(polling.id)).disconnect, "parse error");
      assert.deepEqual(await polling.refused(), { status: 400, code: 1 });
    });
  }

  // covers eio/server: close › should abort the polling data request if the content type is invalid
  test("P25: octet-stream is refused at once", async () => {
    const polling = await session();
    const { status, body } = await polling.post(Buffer.from([1, 2, 3]), { "content-type": "application/octet-stream" });
    assert.equal(status, 400);
    assert.equal(body, "");
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
    assert.equal((await polling.refused()).code, 1);
  });

  test("P26: a body of 1,000,000 bytes passes; one more is answered 413 and the session lives", async () => {
    const polling = await session();
    const frame = '42["echo",""]';
    const fill = (size) => `42["echo","${"x".repeat(size - frame.length)}"]`;
    assert.equal((await polling.post(fill(1_000_000))).status, 200);
    assert.equal((await polling.next()).length, 1_000_000);
    const refused = await polling.post(fill(1_000_001)).catch((error) => error);
    if (!(refused instanceof Error)) {
      assert.equal(refused.status, 413);
      assert.equal(refused.body, "");
    }
    await polling.post('42["echo","alive"]');
    assert.equal(await polling.next(), '42["echo","alive"]');
  });

  test("P26b: a chunked body without a length is cut at the limit too", async () => {
    const polling = await session();
    const outcome = await request(polling.url, {
      method: "POST",
      sent: (req) => { for (let i = 0; i < 11; ++i) req.write("x".repeat(100_000)); req.end(); },
    }).catch((error) => error);
    if (!(outcome instanceof Error)) assert.equal(outcome.status, 413);
    await polling.post('42["echo","alive"]');
    assert.equal(await polling.next(), '42["echo","alive"]');
  });

  test("P29: what stands before the bad packet is delivered, what follows is not", async () => {
    const polling = await session();
    await polling.post('42["first"]\x1e9\x1e42["third"]').catch(() => {});
    assert.equal((await log.disconnect(polling.id)).disconnect, "parse error");
    await log.until((entry) => entry.event === "first", "the first event");
    assert(!log.entries.some((entry) => entry.event === "third"));
  });

  test("P30: an attachment nobody announced", async () => {
    const polling = await session();
    await polling.post("bAQID");
    polling.get().catch(() => {});
    assert.match((await log.disconnect(polling.id)).disconnect, /^forced (server )?close$/);
  });

  test("P33: a close packet ends the pending poll and the session", async () => {
    const polling = await session();
    const pending = await parkedPoll(probe, polling);
    assert.equal((await polling.post("1")).body, "ok");
    const { status, body } = await response(pending);
    assert.deepEqual([status, body], [200, "6"]);
    pending.close();
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport close");
    assert.deepEqual(await polling.refused(), { status: 400, code: 1 });
  });

  test("P34: a ping from the client closes the session", async () => {
    const polling = await session();
    await polling.post("2").catch(() => {});
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
  });

  for (const [id, packet] of [["P35", "3"], ["P36", "5"], ["P37", "6"], ["P38", '0{"sid":"x"}']]) {
    test(`${id}: packet ${packet[0]} is ignored`, async () => {
      const polling = await session();
      assert.equal((await polling.post(packet)).body, "ok");
      await polling.post('42["echo",1]');
      assert.equal(await polling.next(), '42["echo",1]');
    });
  }

  test("P40: a POST that breaks off closes the session", async () => {
    const polling = await session();
    await request(polling.url, {
      method: "POST",
      headers: { "content-length": 100 },
      sent: (req) => req.write("42", () => req.destroy()),
    }).catch(() => {});
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
    assert.equal((await polling.refused()).code, 1);
  });

  // covers P4: closes the session upon cancelled polling request
  // covers eio/server: close › should trigger if a poll request is ongoing and the underlying
  test("P41: a poll that is given up closes the session", async () => {
    const polling = await session();
    await request(polling.url, { sent: (req) => req.end(() => req.destroy()) }).catch(() => {});
    assert.equal((await log.disconnect(polling.id)).disconnect, "transport error");
    assert.equal((await polling.refused()).code, 1);
  });

  test("P43: another method with a sid changes nothing", async () => {
    const polling = await session();
    const { status } = await request(polling.url, { method: "PUT", body: "4x" });
    assert([405, 500].includes(status), String(status));
    await polling.post('42["echo",1]');
    assert.equal(await polling.next(), '42["echo",1]');
  });

  test("P50: a foreign Origin is served, without CORS headers", async () => {
    const { status, headers } = await request(pollingUrl(probe), { headers: { origin: "http://elsewhere.example" } });
    assert.equal(status, 200);
    assert.equal(headers["access-control-allow-origin"], undefined);
  });

  // covers eio/server: close › should trigger on server even when there is no outstanding polling request (GH-198)
  test("P51: sessions that never poll again come to an end", async () => {
    const count = async () => JSON.parse((await request(`${fast.url}/__log`)).body).clients;
    for (let i = 0; i < 6; ++i) await Promise.all(Array.from({ length: 50 }, () => Polling.open(fast)));
    await until(count, (left) => left === 0, "the end of the sessions");
  });
});

describe("close", () => {
  // covers P4: close › HTTP long-polling › forcefully closes the session
  // covers S5: close › HTTP long-polling › should forcefully close the session
  test("long polling: POST 1 answers the pending poll", async () => {
    const session = await Polling.open(probe);
    const pending = await parkedPoll(probe, session);
    assert.equal((await session.post("1")).body, "ok");
    const { status, body } = await response(pending);
    assert.deepEqual([status, body], [200, "6"]);
    pending.close();
    assert.equal((await session.refused()).status, 400);
  });

  // covers P4: close › WebSocket › forcefully closes the session
  // covers S5: close › WebSocket › should forcefully close the session
  test("WebSocket: a clean close is answered and ends the session", async () => {
    const frames = await joined(probe);
    frames.socket.close(1000);
    assert.equal((await frames.gone()).code, 1000);
    assert.equal((await log.disconnect(frames.id)).disconnect, "transport close");
  });
});

describe("upgrade", () => {
  /** The echo of an event proves that polling is in use and works. */
  async function pollingWorks(polling, word = "on polling") {
    assert.equal((await polling.post(`4${word}`)).status, 200);
    assert.equal(await polling.next(), `4${word}`);
  }

  async function probing(polling) {
    const frames = new Frames(polling.upgradeUrl, { pong: true });
    await within(frames.opened, "the upgrade request");
    frames.send("2probe");
    assert.equal(await frames.next(), "3probe");
    return frames;
  }

  async function upgraded() {
    const polling = await Polling.open(eio, kPath);
    const frames = await probing(polling);
    frames.send("5");
    frames.send("4upgraded");
    assert.equal(await frames.next(), "4upgraded");
    return { polling, frames };
  }

  // covers P4: successfully upgrades from HTTP long-polling to WebSocket
  // covers S5: should successfully upgrade from HTTP long-polling to WebSocket
  test("U16: from long polling to WebSocket", async () => {
    const polling = await Polling.open(eio, kPath);
    const pending = await parkedPoll(eio, polling);
    const frames = await probing(polling);
    const { status, body } = await response(pending);
    pending.close();
    assert.equal(status, 200);
    assert(body === "6" || body === "2", body);  // a ping may have been quicker
    if (body === "2") await polling.post("3");
    frames.send("5");
    frames.send("4hello");
    assert.equal(await frames.next(), "4hello");
    frames.send(Buffer.from([1, 2, 3]));
    assert.deepEqual(await frames.next(), Buffer.from([1, 2, 3]));
    frames.close();
  });

  // covers P4: ignores HTTP requests with same sid after upgrade
  // covers P4: ignores WebSocket connection with same sid after upgrade
  // covers S5: should ignore HTTP requests with same sid after upgrade
  // covers S5: should ignore WebSocket connection with same sid after upgrade
  test("U24, P53: after the upgrade polling is refused, a second WebSocket is closed, the first works", async () => {
    const { polling, frames } = await upgraded();
    assert.deepEqual(await polling.refused(), { status: 400, code: 3 });
    const post = await polling.post("4x");
    assert.equal(post.status, 400);
    assert.equal(JSON.parse(post.body).code, 3);
    const second = new Frames(polling.upgradeUrl);
    second.opened.then(() => second.send("2probe"), () => {});
    await second.gone();
    assert.deepEqual(second.unread, []);
    frames.send("4first still works");
    assert.equal(await frames.next(), "4first still works");
    frames.close();
  });

  test("U17: an upgrade without a probe does not upgrade", async () => {
    const polling = await Polling.open(eio, kPath);
    const frames = new Frames(polling.upgradeUrl);
    await within(frames.opened, "the upgrade request");
    frames.send("5");
    frames.send("4through the back door");
    await pollingWorks(polling);
    assert.deepEqual(frames.unread, []);
    frames.close();
  });

  for (const [id, packet] of [["U18: data", "4data"], ["U19: another ping", "2wrong"], ["U19b: garbage", "xyz"], ["U19c: a binary frame", Buffer.from([1])]]) {
    test(`${id} instead of the probe closes the WebSocket and keeps polling`, async () => {
      const polling = await Polling.open(eio, kPath);
      const frames = new Frames(polling.upgradeUrl);
      await within(frames.opened, "the upgrade request");
      frames.send(packet);
      await frames.gone();
      assert.deepEqual(frames.unread, []);
      await pollingWorks(polling);
    });
  }

  test("U20: a probe answers the pending poll with a noop, and polling goes on", async () => {
    const polling = await Polling.open(probe);
    const pending = await parkedPoll(probe, polling);
    const frames = await probing(polling);
    assert.equal((await response(pending)).body, "6");
    pending.close();
    frames.close();
    await frames.gone();
    assert.equal((await polling.post("40")).body, "ok");
    let packet;
    do packet = await polling.next(); while (packet === "6");
    assert.match(packet, /^40\{/);
  });

  let busy;  // pings often, and waits long for the answer
  before(async () => { busy = await lab({ ping_interval: 100, ping_timeout: 100_000, upgrade_timeout: 500 }); }, kTimeout);
  after(() => busy?.stop(), kTimeout);

  for (const [id, first] of [["U21: a silent WebSocket", null], ["U22: one silent after its probe", "2probe"]]) {
    // covers eio/server: close › should close upgrading transport upon upgrade timeout
    test(`${id} is closed at the upgrade timeout; polling is kept`, async () => {
      const polling = await Polling.open(busy);
      await polling.post("40");
      assert.match(await polling.next(), /^40\{/);
      const frames = new Frames(polling.upgradeUrl);
      await within(frames.opened, "the upgrade request");
      if (first) {
        frames.send(first);
        assert.equal(await frames.next(), "3probe");
      }
      let over = false;
      frames.closed.then(() => { over = true; });
      const heard = [];
      const listen = (async () => {  // answers the pings over polling meanwhile
        while (!over) {
          const { body } = await polling.get();
          for (const packet of body.split("\x1e")) {
            if (packet === "2") await polling.post("3");
            else if (packet !== "6") heard.push(packet);
          }
        }
      })();
      await frames.gone();
      await listen;
      assert.deepEqual(heard, []);
      await polling.post('42["echo","kept"]');
      let packet;
      do packet = await polling.next(); while (packet === "6");
      assert.equal(packet, '42["echo","kept"]');
    });
  }

  test("U23: a second WebSocket while one upgrades is closed, the first is kept", async () => {
    const polling = await Polling.open(eio, kPath);
    const first = await probing(polling);
    const second = new Frames(polling.upgradeUrl);
    second.opened.then(() => second.send("2probe"), () => {});
    await second.gone();
    assert.deepEqual(second.unread, []);
    first.send("5");
    first.send("4mine");
    assert.equal(await first.next(), "4mine");
    first.close();
  });

  // covers eio/server: close › should abort upgrade if socket is closed (GH-35)
  test("U25: a WebSocket that dies in its probe costs nothing", async () => {
    const polling = await Polling.open(probe);
    await polling.post("40");
    await polling.next();
    const frames = await probing(polling);
    await polling.post('42["echo",1]');
    frames.close();
    await polling.post('42["echo",2]');
    const heard = [];
    while (heard.length < 2) {
      const packet = await polling.next();
      if (packet !== "6") heard.push(packet);
    }
    assert.deepEqual(heard, ['42["echo",1]', '42["echo",2]']);
  });

  test("U26: the upgrade must speak the same version", async () => {
    const polling = await Polling.open(eio, kPath);
    const frames = new Frames(polling.upgradeUrl.replace("EIO=4", "EIO=3"));
    const { status, body } = await frames.gone();
    assert.equal(status, 400);
    assert.equal(body, "Bad request");
    await pollingWorks(polling);
  });

  test("U27: nothing is lost, doubled or reordered when messages are sent across an upgrade", async () => {
    for (let round = 0; round < 10; ++round) {
      const polling = await Polling.open(eio, kPath);
      await polling.post(Array.from({ length: 20 }, (_, i) => `4${i}`).join("\x1e"));
      const heard = [];
      const frames = await probing(polling);
      await polling.post(Array.from({ length: 20 }, (_, i) => `4${20 + i}`).join("\x1e"));
      const { body } = await polling.get();
      heard.push(...body.split("\x1e"));
      frames.send("5");
      for (let i = 40; i < 60; ++i) frames.send(`4${i}`);
      const messages = () => heard.filter((packet) => packet[0] === "4");
      while (messages().length < 60) heard.push(await frames.next());
      assert.deepEqual(messages(), Array.from({ length: 60 }, (_, i) => `4${i}`));
      frames.close();
    }
  });
});
