// Section 3.2 of the tables of hostile input: what may be sent to a TLS port, and what must come of it. The ids are those
// of the tables.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Raw, http, kText, frame, response, summary, upgradeRequest } from "./support/raw.mjs";
import { closeClients, connected, kTimeout } from "./support/suites.mjs";
import {
  authority, connect, extension, fate, get, hello, helloMessage, identity, kHandshake, record, records, sealer, secureLab, site, sni, stranger,
  trust, verdict, wired,
} from "./support/tls.mjs";
import { selfSigned } from "./support/certificates.mjs";
import { lab } from "./support/lab.mjs";
import { within } from "./support/wire.mjs";

const kSocket = "/socket.io/?EIO=4&transport=websocket";
const kPolling = "/socket.io/?EIO=4&transport=polling";
const ask = (socket, event, ...args) => within(new Promise((resolve) => socket.emit(event, ...args, resolve)), `the answer to ${event}`);

let server;
before(async () => { server = await secureLab(); }, kTimeout);
after(async () => {
  closeClients();
  await server.stop();
}, kTimeout);

/** The server still serves. */
const works = async (where = server) => assert.equal((await get(where, kPolling)).status, 200);

/** Resolves with the log's entries when `found` holds for one of them. */
async function logged(where, found, what) {
  const all = [];
  let late = false;
  const looking = (async () => { while (!late && !all.some(found)) all.push(...(await where.log()).log); })();
  await within(looking, what).finally(() => { late = true; });
  return all;
}

describe("before there is TLS", () => {
  test("L01 plain HTTP", kTimeout, async () => {
    for (const request of [http("GET / HTTP/1.1"), http("POST / HTTP/1.1", ["Content-Length: 3"], "abc"), http("OPTIONS * HTTP/1.1"), "G"]) {
      const raw = await Raw.connect(server);
      await raw.send(request);
      assert.equal(summary(await response(raw)), "400c plain HTTP was sent to a TLS port.\n");
      await raw.ended();
    }
    await works();
  });

  test("L02 TLS on the plain port", kTimeout, async (t) => {
    const plain = await lab({}, t);
    const raw = await Raw.connect(plain);
    await raw.send(hello());
    assert.equal(summary(await response(raw)), "400c");
    await raw.ended();
  });

  test("L03 L04 silence, and a byte at a time", kTimeout, async (t) => {
    const hasty = await secureLab({ handshake_timeout: 1_500 }, t);  // the last of us must be able to keep it
    const silent = await Raw.connect(hasty);
    const slow = await Raw.connect(hasty);
    let sent = 0;
    const bytes = hello();
    const timer = setInterval(() => slow.push(bytes.subarray(sent, ++sent)), 20);
    await silent.ended();
    await slow.ended();
    clearInterval(timer);
    assert(sent < bytes.length, "the time-out ran for each byte");
    assert.equal(silent.size + slow.size, 0);
    await works(hasty);
  });
});

