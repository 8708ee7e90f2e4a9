// TLS with real peers: Node's https and tls, ws, the official client, a browser.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import fs from "node:fs";
import { WebSocket } from "ws";
import { launch } from "./support/browser.mjs";
import { clientBundleDir } from "./support/server.mjs";
import { client, closeClients, connected, kTimeout, kWays, once, settled } from "./support/suites.mjs";
import { authority, connect, fate, get, identity, secureLab, site, stranger, trust } from "./support/tls.mjs";
import { within } from "./support/wire.mjs";

const alice = authority.issue("alice");
const ask = (socket, event, ...args) => within(new Promise((resolve) => socket.emit(event, ...args, resolve)), `the answer to ${event}`);

let server;  // with one certificate and the defaults
before(async () => { server = await secureLab({}, undefined, { client_dist: clientBundleDir }); }, kTimeout);
after(async () => {
  closeClients();
  await server.stop();
}, kTimeout);

describe("the official client", () => {
  for (const [way, transports] of Object.entries(kWays)) {
    test(way, kTimeout, async () => {
      const socket = await connected(server, transports, trust);
      assert.deepEqual(await ask(socket, "tls"), { secure: true, certificate: null });
      await settled(socket, transports);
      const large = "ä".repeat(200_000);
      for (const payload of ["x", large, Buffer.alloc(300_000, 5)]) assert.deepEqual(await ask(socket, "echo", payload), payload);
      const heard = [];
      socket.on("echo", (n) => heard.push(n));
      for (let n = 0; n < 500; ++n) socket.emit("echo", n);
      assert.equal(await ask(socket, "echo", "last"), "last");
      if (heard.length < 500) await within(new Promise((resolve) => socket.on("echo", () => heard.length === 500 && resolve())), "all echoes");
      assert.deepEqual(heard, Array.from({ length: 500 }, (_, n) => n));
      socket.disconnect();
    });
  }

  test("a server it does not trust", kTimeout, async () => {
    const socket = client(server, ["websocket"], { ca: stranger.certificate });
    assert(await once(socket, "connect_error"));
    socket.disconnect();
  });
});

describe("client certificates", () => {
  let demanding;
  let asking;
  before(async () => {
    const ca = authority.certificate;
    [demanding, asking] = await Promise.all([secureLab({ client_certificates: "required", ca }), secureLab({ client_certificates: "optional", ca })]);
  }, kTimeout);
  after(async () => { for (const one of [demanding, asking]) await one.stop(); }, kTimeout);

  const shown = async (where, transports, options) => {
    const socket = await connected(where, transports, { ...trust, ...options });
    assert.equal(await ask(socket, "echo", "hello"), "hello");
    const { secure, certificate } = await ask(socket, "tls");
    assert.equal(secure, true);
    socket.disconnect();
    return certificate;
  };
  const isAlice = ({ subject, fingerprint, verified }) => {
    assert.equal(subject, "CN=alice");
    assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    assert.equal(verified, true);
  };
  const keyAndCert = { cert: alice.cert, key: alice.key };

  // covers eio/server: should send and receive data with key and cert (polling)
  test("key and cert, polling", kTimeout, async () => isAlice(await shown(demanding, ["polling"], keyAndCert)));

  // covers eio/server: should send and receive data with key and cert (ws)
  test("key and cert, WebSocket", kTimeout, async () => isAlice(await shown(demanding, ["websocket"], keyAndCert)));

  // covers eio/server: should send and receive data with ca when not requiring auth (polling)
  test("nothing where nothing is required", kTimeout, async () => assert.equal(await shown(asking, ["polling"], {}), null));

  const pfx = { pfx: authority.pfx(alice, "secret"), passphrase: "secret" };
  // covers eio/server: should send and receive data with pfx (polling)
  test("pfx, polling", kTimeout, async () => isAlice(await shown(demanding, ["polling"], pfx)));

  // covers eio/server: should send and receive data with pfx (ws)
  test("pfx, WebSocket", kTimeout, async () => isAlice(await shown(demanding, ["websocket"], pfx)));

  test("a stranger's comes in where none is required, and is told apart", kTimeout, async () => {
    const mallory = stranger.issue("mallory");
    const { subject, verified } = await shown(asking, ["websocket"], { cert: mallory.cert, key: mallory.key });
    assert.deepEqual({ subject, verified }, { subject: "CN=mallory", verified: false });
  });

  test("without one nobody comes in", kTimeout, async () => {
    const socket = client(demanding, ["websocket"], trust);
    assert(await once(socket, "connect_error"));
    socket.disconnect();
  });
});

