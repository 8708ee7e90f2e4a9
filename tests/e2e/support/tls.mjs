// The lab server with TLS, and peers that speak it: ordinary ones, ones whose bytes the test may change on the way, and
// hand-made records.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { Duplex } from "node:stream";
import { Authority } from "./certificates.mjs";
import { lab } from "./lab.mjs";
import { within } from "./wire.mjs";

export const authority = new Authority("Test Authority");
export const stranger = new Authority("Another Authority");
export const site = authority.issue("localhost", { names: ["DNS:localhost", "IP:127.0.0.1"] });
export const trust = { ca: authority.certificate, servername: "localhost" };

/** A certificate as the server's options want it. */
export const identity = ({ cert, key }, more = {}) => ({ certificate: cert, private_key: key, ...more });

/** A lab server that speaks TLS. */
export async function secureLab(options = {}, t = undefined, more = {}) {
  const server = await lab({ tls: { certificates: [identity(site)], ...options }, ...more }, t);
  server.url = `https://localhost:${server.port}`;
  server.ws = `wss://localhost:${server.port}`;
  server.log = async () => JSON.parse((await get(server, "/__log")).body);
  return server;
}

/** One request on a connection of its own: {status, body, reused, protocol, cipher}. */
export function get(server, path, { method = "GET", body, ...options } = {}) {
  return within(new Promise((resolve, reject) => {
    const request = https.request({ host: "127.0.0.1", port: server.port, path, method, agent: false, ...trust, ...options }, (response) => {
      const { socket } = response;
      const [reused, protocol, cipher] = [socket.isSessionReused(), socket.getProtocol(), socket.getCipher()];
      const parts = [];
      response.on("data", (part) => parts.push(part)).on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString("utf8"), reused, protocol, cipher }));
    });
    request.on("error", reject);
    request.end(body);
  }), `an answer to ${method} ${path}`);
}

/** Resolves with the TLS socket when the handshake is over on this side; rejects with why not. */
export function connect(server, options = {}) {
  const socket = tls.connect({ host: "127.0.0.1", port: server.port, ...trust, ...options });
  return within(new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  }), "a TLS handshake");
}

/** Resolves with the code of the error a connection ends with: "ERR_SSL_..."; or "end". */
export function fate(server, options = {}) {
  const socket = tls.connect({ host: "127.0.0.1", port: server.port, ...trust, ...options });
  socket.resume();
  return within(new Promise((resolve) => {
    socket.once("error", (error) => resolve(error.code));
    socket.once("close", () => resolve("end"));
  }), "the end of a connection").finally(() => socket.destroy());
}

/** What lies between a TLS client of Node and the server. `tamper` may change what the client sends; its end is kept. */
export class Wire extends Duplex {
  tamper = (chunk) => chunk;
  sent = [];
  got = Buffer.alloc(0);
  ended = false;
  constructor(port) {
    super();
    this.raw = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.raw.on("data", (part) => { this.got = Buffer.concat([this.got, part]); this.push(part); });
    this.raw.on("error", () => {});
    this.over = new Promise((resolve) => { for (const event of ["end", "close"]) this.raw.once(event, resolve); });
    this.over.then(() => { this.ended = true; this.push(null); });
  }
  _read() {}
  _write(chunk, _, done) {
    this.sent.push(chunk);
    this.raw.write(this.tamper(chunk), done);
  }
  _final(done) { done(); }
  _destroy(error, done) { done(error); }
}

/** {wire, socket, keys}: a connection over a Wire, and its secrets by their names in a key log. */
export async function wired(server, options = {}) {
  const wire = new Wire(server.port);
  const socket = tls.connect({ socket: wire, ...trust, ...options });
  const keys = {};
  socket.on("error", () => {});
  socket.on("keylog", (line) => {
    const [name, , secret] = String(line).trim().split(" ");
    keys[name] = Buffer.from(secret, "hex");
  });
  await within(new Promise((resolve, reject) => { socket.once("secureConnect", resolve).once("error", reject); }), "a TLS handshake");
  return { wire, socket, keys };
}

