// Rows that are many inputs each. Drawn from a fixed seed: flipped bits of valid sessions (F52), values that JavaScript and the
// server must write alike (J28), and what clients may leave in the metrics (A01, A12). All there are: transfer codings in
// disguise (H80).
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { Runner } from "../hostile/runner.mjs";
import { kSmugglerRest } from "../hostile/smuggling.mjs";
import { requests } from "../hostile/ways.mjs";
import { lab } from "./support/lab.mjs";
import { parse } from "./support/prometheus.mjs";
import { Raw, bytes, frame, http, joinedRaw, kBinary, kText, upgradeRequest } from "./support/raw.mjs";
import { conformance } from "./support/server.mjs";
import { closeClients, connected, kTimeout } from "./support/suites.mjs";
import { until } from "./support/wire.mjs";

let server;
let runner;

before(async () => {
  server = await conformance("probe");
  runner = new Runner(server, await connected(server, ["websocket"]));
  await runner.begin();
}, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
}, kTimeout);

/** Numbers from 0 to n-1, always the same ones. */
function generator(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const kHole = '{"_placeholder":true,"num":0}';
const kValid = [
  Buffer.concat([bytes(upgradeRequest()), frame(kText, "40"), frame(kText, `451-["echo",${kHole}]`), frame(kBinary, "abc"), frame(kText, '420["echo",{"a":[1.5]}]')]),
  bytes(http("GET /socket.io/?EIO=4&transport=polling HTTP/1.1") + http("POST / HTTP/1.1", ["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n")),
];

test("F52: flipped bits of valid sessions", kTimeout, async (t) => {
  const own = await conformance("probe");  // where sessions that began with polling stay until their ping timeout
  t.after(() => own.stop());
  const bystander = await connected(own, ["websocket"]);
  const random = generator(52);
  const play = async (data) => {
    const raw = await Raw.connect(own);
    await raw.send(data);
    if (random(2)) raw.close();
    else raw.reset();
  };
  for (let round = 0; round < 50; ++round) {
    await Promise.all(Array.from({ length: 20 }, () => {
      const data = Buffer.from(kValid[random(kValid.length)]);
      for (let i = random(3); i >= 0; --i) data[random(data.length)] ^= 1 << random(8);
      return play(data);
    }));
  }
  for (let i = 0; i < 10; ++i) assert.equal(await bystander.emitWithAck("echo", i), i);
});

/** A value as JSON can say it. Integers beyond 2^53 are left out: the server keeps them exactly, JavaScript does not. */
function value(random, depth = 0) {
  const text = () => Array.from({ length: random(12) }, () => String.fromCodePoint([random(128), 0xa0 + random(0x500), 0x4e00 + random(500), 0x1f300 + random(200)][random(4)])).join("");
  switch (random(depth < 5 ? 8 : 6)) {
    case 0: return null;
    case 1: return random(2) === 1;
    case 2: return random(2 ** 31) - 2 ** 30;
    case 3: return (random(2 ** 31) - 2 ** 30) / 2 ** random(60);
    case 4: return Number(`${random(2) ? "-" : ""}${1 + random(9)}.${random(2 ** 30)}e${random(600) - 300}`);
    case 5: return text();
    case 6: return Array.from({ length: random(6) }, () => value(random, depth + 1));
    default: return Object.fromEntries(Array.from({ length: random(6) }, () => [`k${text()}`, value(random, depth + 1)]));
  }
}

test("J28: 2,000 random values come back as JavaScript reads them", kTimeout, async () => {
  const random = generator(28);
  const socket = await joinedRaw(server);
  for (let block = 0; block < 20; ++block) {
    const sent = Array.from({ length: 100 }, () => JSON.stringify(["echo", value(random)]));
    await socket.send(Buffer.concat(sent.map((json) => frame(kText, `42${json}`))));
    for (const json of sent) assert.deepEqual(JSON.parse((await socket.next()).slice(2)), JSON.parse(json));
  }
  socket.close();
});

test("H80: 1,634 more transfer codings in disguise", kTimeout, async () => {
  const left = requests(kSmugglerRest);
  assert.equal(left.length, 1_634);
  const wrong = [];
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (let row = left.pop(); row; row = left.pop()) {
      try {
        row.check(await row.play(server, [row.sent]));
      } catch (error) {
        wrong.push(`${row.id} ${row.what}: ${error.message}`);
      }
    }
  }));
  assert.deepEqual(wrong, []);
  await runner.calm();
});

test("A01, A12: nothing that clients choose becomes a series of the metrics", kTimeout, async (t) => {
  const own = await lab({}, t);
  const series = async () => {
    const text = await (await fetch(`${own.url}/metrics`)).text();
    return [parse(text) && text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => line.replace(/ [^ ]+$/, "")).sort(), text];
  };
  const [before] = await series();
  const sockets = await Promise.all(Array.from({ length: 30 }, () => connected(own, ["websocket"])));
  for (const [i, socket] of sockets.entries()) {
    await socket.emitWithAck("join", `evil_room"} ${i}\n`);
    socket.emit(`evil_event"\n{} ${i}`, i);
    assert.deepEqual(await socket.emitWithAck("echo", i), i);
  }
  await until(series, ([now, text]) => {  // the text may be a second old
    assert.deepEqual(now, before);
    assert(!text.includes("evil"));
    return /^socketio_sockets\S* 30$/m.test(text);
  }, "a text with all sockets");
});
