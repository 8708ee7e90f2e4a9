// Bugs that others had, one test per advisory, named after it: what was sent there is sent here. What is a row of the hostile
// tables is taken from them (tests/hostile); the rest is played below. Advisories about clients are for our own client's tests.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { requests } from "../hostile/ways.mjs";
import { get, k400, kNotFound, post } from "../hostile/http.mjs";
import { Runner } from "../hostile/runner.mjs";
import parser from "socket.io-msgpack-parser";
import { kMessages, kTables, rowsOf } from "../hostile/tables.mjs";
import { lab } from "./support/lab.mjs";
import { Raw, RawSocket, deflated, frame, http, joinedRaw, kBinary, kPing, kSocketPath, kText, response, summary, upgradeRequest } from "./support/raw.mjs";
import { conformance } from "./support/server.mjs";
import { closeClients, connected, kTimeout } from "./support/suites.mjs";
import { Polling, request } from "./support/wire.mjs";

let server;
let runner;
let packedServer;
let packed;

before(async () => {
  server = await conformance("probe");
  runner = new Runner(server, await connected(server, ["websocket"]));
  await runner.begin();
  packedServer = await lab({ parser: "message_pack" });
  packed = new Runner(packedServer, await connected(packedServer, ["websocket"], { parser }));
  await packed.begin();
}, kTimeout);
after(async () => {
  closeClients();
  await server?.stop();
  await packedServer?.stop();
}, kTimeout);

async function holds(rows) {
  runner.failed = [];
  await runner.run(rows, { cut: false });
  assert.deepEqual(runner.failed, []);
}

/** Whatever the play did: nothing is held, and others are served. */
const unharmed = () => runner.calm();

// --- advisories that are rows of the tables ----------------------------------------------------------------------------