/**
 * Makes encrypted records of TLS 1.3 by hand, with TLS_AES_128_GCM_SHA256: seal(data) -> record. For connections on which
 * Node has not sent any itself, and will not.
 */
export function sealer(secret) {
  const expand = (label, length) => {
    const name = Buffer.from(`tls13 ${label}`);
    const info = Buffer.concat([u16(length), Buffer.from([name.length]), name, Buffer.from([0, 1])]);
    return crypto.createHmac("sha256", secret).update(info).digest().subarray(0, length);  // RFC 5869 §2.3, one block
  };
  const [key, iv] = [expand("key", 16), expand("iv", 12)];
  let sent = 0n;
  return (data) => {
    const inner = Buffer.concat([Buffer.from(data), Buffer.from([23])]);
    const head = Buffer.concat([Buffer.from([23, 3, 3]), u16(inner.length + 16)]);
    const nonce = Buffer.from(iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ sent++, 4);
    const cipher = crypto.createCipheriv("aes-128-gcm", key, nonce).setAAD(head);
    return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  };
}

// --- records by hand -------------------------------------------------------------------------------------------------

const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const u24 = (n) => Buffer.from([n >> 16, (n >> 8) & 255, n & 255]);
const block16 = (...parts) => { const all = Buffer.concat(parts); return Buffer.concat([u16(all.length), all]); };
const block8 = (...parts) => { const all = Buffer.concat(parts); return Buffer.concat([Buffer.from([all.length]), all]); };

export const kAlert = 21;
export const kHandshake = 22;
export const record = (type, body = Buffer.alloc(0), version = 0x0301) =>
  Buffer.concat([Buffer.from([type]), u16(version), u16(body.length), body]);
export const extension = (type, body = Buffer.alloc(0)) => Buffer.concat([u16(type), block16(body)]);
export const sni = (name) => extension(0, block16(Buffer.from([0]), block16(Buffer.from(name, "latin1"))));

const kExtensions = [
  extension(10, block16(u16(29), u16(23))),                                             // groups
  extension(11, block8(Buffer.from([0]))),                                              // point formats
  extension(13, block16(u16(0x0403), u16(0x0804), u16(0x0401), u16(0x0503), u16(0x0603))),  // signatures
];

/** The handshake message ClientHello, of TLS 1.2 unless told otherwise. */
export function helloMessage({ version = 0x0303, ciphers = [0xc02b, 0xc02c, 0xcca9], compression = [0], extensions = [] } = {}) {
  const body = Buffer.concat([u16(version), Buffer.alloc(32, 7), block8(), block16(...ciphers.map(u16)), block8(Buffer.from(compression)),
    block16(...kExtensions, ...extensions)]);
  return Buffer.concat([Buffer.from([1]), u24(body.length), body]);
}
export const hello = (options) => record(kHandshake, helloMessage(options));

/** The complete records of `bytes`: [{type, body}]. */
export function records(bytes) {
  const all = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const size = bytes.readUInt16BE(at + 3);
    if (at + 5 + size > bytes.length) break;
    all.push({ type: bytes[at], body: bytes.subarray(at + 5, at + 5 + size) });
    at += 5 + size;
  }
  return all;
}

/** What the server answers to bytes by hand: "alert 70" or "hello", and "FIN" when nothing. */
export async function verdict(raw) {
  await raw.until(() => records(raw.peek()).length > 0 || raw.end !== null, "an answer");
  const [first] = records(raw.peek());
  if (!first) return raw.end;
  if (first.type === kAlert) {
    assert.equal(first.body[0], 2);  // fatal
    return `alert ${first.body[1]}`;
  }
  assert.equal(first.type, kHandshake);
  assert.equal(first.body[0], 2);
  return "hello";
}