describe("hellos", () => {
  /** In records of 16 KiB. */
  const cut = (message) => {
    const parts = [];
    for (let at = 0; at < message.length; at += 16384) parts.push(record(kHandshake, message.subarray(at, at + 16384)));
    return Buffer.concat(parts);
  };
  const u24 = (n) => [n >> 16, (n >> 8) & 255, n & 255];

  // [id, what, bytes, verdicts]
  const kRows = [
    ["L05", "64 KiB in records of 16 KiB", cut(helloMessage({ extensions: [extension(21, Buffer.alloc(60_000))] })), ["hello"]],
    ["L05b", "a hello that says it has 16 MiB", cut(Buffer.concat([Buffer.from([1, ...u24(0xffffff)]), Buffer.alloc(40_000)])), ["alert 47", "alert 50"]],
    ["L06", "SSLv2", Buffer.concat([Buffer.from([0x80, 0x1f, 1, 0, 2, 0, 6, 0, 0, 0, 16, 1, 0, 0x80, 2, 0, 0x80]), Buffer.alloc(16, 7)]), ["alert 70", "FIN"]],
    ["L06b", "SSLv3", hello({ version: 0x0300 }), ["alert 70", "alert 40"]],
    ["L06c", "TLS 1.0", hello({ version: 0x0301 }), ["alert 70"]],
    ["L06d", "TLS 1.1", hello({ version: 0x0302 }), ["alert 70"]],
    ["L07", "RC4, 3DES, NULL, export", hello({ ciphers: [0x0005, 0xc007, 0x000a, 0xc008, 0x0001, 0xc006, 0x0003] }), ["alert 40"]],
    ["L07b", "CBC", hello({ ciphers: [0x002f, 0x0035, 0x003c, 0xc009, 0xc00a, 0xc023, 0xc024, 0xc013, 0xc014] }), ["alert 40"]],
    ["L13", "a name nobody knows", hello({ extensions: [sni("who.is.this")] }), ["hello"]],
    ["L13b", "a name of 300 bytes", hello({ extensions: [sni("a".repeat(300))] }), ["alert 112", "alert 50", "hello"]],
    ["L13c", "a name with NUL", hello({ extensions: [sni("localhost\0.evil")] }), ["alert 112", "alert 50", "hello"]],
    ["L13d", "an empty name", hello({ extensions: [sni("")] }), ["alert 112", "alert 50", "hello"]],
    ["L14", "data before the handshake", record(23, Buffer.from("GET / HTTP/1.1\r\n\r\n"), 0x0303), ["alert 10"]],
    ["L14b", "ChangeCipherSpec first", record(20, Buffer.from([1]), 0x0303), ["alert 10"]],
    ["L15", "a record that is too long", Buffer.concat([Buffer.from([22, 3, 1, 0x48, 0x01]), Buffer.alloc(0x4801)]), ["alert 22"]],
    ["L15b", "a plaintext of 16,385 bytes", Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0x01]), Buffer.alloc(0x4001, 1)]), ["alert 22"]],
    ["L17", "33 empty records", Buffer.concat(Array(33).fill(record(kHandshake))), ["alert 10"]],
  ];
  for (const [id, what, bytes, verdicts] of kRows) {
    test(`${id} ${what}`, kTimeout, async () => {
      const raw = await Raw.connect(server);
      raw.push(bytes);
      const seen = await verdict(raw);
      assert(verdicts.includes(seen), seen);
      if (seen !== "hello") await raw.ended();
      raw.close();
      await works();
    });
  }

  /** The server's hello: {compression, extensions}, of TLS 1.2. */
  const parseHello = (body) => {
    const session = body[38];
    const at = 39 + session + 2;
    const extensions = [];
    for (let i = at + 3; i < body.length;) {
      extensions.push(body.readUInt16BE(i));
      i += 4 + body.readUInt16BE(i + 2);
    }
    return { compression: body[at], extensions };
  };

  test("L09 compression, L10 heartbeats", kTimeout, async () => {
    const raw = await Raw.connect(server);
    await raw.send(hello({ compression: [1, 0], extensions: [extension(15, Buffer.from([1]))] }));
    assert.equal(await verdict(raw), "hello");
    const [first] = records(raw.peek());
    const { compression, extensions } = parseHello(first.body.subarray(0, 4 + first.body.readUIntBE(1, 3)));
    assert.equal(compression, 0);
    assert(!extensions.includes(15), "heartbeats are on");
    await raw.send(record(24, Buffer.from([1, 0x40, 0, 1]), 0x0303));  // says 16 KiB, has one byte
    await raw.ended();
    assert(records(raw.peek()).every(({ type }) => type !== 24), "a heartbeat was answered");
    await works();
  });

  test("L14c ChangeCipherSpec twice", kTimeout, async () => {
    const raw = await Raw.connect(server);
    await raw.send(hello());
    assert.equal(await verdict(raw), "hello");
    await raw.send(record(20, Buffer.from([1]), 0x0303), record(20, Buffer.from([1]), 0x0303));
    await raw.ended();
    assert.deepEqual([...records(raw.peek()).at(-1).body], [2, 10]);
    await works();
  });
});