const kKnown = {
  "CVE-2024-38355 (socket.io): an event named error, and other odd names, without a listener": ["S19", "S20", "S21", "S12"],
  "CVE-2020-36048 (engine.io): a POST of very many packets, or of more than is allowed": ["P26", "P28", "P28b", "P42b"],
  "CVE-2026-59725, GHSA-r635-g3xr-vw7x (engine.io): a POST of octet-stream is answered": ["P25"],
  "CVE-2020-36049 (socket.io-parser): a huge count of attachments": ["S51", "S52", "J27"],
  "CVE-2022-2421 (socket.io-parser): a placeholder that leads nowhere": ["S43", "S44", "S45", "S46", "S47"],
  "CVE-2023-32695, CVE-2023-30591 (socket.io-parser, NodeBB): an event name that is no string": ["S05", "S06", "S07", "S08", "S09", "S10", "S11", "S13", "S14", "S15", "S16", "S17", "S18", "S61"],
  "socket.io 4.8.4: a loose path of the client's files": ["H71", "H71b", "H75", "H75b"],
  "CVE-2026-33151 (socket.io-parser): attachments without limit": ["S51", "S51b", "S52"],
  "CVE-2026-69185 (socket.io-parser): a binary event without attachments, then attachments": ["S49", "S50", "S53"],
  "CVE-2026-48804 (python-socketio): attachments before CONNECT": ["S70", "S71", "U10"],
  "CVE-2016-10542 (ws): a message without a limit": ["F22", "F23", "F24", "F27", "F42", "F47"],
  "GHSA-5v72-xg48-5rpm (ws): an extension named constructor": ["W20"],
  "CVE-2021-32640 (ws): a long Sec-WebSocket-Protocol": ["W16"],
  "CVE-2020-7662, CVE-2020-7663 (websocket-extensions): a long Sec-WebSocket-Extensions": ["W21", "W34", "W35"],
  "CVE-2024-37890 (ws): more headers than the server takes": ["H31", "H31b", "H31c"],
  "CVE-2026-48779 (ws): tiny and empty fragments": ["F43", "F44"],
  "ws 8.22, 8.23: offers of permessage-deflate with wrong parameters": ["W18", "W19", "W20", "W21", "W22"],
  "GHSA-mfx4-hv73-q22v (aiohttp): a body behind an upgrade request": ["W27", "W32", "H76"],
  "CVE-2020-36406, #1092, #1497 and later fixes (uWebSockets): lengths and names that are told apart": ["H10", "H26", "H36", "H39", "H50", "H51", "H52", "H53", "H54", "H55", "H56", "H57"],
  "websocketpp 0.7.0: short and crafted heads": ["H04", "H25", "H26", "H27", "H62"],
  "EP-01-007 (Envoy, Cure53 2018): recursion without a limit": ["J01"],
  "CVE-2026-12151 (undici): empty continuation frames without end": ["F44"],
  "CVE-2023-31125 (engine.io): a transport that is none": ["P03.0", "P03.1", "P03.2", "P03.3", "P03.4"],
  "CVE-2021-22959 (llhttp): a blank before the colon": ["H22", "H48"],
  "CVE-2021-22960 (llhttp): a chunk extension": ["H58", "H59"],
  "CVE-2022-32213 (llhttp): a transfer coding that is not quite chunked": ["H43", "H44", "H45", "H46", "H47"],
  "CVE-2022-32214 (llhttp): lines not ended by CRLF": ["H16", "H17"],
  "CVE-2022-32215 (llhttp): a folded transfer coding": ["H24", "H80.109"],
  "CVE-2023-30589 (llhttp): bare CR ends a header": ["H17", "H17b", "H20"],
  "CVE-2024-22019 (Node.js): an endless chunk extension": ["H58"],
  "CVE-2024-27982 (Node.js): a blank before Content-Length": ["H23"],
  "CVE-2025-23167 (Node.js): CR X ends the head": ["H18"],
  "CVE-2026-34525 (aiohttp): two Host headers": ["H10"],
  "CVE-2023-47627 (aiohttp): numbers as Python reads them": ["H33", "H50", "H51", "H52", "H79.33"],
  "llhttp 9.4.2: a TAB behind Connection: close": ["H63b"],
  "gpac #3860: a length of 2^64-1": ["F47"],
};
// Rows beside those of the tables.
const kMore = requests([
  ["P42b", "one byte per chunk, 3,000 times", post("Transfer-Encoding: chunked")(`${"1\r\na\r\n".repeat(3000)}0\r\n\r\n`), ["404 nf 3000"]],
]);

const smuggled = (source) => [...new Set(kTables["H: smuggling"].map(({ id }) => id))].filter((id) => id.startsWith(`${source}.`));
kKnown["HTTP Garden: what servers and proxies read differently"] = smuggled("H79");
kKnown["smuggler.py: transfer codings in disguise"] = smuggled("H80");

describe("rows of the tables", () => {
  for (const [name, ids] of Object.entries(kKnown)) {
    test(name, kTimeout, () => holds(ids.flatMap((id) => kMore.find((row) => row.id === id) ?? rowsOf(id))));
  }
});

describe("rows of MessagePack", () => {
  const kPacked = {
    "gpac #3860: lengths beyond the end, up to 2^32-1": ["M03", "M04", "M05", "M06"],
    "EP-01-007 (Envoy, Cure53 2018): recursion without a limit": ["M07"],
    "socket.io-msgpack-parser: reserved events": ["M10"],
  };
  for (const [name, ids] of Object.entries(kPacked)) {
    test(name, kTimeout, async () => {
      const rows = ids.map((id) => kMessages.find((row) => row.id === id));
      packed.failed = [];
      await packed.run(rows, { cut: false });
      assert.deepEqual(packed.failed, []);
    });
  }
});

// --- advisories that take more than one message --------------------------------------------------------------------------

const kPollingPath = "/socket.io/?EIO=4&transport=polling";
const disallowed = (headers) => Object.keys(headers).filter((name) => name.startsWith("access-control-"));

