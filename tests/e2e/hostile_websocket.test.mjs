// Hostile WebSocket handshakes (rows W) and frames (rows F) against the `probe` server. After every row the log shows
// the expected reason, no client is left and no byte is held. The first ping comes after 25 s, so that no heartbeat
// closes what a row should.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import { echo, filled, kBadVersion, kError, kFrames, kHandshakes, text } from "../hostile/websocket.mjs";
import {
  Aftermath, Raw, RawSocket, accepts, closing, frame, http, joinedRaw, kBinary, kClose, kKey, kPing, kSlack, kPong,
  kSocketPath, kText, pieces, response, told,
} from "./support/raw.mjs";

const kTimeout = { timeout: 120_000 };
let server;
let stubborn;  // peers that do not read, on a server of their own, since they take close_timeout
let aftermath;

before(async () => {
  // A connection that is not closed at once stays longer than anybody here waits.
  server = await conformance("probe", "--options", '{"close_timeout":100000}');
  stubborn = await startStubborn(await conformance("probe"));
  aftermath = new Aftermath(server);
  await aftermath.begin();
}, kTimeout);
after(async () => {
  await server?.stop();
  await stubborn?.server.stop();
}, kTimeout);

// --- W: handshakes ------------------------------------------------------------------------------------------------------------

describe("W: handshakes", () => {
  for (const [id, what, sent, wanted, log = []] of kHandshakes) {
    test(`${id} ${what}`, async () => {
      const raw = await Raw.connect(server);
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
        await socket.raw.ended();
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
    await socket.send(Buffer.concat([frame(kPing, "read"), frame(kBinary, "", { length: 1_000_000 })]));
    assert.equal(await socket.next(), `pong:${Buffer.from("read").toString("hex")}`);  // and so is what came with it
    assert(await aftermath.held() < 4096 + kSlack, "memory for what was only announced");
    await socket.send(filled(100_000));
    const { held } = await aftermath.until((state) => state.held >= 100_000);
    assert(held <= 300_000 + kSlack, `${held} bytes for 100,000`);
    socket.close();
    await aftermath.settled();
  });

  test("F45: pings of a peer that does not read are answered when it reads; little is held", async () => {
    const socket = await joinedRaw(server);
    socket.raw.socket.pause();
    socket.raw.push(Buffer.concat(Array(20_000).fill(frame(kPing, filled(125)))));
    // Each answer is of another turn, in which a part of the flood has been read; all of it would be 36.
    for (let turn = 0; turn < 50; ++turn) {
      const held = await aftermath.held();
      assert(held < 300_000 + kSlack, `${held} bytes`);
    }
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
  return state;
}

test("T11: peers that do not read: the queue is bounded, and nothing is held for long once they are closed", async () => {
  const log = told(await stubborn.aftermath.settled()).filter((entry) => entry !== "event:echo");
  assert.deepEqual(log.sort(), ["disconnect:transport close", `disconnect:${kError}`, `disconnect:${kError}`]);
  for (const socket of [stubborn.flooded, stubborn.wrong, stubborn.left]) socket.close();
});