describe("protocols by ALPN", () => {
  test("L11 h2 only", kTimeout, async () => {
    assert.equal(await fate(server, { ALPNProtocols: ["h2"] }), "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
  });
  test("L12 http/1.1", kTimeout, async () => {
    for (const ALPNProtocols of [["http/1.1"], ["h2", "http/1.1"]]) {
      const socket = await connect(server, { ALPNProtocols });
      assert.equal(socket.alpnProtocol, "http/1.1");
      socket.destroy();
    }
  });
});

/** A WebSocket session inside a TLS connection whose bytes can be changed: {wire, socket, id}. */
async function joined(where = server, options = {}) {
  const { wire, socket } = await wired(where, options);
  let text = "";
  const heard = (part) => within(new Promise((resolve) => {
    const look = () => { if (text.includes(part)) resolve(); };
    socket.on("data", (data) => { text += data.toString("latin1"); look(); });
    look();
  }), part);
  socket.write(upgradeRequest(kSocket));
  await heard('0{"sid"');
  socket.write(frame(kText, "40"));
  await heard('40{"sid":"');
  return { wire, socket, id: /40\{"sid":"([\w-]{20})"/.exec(text)[1] };
}
const ending = (where, id) => logged(where, (entry) => entry.disconnect && entry.id === id, "the end of the session");

describe("in the middle of it", () => {
  test("L08 negotiating again", kTimeout, async () => {
    for (let n = 0; n < 10; ++n) {
      const socket = await connect(server, { maxVersion: "TLSv1.2" });
      const refused = within(new Promise((resolve) => {
        socket.once("error", resolve);
        socket.once("close", resolve);
      }), "the refusal");
      socket.renegotiate({}, () => {});
      await refused;
      socket.destroy();
    }
    await works();
  });

  test("L14d the last flight of a client twice", kTimeout, async () => {
    const { wire, socket } = await wired(server, { maxVersion: "TLSv1.3" });
    wire.raw.write(wire.sent.at(-1));
    await within(wire.over, "the end");
    socket.destroy();
    await works();
  });

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
    test(`L16 a changed record, ${maxVersion}`, kTimeout, async () => {
      const { wire, socket, id } = await joined(server, { maxVersion });
      wire.tamper = (chunk) => {
        const changed = Buffer.from(chunk);
        changed[changed.length - 1] ^= 1;
        return changed;
      };
      const told = within(new Promise((resolve) => socket.once("error", resolve)), "an alert");
      socket.write(frame(kText, '42["echo","changed"]'));
      assert.equal((await told).code, "ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC");
      const log = await ending(server, id);
      assert.equal(log.find((entry) => entry.disconnect && entry.id === id).disconnect, "transport error");
      socket.destroy();
    });
  }

  test("L15c an encrypted record that is too long", kTimeout, async () => {
    const { wire, socket, id } = await joined();
    wire.raw.write(Buffer.concat([Buffer.from([23, 3, 3, 0x41, 0x01]), Buffer.alloc(0x4101)]));  // 2^14 + 257
    await within(wire.over, "the end");
    await ending(server, id);
    socket.destroy();
  });

  test("L17b empty encrypted records: 32 and something, then 33", kTimeout, async () => {
    const { wire, socket, keys } = await wired(server, { minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" });
    const seal = sealer(keys.CLIENT_TRAFFIC_SECRET_0);
    const empty = (count) => Buffer.concat(Array.from({ length: count }, () => seal("")));
    const answered = within(new Promise((resolve) => socket.once("data", resolve)), "an answer");
    wire.raw.write(Buffer.concat([empty(32), seal(http("GET /healthz HTTP/1.1"))]));
    assert.match(String(await answered), /^HTTP\/1\.1 200 /);
    const told = within(new Promise((resolve) => socket.once("error", resolve)), "an alert");
    wire.raw.write(empty(33));
    assert.equal((await told).code, "ERR_SSL_SSLV3_ALERT_UNEXPECTED_MESSAGE");
    await within(wire.over, "the end");
    await works();
  });

  test("L20 the connection ends in the middle of a POST", kTimeout, async () => {
    const socket = await connected(server, ["polling"], trust);
    const sid = socket.io.engine.id;
    const { id } = socket;
    const { wire, socket: post } = await wired(server);
    const part = http(`POST ${kPolling}&sid=${sid} HTTP/1.1`, ["Content-Length: 100"], '42["echo","never"]');
    await within(new Promise((resolve) => post.write(part, resolve)), "the bytes to leave");
    wire.raw.end();  // a FIN without close_notify
    await within(wire.over, "the end");
    const log = await ending(server, id);
    assert.equal(log.find((entry) => entry.disconnect && entry.id === id).disconnect, "transport error");
    post.destroy();
    socket.disconnect();
  });

  test("L21 data after close_notify", kTimeout, async () => {
    const { wire, socket, id } = await joined();
    socket.end();  // close_notify; the wire keeps the FIN
    await within(wire.over, "the FIN of the server");
    wire.raw.write(record(23, Buffer.alloc(100, 1), 0x0303));
    const log = await ending(server, id);
    assert.equal(log.find((entry) => entry.disconnect && entry.id === id).disconnect, "transport close");
    socket.destroy();
    await works();
  });
});

/** `openssl s_client`: what it says. */
function sClient(where, ...args) {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${where.port}`, "-servername", "localhost", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  let changed = () => {};
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { text += part; changed(); });
  child.stdin.on("error", () => {});
  const over = new Promise((resolve) => child.once("exit", () => { child.over = true; changed(); resolve(); }));
  return {
    child,
    over,
    text: () => text,
    until: (ready, what) => within(new Promise((resolve) => {
      changed = () => { if (ready(text) || child.over) resolve(); };
      changed();
    }), what, 60_000),
  };
}

test("L18 no early data", kTimeout, async () => {
  const one = sClient(server, "-tls1_3");
  one.child.stdin.write(http("GET / HTTP/1.1", ["Connection: close"]));
  await one.until(() => false, "its end");  // until then it keeps what it has to say
  assert.match(one.text(), /Max Early Data: 0\b/);
});

test("L19 a flood of KeyUpdates", kTimeout, async () => {
  const one = sClient(server, "-tls1_3");
  const count = () => one.text().split("KEYUPDATE").length - 1;
  let n = 0;
  while (!one.child.over && n < 200) {
    one.child.stdin.write("K\n");
    const before = n++;
    await one.until(() => count() > before, "a key update");
  }
  assert(one.child.over, "200 key updates and no end");
  assert(n > 32, `ended after ${n}`);
  await works();
});

test("L22 client certificates", kTimeout, async (t) => {
  const good = authority.issue("good");
  const revoked = authority.issue("revoked");
  const strict = await secureLab({ client_certificates: "required", ca: authority.certificate, crl: authority.revoke(revoked) }, t);
  const shows = ({ cert, key }) => ({ cert, key });
  const kRows = [
    ["none", {}, "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
    ["expired", shows(authority.issue("expired", { expired: true })), "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"],
    ["of another authority", shows(stranger.issue("mallory")), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
    ["self-signed", shows(selfSigned("mallory")), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
    ["revoked", shows(revoked), "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED"],
  ];
  for (const [what, options, code] of kRows) assert.equal(await fate(strict, options), code, what);
  assert.equal((await get(strict, "/", shows(good))).status, 404);
});

test("L23 tickets of another server, and many resumptions", kTimeout, async (t) => {
  const other = await secureLab({}, t);
  const socket = await connect(other);
  const session = await within(new Promise((resolve) => socket.once("session", resolve)), "a session");
  socket.destroy();
  assert.equal((await get(server, "/", { session })).reused, false);
  for (let round = 0; round < 40; ++round) {
    const all = await Promise.all(Array.from({ length: 25 }, () => get(other, "/", { session })));
    assert(all.every(({ status, reused }) => status === 404 && reused));
  }
});

test("L24 new certificates during handshakes", kTimeout, async (t) => {
  const living = await secureLab({}, t);
  const socket = await connected(living, ["websocket"], trust);
  const again = identity(authority.issue("localhost", { names: ["DNS:localhost"] }));
  const body = (one) => JSON.stringify({ certificates: [one] });
  const reload = async (one) => assert.equal((await get(living, "/__reload_tls", { method: "POST", body: body(one) })).body, "reloaded");
  for (let round = 0; round < 40; ++round) {
    const shaking = Array.from({ length: 25 }, () => get(living, "/"));
    await reload(round % 2 === 0 ? again : identity(site));
    for (const { status } of await Promise.all(shaking)) assert.equal(status, 404);
  }
  assert.equal(await ask(socket, "echo", "still here"), "still here");
  socket.disconnect();
});

test("L26 a flood of handshakes", kTimeout, async (t) => {
  const busy = await secureLab({ max_handshakes: 20 }, t);
  const socket = await connected(busy, ["websocket"], trust);
  const flood = await Promise.all(Array.from({ length: 200 }, () => Raw.connect(busy)));
  for (const raw of flood) raw.push(hello());
  for (let n = 0; n < 50; ++n) assert.equal(await ask(socket, "echo", n), n);
  await works(busy);
  // With the established one and those in their handshake nobody else is left.
  await within(Promise.all(flood.slice(0, 100).map((raw) => raw.ended())), "the end of the first");
  assert.equal(await ask(socket, "echo", "still here"), "still here");
  for (const raw of flood) raw.close();
  socket.disconnect();
});