describe("played", kTimeout, () => {
  test("CVE-2017-16031 (socket.io): session ids that can be guessed", async (t) => {
    const again = await conformance("probe");
    t.after(() => again.stop());
    const sessions = [];
    for (const one of [server, again]) sessions.push(...await Promise.all(Array.from({ length: 300 }, () => Polling.open(one))));
    const bits = sessions.map(({ sid }) => Buffer.from(sid, "base64url"));
    assert.equal(new Set(sessions.map(({ sid }) => sid)).size, 600);
    for (const sid of bits) assert.equal(sid.length, 15);
    // Each of the first 112 bits is set in about half of 600 ids: 8 standard deviations are 98.
    for (let bit = 0; bit < 112; ++bit) {
      const set = bits.filter((sid) => sid[bit >> 3] & (0x80 >> (bit & 7))).length;
      assert(Math.abs(set - 300) < 98, `bit ${bit} is set in ${set} of 600`);
    }
    await Promise.all(sessions.map((polling) => polling.post("1")));
    await unharmed();
  });

  test("CVE-2020-28481 (socket.io): every origin was allowed by default", async (t) => {
    const headers = { origin: "http://evil.example" };
    const open = await request(`${server.url}${kPollingPath}`, { headers });
    const sid = JSON.parse(open.body.slice(1)).sid;
    const url = `${server.url}${kPollingPath}&sid=${sid}`;
    const all = [open, await request(url, { method: "OPTIONS", headers }), await request(url, { method: "POST", body: "1", headers })];
    for (const answer of all) assert.deepEqual(disallowed(answer.headers), []);
    const careful = await lab({ cors: { origin: ["http://good.example"] } }, t);
    for (const origin of ["http://good.example.evil.example", "http://evil-good.example", "https://good.example", "http://GOOD.example.", "null"])
      assert.equal((await request(`${careful.url}${kPollingPath}`, { headers: { origin } })).headers["access-control-allow-origin"], undefined, origin);
    const good = await request(`${careful.url}${kPollingPath}`, { headers: { origin: "http://good.example" } });
    assert.equal(good.headers["access-control-allow-origin"], "http://good.example");
    await unharmed();
  });

  test("CVE-2019-13611 (python-engineio): another site's page opens a WebSocket", async (t) => {
    const careful = await lab({ allowed_origins: ["http://good.example"] }, t);
    for (const [origin, status] of [["http://good.example", 101], ["http://evil.example", 400], ["http://good.example.evil.example", 400], ["null", 400]]) {
      const raw = await Raw.connect(careful);
      await raw.send(upgradeRequest().replace("\r\n\r\n", `\r\nOrigin: ${origin}\r\n\r\n`));
      const answer = await response(raw);
      raw.close();
      assert.equal(answer.status, status, origin);
      const polling = await request(`${careful.url}${kPollingPath}`, { headers: { origin } });
      assert.equal(polling.status, status === 101 ? 200 : 403, origin);
    }
  });

  test("CVE-2022-21676 (engine.io): a bad frame in the handshake's segment", async () => {
    const socket = await RawSocket.open(server, kSocketPath, { early: frame(kText, "x", { rsv: 2 }) });
    assert.match(await socket.next(), /^0\{/);
    assert.equal(await socket.next(), "close:1002");
    await socket.fin();
    await unharmed();
  });

  test("CVE-2022-41940 (engine.io): RST while an upgrade is refused", async () => {
    for (let i = 0; i < 1_000; ++i) {
      const raw = await Raw.connect(server);
      raw.push(upgradeRequest(`${kSocketPath}${["&sid=unknown", "&EIO=9", "x"][i % 3]}`));
      if (i % 4 === 1) await new Promise(setImmediate);
      if (i % 4 === 2) await response(raw);
      raw.reset();
    }
    await unharmed();
  });

  test("CVE-2023-31125 (engine.io): a transport that is none, in the place of each", async () => {
    const polling = await Polling.open(server);
    for (const name of ["", "x", "constructor", "__proto__", "hasOwnProperty", "websocket,polling", "webtransport", "%00"]) {
      for (const sid of ["", `&sid=${polling.sid}`]) {
        for (const method of ["GET", "POST"]) {
          const { status, body } = await request(`${server.url}/socket.io/?EIO=4&transport=${name}${sid}`, { method, body: method === "POST" ? "4" : undefined });
          assert.equal(status, 400, `${method} ${name} ${body}`);
        }
      }
    }
    await polling.post("1");
    await unharmed();
  });

  test("GHSA-gr94-w7qr-f4j3 (engine.io): a session id that every object has", async () => {
    for (const sid of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      for (const transport of ["polling", "websocket"]) {
        const { status, body } = await request(`${server.url}/socket.io/?EIO=4&transport=${transport}&sid=${sid}`);
        assert.equal(status, 400);
        assert.match(body, transport === "polling" ? /"code":1/ : /"code":[13]/);
      }
    }
    await unharmed();
  });

  test("GHSA-pxg6-pf52-xh8x (cookie): a cookie's name or path that brings another header", async () => {
    for (const cookie of [{ name: "a\r\nX: b" }, { name: "a;b" }, { name: "a=b" }, { name: "" }, { path: "/\r\nX: b" }, { path: "/; Domain=evil.example" }])
      await assert.rejects(lab({ cookie }), /cookie/, JSON.stringify(cookie));
  });

  test("CVE-2026-48809 (python-engineio): a limit that one way of transport did not have", async (t) => {
    const small = await lab({ max_http_buffer_size: 1000 }, t);
    const socket = await joinedRaw(small);
    await socket.send(frame(kText, "4".repeat(1001)));
    assert.equal(await socket.next(), "close:1009");
    await socket.raw.ended();
    socket.close();
    const polling = await Polling.open(small);
    assert.equal((await polling.post("4".repeat(1001))).status, 413);
    const raw = await Raw.connect(small);  // refused by what is announced: no byte of the body is waited for
    await raw.send(http(`POST ${kPollingPath}&sid=${polling.sid} HTTP/1.1`, ["Content-Length: 1001"]));
    assert.equal(summary(await response(raw)), "413c");
    raw.close();
    const chunks = await Raw.connect(small);
    await chunks.send(http(`POST ${kPollingPath}&sid=${polling.sid} HTTP/1.1`, ["Transfer-Encoding: chunked"], `3e9\r\n${"4".repeat(1001)}`));
    assert.equal(summary(await response(chunks)), "413c");
    chunks.close();
  });

  test("CVE-2026-48802 (python-engineio), netty-socketio #868: each pong starts another heartbeat", async (t) => {
    const quick = await lab({ ping_interval: 300, ping_timeout: 60_000 }, t);
    const socket = await RawSocket.open(quick, kSocketPath, { pong: false });
    assert.match(await socket.next(), /^0\{/);
    await socket.send(frame(kText, "40"), Buffer.concat(Array(10_000).fill(frame(kText, "3"))));
    // One ping is due (or two, if the first came ahead of the pongs), and since it is not answered no more: a heartbeat per
    // pong would send thousands at once.
    const heard = [await socket.next(), await socket.next()];
    await socket.send(frame(kText, '420["echo","still one"]'));
    do heard.push(await socket.next()); while (heard.at(-1) !== '430["still one"]');
    const pings = heard.filter((one) => one === "2").length;
    assert(pings === 1 || pings === 2, `${pings} pings`);
    socket.close();
  });

  test("CVE-2026-42577 (Netty): FIN, then RST", async () => {
    for (let i = 0; i < 1_000; ++i) {
      const socket = await joinedRaw(server);
      await new Promise((resolve) => socket.raw.socket.end(resolve));
      if (i % 2) await new Promise(setImmediate);
      socket.raw.reset();
    }
    await unharmed();
  });

  test("GHSA-55mf-67qm-4wpg (socketioxide): what is held for attachments is given back (what bounds it: S72)", async () => {
    const holes = Array.from({ length: 10 }, (_, i) => `{"_placeholder":true,"num":${i}}`);
    const sockets = await Promise.all(Array.from({ length: 5 }, () => joinedRaw(server)));
    for (const socket of sockets) {
      await socket.send(frame(kText, `4510-["echo",${holes}]`));
      for (let i = 0; i < 9; ++i) await socket.send(frame(kBinary, Buffer.alloc(100_000)));
    }
    for (const socket of sockets) socket.close();
    await unharmed();
  });

  test("GHSA-hxp9-w8x3-p566 (autobahn), CVE-2026-1526 (undici), CVE-2018-1000518 (websockets), centrifugo #1162, tornado #2391, httpclient #821: the limit holds for what is inflated", async (t) => {
    const packed = await conformance("probe", "--deflate");
    t.after(() => packed.stop());
    // One more than the limit was once cut to the limit, silently (websockets #1715): what is at the limit comes whole.
    const whole = await joinedRaw(packed, { lines: ["Sec-WebSocket-Extensions: permessage-deflate"] });
    const event = (size) => `42["echo","${"x".repeat(size - 13)}"]`;
    await whole.send(frame(kText, deflated(Buffer.from(event(1_000_000))), { rsv: 4 }));
    assert.equal((await whole.next()).length, 1_000_000);
    whole.close();
    for (const size of [1_000_001, 50_000_000]) {
      const socket = await joinedRaw(packed, { lines: ["Sec-WebSocket-Extensions: permessage-deflate"] });
      await socket.send(frame(kText, deflated(Buffer.alloc(size, "4")), { rsv: 4 }));
      assert.equal(await socket.next(), "close:1009");
      await socket.raw.ended();
      socket.close();
    }
  });

  test("CVE-2026-2229 (undici): a window of 16 bits", async (t) => {
    const packed = await lab({ per_message_deflate: {} }, t);
    for (const wrong of ["client_max_window_bits=16", "server_max_window_bits=16", "client_max_window_bits=7", "server_max_window_bits", "client_max_window_bits=99999999999999999999"]) {
      const raw = await Raw.connect(packed);
      await raw.send(upgradeRequest().replace("\r\n\r\n", `\r\nSec-WebSocket-Extensions: permessage-deflate; ${wrong}\r\n\r\n`));
      assert.equal((await response(raw)).status, 400, wrong);
      raw.close();
    }
  });

  test("CVE-2016-10518 (ws): what a ping is answered with", async () => {
    const socket = await joinedRaw(server);
    for (let size = 0; size <= 125; ++size) {
      const sent = Buffer.from(Array.from({ length: size }, (_, i) => i + size));
      await socket.send(frame(kPing, sent));
      assert.equal(await socket.next(), `pong:${sent.toString("hex")}`);
    }
    socket.close();
    await unharmed();
  });

  test("CVE-2026-45736 (ws): what a close says, and nothing of the memory beside it", async (t) => {
    const routes = await lab({}, t);
    for (let size = 0; size <= 123; ++size) {
      const socket = await RawSocket.open(routes, "/feed/x");
      await socket.send(frame(kText, JSON.stringify({ do: "close", code: 4321, reason: "r".repeat(size) })));
      assert.equal(await socket.next(), `close:4321${size ? ":" : ""}${"r".repeat(size)}`);
      socket.close();
    }
  });

  test("engine.io 6.6.10, 6.6.11: a POST in a million pieces, and nothing behind its refusal", async () => {
    const polling = await Polling.open(server);
    await polling.post("40");
    const raw = await Raw.connect(server);
    const head = http(`POST ${kPollingPath}&sid=${polling.sid} HTTP/1.1`, ["Transfer-Encoding: chunked"]);
    const body = `42["nothing","${"x".repeat(1_000_000 - 16)}"]`;
    assert.equal(body.length, 1_000_000);
    await raw.send(`${head}${[...body].map((c) => `1\r\n${c}\r\n`).join("")}0\r\n\r\n`);
    assert.equal(summary(await response(raw)), "200 ok");
    await raw.send(`${head}${"1\r\nx\r\n".repeat(1_000_001)}0\r\n\r\n${get()}`);
    assert.equal(summary(await response(raw)), "413c");
    await raw.ended();
    assert.equal(raw.size, 0);
    raw.close();
    await polling.post("1");
    await unharmed();
  });

  test("socket.io 4.8.4: acknowledgements of a broadcast that nobody answered in time", async (t) => {
    const asking = await lab({}, t);
    const sockets = await Promise.all([joinedRaw(asking), joinedRaw(asking)]);
    for (let i = 0; i < 20; ++i) {
      await sockets[0].send(frame(kText, '42["ask all",1]'));
      const heard = [await sockets[0].next(), await sockets[0].next(), await sockets[1].next()];
      assert.equal(heard.filter((one) => /^42\d+\["question"\]$/.test(one)).length, 2, `${heard}`);
      assert(heard.includes('42["answers",0]'), `${heard}`);
    }
    const metrics = await (await fetch(`${asking.url}/metrics`)).text();
    assert.match(metrics, /^socketio_acks_pending 0$/m);
    for (const socket of sockets) socket.close();
  });

  test("socket.io 4.8.4: names of every object's members in an old client's query", async (t) => {
    const old = await lab({ allow_eio3: true }, t);
    const socket = await RawSocket.open(old, "/socket.io/?EIO=3&transport=websocket");
    assert.match(await socket.next(), /^0\{/);
    assert.equal(await socket.next(), "40");
    await socket.send(frame(kText, "40/chat?__proto__=1&constructor=2&hasOwnProperty=3,"));
    assert.equal(await socket.next(), "40/chat,");
    await socket.send(frame(kText, '42/chat,7["who am I"]'));
    const answer = await socket.next();
    assert.match(answer, /^43\/chat,7\[/);
    assert(answer.includes('"auth":{"__proto__":"1","constructor":"2","hasOwnProperty":"3"}'), answer);
    socket.close();
  });

  test("netty-socketio up to 2.0.12: an oversized frame, a second CONNECT", async () => {
    await holds(rowsOf("F42"));
    const socket = await RawSocket.open(server, kSocketPath);
    assert.match(await socket.next(), /^0\{/);
    await socket.send(frame(kText, "40"), frame(kText, "40"));
    assert.match(await socket.next(), /^40\{/);
    assert.match(await socket.next(), /^close/);
    socket.close();
    await unharmed();
  });

  test("Boost.Beast (Shielder 2024), CVE-2026-1527 (undici): a header's value that brings another header", async (t) => {
    const odd = await lab({ headers: { "X-A": "a\r\nX-B: b", "X-C": "a\nb", "X-D": "fine" } }, t);
    const raw = await Raw.connect(odd);
    await raw.send(http(`GET ${kPollingPath} HTTP/1.1`));
    const { status, headers } = await response(raw);
    assert.equal(status, 200);
    for (const name of ["x-a", "x-b", "x-c"]) assert.equal(headers[name], undefined, name);
    raw.close();
  });

  test("smuggling behind an upgrade that is refused: what follows is no request", async () => {
    const raw = await Raw.connect(server);
    await raw.send(upgradeRequest(kSocketPath, ["Upgrade: websocket", "Connection: Upgrade"]) + get());
    const first = await response(raw);
    assert.equal(first.status, 400);
    if (first.headers.connection?.toLowerCase() !== "close") assert.equal(summary(await response(raw)), kNotFound);
    else await raw.ended();
    assert.equal(raw.size, 0);
    raw.close();
    await holds(requests([["W27c", "a length on the upgrade", `${upgradeRequest().replace("\r\n\r\n", "\r\nContent-Length: 30\r\n\r\n")}${get()}`, [k400]]]));
  });
});