test("https and ws", kTimeout, async () => {
  const { status, body } = await get(server, "/socket.io/?EIO=4&transport=polling");
  assert.equal(status, 200);
  assert.match(body, /^0\{"sid"/);
  const socket = new WebSocket(`${server.ws}/socket.io/?EIO=4&transport=websocket`, trust);
  const first = await within(new Promise((resolve, reject) => socket.once("message", resolve).once("error", reject)), "the handshake");
  assert.match(first.toString(), /^0\{"sid"/);
  socket.close();
  await within(new Promise((resolve) => socket.once("close", resolve)), "the close");
});

test("a browser polls over TLS, then upgrades", kTimeout, async (t) => {
  const browser = await launch(t);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${server.url}/__log`);
  await page.addScriptTag({ url: "/socket.io/socket.io.js" });
  const seen = await page.evaluate(() => new Promise((resolve, reject) => {
    const socket = globalThis.io({ forceNew: true });
    socket.on("connect_error", (error) => reject(error));
    socket.io.engine.on("upgrade", () => socket.emit("tls", (answer) => resolve({ ...answer, transport: socket.io.engine.transport.name })));
  }));
  assert.deepEqual(seen, { secure: true, certificate: null, transport: "websocket" });
});

describe("versions", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`only ${version}`, kTimeout, async () => {
      const { protocol, cipher } = await get(server, "/", { minVersion: version, maxVersion: version });
      assert.equal(protocol, version);
      assert.match(cipher.standardName, /GCM|CHACHA20/);
    });
  }
  test("a server of 1.3 only", kTimeout, async (t) => {
    const modern = await secureLab({ minimum_version: "1.3" }, t);
    assert.equal((await get(modern, "/")).protocol, "TLSv1.3");
    assert.equal(await fate(modern, { maxVersion: "TLSv1.2" }), "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  });
  test("ciphers of 1.2 as told", kTimeout, async (t) => {
    const picky = await secureLab({ ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" }, t);
    const { cipher } = await get(picky, "/", { maxVersion: "TLSv1.2" });
    assert.equal(cipher.name, "ECDHE-ECDSA-CHACHA20-POLY1305");
    assert.equal(await fate(picky, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }), "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
  });
});

/** Connects until a session to come back with is there: TLS 1.3 sends it after the handshake. */
async function sessionOf(where, options) {
  const socket = await connect(where, options);
  const session = options.maxVersion === "TLSv1.2" ? socket.getSession() : await within(new Promise((resolve) => socket.once("session", resolve)), "a session");
  socket.destroy();
  return session;
}

describe("resumption", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
    test(`${maxVersion}, on every thread`, kTimeout, async () => {
      const session = await sessionOf(server, { maxVersion });
      for (let n = 0; n < 12; ++n) {
        const { status, reused } = await get(server, "/", { maxVersion, session });
        assert.deepEqual({ status, reused }, { status: 404, reused: true });
      }
    });
  }
  test("not where it is off", kTimeout, async (t) => {
    const forgetful = await secureLab({ session_lifetime: 0 }, t);
    const socket = await connect(forgetful, { maxVersion: "TLSv1.2" });
    const session = socket.getSession();
    socket.destroy();
    assert.equal((await get(forgetful, "/", { maxVersion: "TLSv1.2", session })).reused, false);
  });
  test("a new rule for clients makes old tickets worthless", kTimeout, async (t) => {
    const ca = authority.certificate;
    const own = { cert: alice.cert, key: alice.key };
    const strict = await secureLab({ client_certificates: "required", ca }, t);
    const session = await sessionOf(strict, { ...own, maxVersion: "TLSv1.3" });
    assert.equal((await get(strict, "/", { ...own, session })).reused, true);
    const options = { certificates: [identity(site)], client_certificates: "required", ca, crl: authority.revoke(authority.issue("somebody")) };
    const reloaded = await get(strict, "/__reload_tls", { ...own, method: "POST", body: JSON.stringify(options) });
    assert.equal(reloaded.body, "reloaded");
    const after = await get(strict, "/", { ...own, session });
    assert.equal(after.status, 404);
    assert.equal(after.reused, false);
  });
});

const subject = async (where, servername) => {
  const socket = await connect(where, { servername, rejectUnauthorized: false });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
};

test("several certificates by name", kTimeout, async (t) => {
  const certificates = [
    identity(site),
    identity(authority.issue("one", { names: ["DNS:one.test", "DNS:also.one.test"] })),
    identity(authority.issue("wild", { names: ["DNS:*.wild.test"] })),
    identity(authority.issue("told", { names: ["DNS:something.else"] }), { names: ["told.test", "*.told.test"] }),
  ];
  const many = await secureLab({ certificates }, t);
  const wanted = {
    "one.test": "one", "ONE.test": "one", "also.one.test": "one", "not.one.test": "localhost",
    "a.wild.test": "wild", "wild.test": "localhost", "a.b.wild.test": "localhost",
    "told.test": "told", "x.told.test": "told", "something.else": "localhost", "unknown.test": "localhost",
  };
  for (const [name, CN] of Object.entries(wanted)) assert.equal(await subject(many, name), CN, name);
});

test("certificates are read anew", kTimeout, async (t) => {
  const first = authority.issue("first", { names: ["DNS:localhost"] });
  const second = authority.issue("second", { names: ["DNS:localhost"] });
  const files = { certificate: authority.file("live.pem"), private_key: authority.file("live.key") };
  const install = ({ cert, key }) => {
    fs.writeFileSync(files.certificate, cert);
    fs.writeFileSync(files.private_key, key);
  };
  install(first);
  const living = await secureLab({ certificates: [files] }, t);
  const socket = await connected(living, ["websocket"], trust);
  assert.equal(await subject(living, "localhost"), "first");
  install({ cert: second.cert, key: first.key });
  const failed = await get(living, "/__reload_tls", { method: "POST" });
  assert.deepEqual([failed.status, failed.body], [400, "socketio::ServerOptions::tls.certificates[0].private_key does not belong to the certificate"]);
  assert.equal(await subject(living, "localhost"), "first");
  install(second);
  assert.equal((await get(living, "/__reload_tls", { method: "POST" })).body, "reloaded");
  assert.equal(await subject(living, "localhost"), "second");
  assert.equal(await ask(socket, "echo", "still here"), "still here");
  socket.disconnect();
});
