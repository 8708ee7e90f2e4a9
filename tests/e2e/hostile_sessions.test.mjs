// Hostile Engine.IO sessions against the `probe` server: payloads over long polling (rows P), packets over WebSocket
// and upgrades (rows U), and what Socket.IO holds for a peer (rows S and J that are about memory and time). After every
// row the log shows the expected reason, no client is left and no byte is held.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import { binary, kEcho, kError, kForced, kHole, kLeft, kPackets, kPosts, text } from "../hostile/engineio.mjs";
import { Aftermath, Raw, RawSocket, begunPost, frame, http, joinedRaw, parkedPoll, kClose, kPing, kSlack, kSocketPath, kText, response, told } from "./support/raw.mjs";
import { Frames, Polling, request, within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };
let server;
let aftermath;

before(async () => {
  server = await conformance("probe");
  aftermath = new Aftermath(server);
  await aftermath.begin();
}, kTimeout);
after(async () => { await server?.stop(); }, kTimeout);

const disconnects = async () => told(await aftermath.settled()).filter((entry) => entry !== "event:echo");

// --- P: long polling --------------------------------------------------------------------------------------------------------

async function joinedPolling() {
  const polling = await Polling.open(server);
  await polling.post("40");
  assert.match(await polling.next(), /^40\{/);
  return polling;
}

describe("P: payloads", () => {
  for (const [id, what, body, headers, [status, text], reason] of kPosts) {
    test(`${id} ${what}`, async () => {
      const polling = await joinedPolling();
      const answer = await polling.post(body, headers);
      assert.deepEqual([answer.status, answer.body], [status, text]);
      const lives = reason === null;
      if (lives) {
        await polling.post('42["echo","last"]');
        while ((await polling.next()) !== '42["echo","last"]') ;
        await polling.post("1");
        assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
      } else {
        if ([reason].flat().includes(kForced)) await polling.get();  // it may close with the next poll
        const [entry, ...others] = (await disconnects()).filter((one) => one !== "error:1");
        assert([reason].flat().some((one) => entry === `disconnect:${one}`), entry);
        assert.deepEqual(others, []);
        assert.equal((await polling.refused()).code, 1);
        assert.deepEqual(await disconnects(), ["error:1"]);
      }
    });
  }

  test("P29b: what stands before the bad packet is delivered, what follows is not", async () => {
    const polling = await joinedPolling();
    await polling.post(`42["echo",1]\x1e42["a"]\x1e9\x1e42["b"]`);
    const log = told(await aftermath.settled());
    assert.deepEqual(log.sort(), ["disconnect:parse error", "event:a", "event:echo"]);
  });

  test("P19: a second poll", async () => {
    const polling = await joinedPolling();
    const answers = await Promise.all([polling.get(), polling.get()]);
    assert.deepEqual(answers.map(({ status, body }) => `${status} ${body}`).sort(), ["200 1", "400 "]);
    assert.deepEqual(await disconnects(), [`disconnect:${kError}`]);
  });

  test("P20: a second POST", async () => {
    const polling = await joinedPolling();
    const first = await begunPost(server, polling);
    await first.send("42");
    assert.equal((await polling.post("3")).status, 400);
    await first.ended();
    assert.deepEqual(await disconnects(), [`disconnect:${kError}`]);
    first.close();
  });

  for (const [id, what, rst] of [["P40", "FIN", false], ["P40b", "RST", true]]) {
    test(`${id} ${what} inside a body`, async () => {
      const polling = await joinedPolling();
      const raw = await begunPost(server, polling);
      await raw.send(kEcho);
      rst ? raw.reset() : raw.finish();
      assert.deepEqual(await disconnects(), [`disconnect:${kError}`]);
      assert.equal((await polling.refused()).code, 1);
      assert.deepEqual(await disconnects(), ["error:1"]);
      raw.close();
    });
    test(`P41 ${what} while polling`, async () => {
      const polling = await joinedPolling();
      const raw = await parkedPoll(server, polling);
      rst ? raw.reset() : raw.finish();
      assert.deepEqual(await disconnects(), [`disconnect:${kError}`]);
      raw.close();
    });
  }

  test("P41b: FIN behind a poll whose answer is ready", async () => {
    const polling = await joinedPolling();
    await polling.post(kEcho);
    const raw = await Raw.connect(server);
    raw.socket.end(http(`GET ${polling.url.slice(server.url.length)} HTTP/1.1`));
    const answer = await response(raw);
    assert.deepEqual([answer.status, answer.body], [200, kEcho]);
    await polling.post("1");
    assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
    raw.close();
  });

  test("P42: 3,000 chunks of a byte", async () => {
    const polling = await joinedPolling();
    const body = `42["echo","${"a".repeat(3000 - '42["echo",""]'.length)}"]`;
    const raw = await Raw.connect(server);
    await raw.send(http(`POST ${polling.url.slice(server.url.length)} HTTP/1.1`, ["Transfer-Encoding: chunked"], `${[...body].map((c) => `1\r\n${c}\r\n`).join("")}0\r\n\r\n`));
    assert.equal((await response(raw)).body, "ok");
    assert.equal(await polling.next(), body);
    await polling.post("1");
    raw.close();
    assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
  });

  test("P43: PUT keeps the session", async () => {
    const polling = await joinedPolling();
    assert([405, 500].includes((await request(polling.url, { method: "PUT", body: "x" })).status));
    await polling.post(kEcho);
    assert.equal(await polling.next(), kEcho);
    await polling.post("1");
    await aftermath.settled();
  });

  test("P14 to P17: ids that nobody has", async () => {
    for (const sid of ["__proto__", "constructor", "%00", "a".repeat(64), "a".repeat(65), "a".repeat(7000), "..%2f..%2f", "%zz", "\u00e9"]) {
      const answer = await request(`${server.url}/socket.io/?EIO=4&transport=polling&sid=${encodeURI(sid).replaceAll("%25", "%")}`);
      assert.equal(answer.status, 400, sid);
    }
    await aftermath.settled();
  });

  test("P54: ids of sessions do not resemble each other", async () => {
    const sessions = await Promise.all(Array.from({ length: 200 }, () => Polling.open(server)));
    const sids = sessions.map(({ sid }) => sid);
    assert.equal(new Set(sids).size, 200);
    for (let at = 0; at < 20; ++at) assert(new Set(sids.map((sid) => sid[at])).size > 30 || at === 19, `position ${at} hardly varies`);
    await Promise.all(sessions.map((polling) => polling.post("1")));
    await aftermath.settled();
  });
});

// --- U: packets over WebSocket, and upgrades ------------------------------------------------------------------------------------

describe("U: packets", () => {
  for (const [id, what, sent, joined, reason] of kPackets) {
    test(`${id} ${what}`, kTimeout, async () => {
      const socket = joined ? await joinedRaw(server) : await RawSocket.open(server);
      if (!joined) assert.match(await socket.next(), /^0\{/);
      const sending = socket.send(...sent);
      if (reason !== null) {
        let got;
        do got = await within(socket.next(), "a close frame"); while (!got.startsWith("close:") && Array.isArray(reason) && !reason.includes(null));
        if (got.startsWith("close:")) {
          await socket.send(frame(kClose));
          await socket.raw.ended();
          socket.close();
          const log = await disconnects();
          assert.equal(log.length, joined ? 1 : 0, log);
          if (joined) assert([reason].flat().some((one) => log[0] === `disconnect:${one}`), log);
          return;
        }
        assert([reason].flat().includes(null), `${got.slice(0, 100)} instead of a close`);
      }
      await sending;
      await socket.send(frame(kPing, "x"));
      let got;
      do got = await socket.next(); while (got !== "pong:78");
      socket.close();
      assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
    });
  }
});

describe("U: upgrades", () => {
  const upgradePath = (polling) => `${kSocketPath}&sid=${polling.sid}`;
  // What a WebSocket does instead of upgrading; the session must go on over polling.
  const kFaults = [
    ["U18", "data before the probe", text("4data")],
    ["U19", "another ping", text("2wrong")],
    ["U19c", "a binary frame", binary("abc")],
    ["F01", "an unmasked frame", frame(kText, "2probe", { key: null })],
    ["F42", "a frame that is too long", frame(kText, "", { length: 1_000_001 })],
    ["F30", "a close frame", frame(kClose)],
  ];
  for (const [id, what, sent] of kFaults) {
    test(`${id} ${what}: polling goes on`, async () => {
      const polling = await joinedPolling();
      const socket = await RawSocket.open(server, upgradePath(polling), { pong: false });
      await socket.send(sent);
      assert.match(await socket.next(), /^close:/);
      await socket.send(frame(kClose));
      await socket.raw.ended();
      await polling.post(kEcho);
      assert.equal(await polling.next(), kEcho);
      await polling.post("1");
      socket.close();
      assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
    });
  }

  test("U25: RST in the probe, at every step", async () => {
    for (let i = 0; i < 20; ++i) {
      const polling = await joinedPolling();
      const socket = await RawSocket.open(server, upgradePath(polling), { pong: false });
      if (i % 2) await socket.send(text("2probe"));
      if (i % 4 === 3) assert.equal(await socket.next(), "3probe");
      socket.raw.reset();
      await polling.post(kEcho);
      assert.equal(await polling.next(), kEcho);
      await polling.post("1");
    }
    assert.deepEqual(await disconnects(), Array(20).fill(`disconnect:${kLeft}`));
  });

  test("U24b: RST right behind the upgrade packet", async () => {
    for (let i = 0; i < 20; ++i) {
      const polling = await joinedPolling();
      const socket = await RawSocket.open(server, upgradePath(polling), { pong: false });
      await socket.send(text("2probe"));
      assert.equal(await socket.next(), "3probe");
      await socket.send(text("5"));
      if (i % 2) {  // it has upgraded
        await socket.send(text(kEcho));
        assert.equal(await socket.next(), kEcho);
      }
      socket.raw.reset();
      await polling.post("1");  // ends it if the reset came before the packet; an upgraded session ends, or has ended, either way
    }
    await aftermath.settled();
  });
});

// --- what is held for a peer ------------------------------------------------------------------------------------------------------

describe("memory", () => {
  test("S72: nine of ten attachments are held, not more, and given back", async () => {
    const socket = await joinedRaw(server);
    const holes = Array.from({ length: 10 }, (_, i) => `{"_placeholder":true,"num":${i}}`);
    await socket.send(text(`4510-["echo",${holes}]`));
    for (let i = 0; i < 9; ++i) await socket.send(binary(Buffer.alloc(999_000)));
    await socket.send(frame(kPing, "x"));
    assert.equal(await socket.next(), "pong:78");
    const held = await aftermath.held();
    assert(held >= 9 * 999_000 && held <= 11_000_000 + kSlack, `${held} bytes for 9 MB`);
    socket.close();
    assert.deepEqual(await disconnects(), [`disconnect:${kLeft}`]);
  });

  test("S72b: a hundred peers, each with an attachment outstanding", async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => joinedRaw(server)));
    for (const socket of sockets) await socket.send(text(`452-["echo",${kHole}]`), binary(Buffer.alloc(10_000)));
    for (const socket of sockets) socket.close();
    assert.equal((await disconnects()).length, 100);
  });

  test("S75: joining and leaving a namespace 5,000 times leaves nothing behind", async () => {
    const socket = await joinedRaw(server);
    const block = Buffer.concat(Array(100).fill(Buffer.concat([text("40/dyn-5,"), text('42/dyn-5,["echo"]'), text("41/dyn-5,")])));
    for (let i = 0; i < 50; ++i) {
      await socket.send(block);
      for (let k = 0; k < 200; ++k) await socket.next();
      if (i % 10 === 9) assert(await aftermath.held() < 50_000 + kSlack);
    }
    socket.close();
    await aftermath.settled();
  });

  test("S76: a flood from one client leaves the others their turn", async () => {
    const flooder = await joinedRaw(server);
    const other = await joinedRaw(server);
    const block = Buffer.concat(Array(1000).fill(text('42["flood"]')));
    for (let i = 0; i < 100; ++i) flooder.raw.push(block);
    for (let i = 0; i < 20; ++i) {
      await other.send(text(kEcho));
      assert.equal(await other.next(), kEcho);
    }
    flooder.close();
    other.close();
    await aftermath.settled();
  });

  test("1,000 random clients of all kinds leave nothing behind", async () => {
    const kinds = [
      async () => (await joinedRaw(server)).close(),
      async () => (await joinedRaw(server)).raw.reset(),
      async () => (await joinedPolling()).post("1"),
      async () => { const polling = await joinedPolling(); const frames = new Frames(polling.upgradeUrl); await frames.opened; frames.close(); await polling.post("1"); },
      async () => { const raw = await Raw.connect(server); await raw.send("GET"); raw.close(); },
    ];
    for (let i = 0; i < 20; ++i) await Promise.all(Array.from({ length: 50 }, (_, k) => kinds[(i + k) % kinds.length]()));
    await aftermath.settled();
  });
});
