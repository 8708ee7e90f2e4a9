// Bytes on a TCP connection: hand-made HTTP requests and WebSocket frames, sent as told, and what comes back, parsed
// without any library that would correct either side.
import assert from "node:assert/strict";
import net from "node:net";
import zlib from "node:zlib";
import { accepts, bytes, frame, http, kBinary, kClose, kKey, kPing, kPong, kText, kUpgradeLines } from "../../rfc6455/frames.mjs";
import { kPatienceMs, request, until, within } from "./wire.mjs";

export * from "../../rfc6455/frames.mjs";

const kEmpty = Buffer.alloc(0);

// --- TCP -----------------------------------------------------------------------------------------------------------

/** A TCP connection that shows what came in and how it ended. */
export class Raw {
  static async connect(server) {
    const raw = new Raw(net.connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }));
    await within(new Promise((resolve, reject) => raw.socket.once("connect", resolve).once("error", reject)), "a connection");
    return raw;
  }

  #parts = [];
  #changed = () => {};
  constructor(socket) {
    this.socket = socket;
    this.size = 0;
    this.end = null;  // "FIN" or "RST"
    socket.on("data", (part) => { this.#parts.push(part); this.size += part.length; this.#changed(); });
    socket.on("end", () => { this.end ??= "FIN"; this.#changed(); });
    socket.on("error", () => { this.end ??= "RST"; this.#changed(); });
    socket.on("close", () => { this.end ??= "RST"; this.#changed(); });
  }

  /** Sends each piece with a system call of its own, and waits until the last has left. */
  async send(...data) {
    for (const piece of data) {
      await new Promise((resolve) => this.socket.write(bytes(piece), resolve));
      if (this.socket.destroyed) return;
    }
  }

  /** Sends without waiting: for a peer that may not be reading. */
  push(data) { if (!this.socket.destroyed) this.socket.write(bytes(data)); }

  /** Everything that came and was not taken. */
  peek() {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? kEmpty;
  }

  take(n) {
    const all = this.peek();
    this.#parts = n < all.length ? [all.subarray(n)] : [];
    this.size = all.length - n;
    return all.subarray(0, n);
  }

  /** Resolves when `ready()` holds; rejects when the connection ends before, unless `ready` knows about that. */
  async until(ready, what, ms = kPatienceMs) {
    await within(new Promise((resolve, reject) => {
      this.#changed = () => {
        if (ready()) resolve();
        else if (this.end) reject(new Error(`${this.end} instead of ${what}; unread: ${JSON.stringify(this.peek().toString("latin1").slice(0, 300))}`));
      };
      this.#changed();
    }), what, ms).finally(() => { this.#changed = () => {}; });
  }

  async exactly(n, what) {
    await this.until(() => this.size >= n, what);
    return this.take(n);
  }

  /** Resolves when the server has ended its side. */
  ended(ms) { return this.until(() => this.end !== null, "the end of the connection", ms); }

  finish() { this.socket.end(); }
  reset() { this.socket.resetAndDestroy(); }
  close() { this.socket.destroy(); }
}

// --- HTTP ----------------------------------------------------------------------------------------------------------

/** The next response on `raw`: {status, reason, headers (lower case), body}. `head`: it answers a HEAD request. */
export async function response(raw, head = false) {
  const find = () => raw.peek().indexOf("\r\n\r\n");
  await raw.until(() => find() >= 0, "a response");
  const [first, ...lines] = raw.take(find() + 4).toString("latin1").trimEnd().split("\r\n");
  const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first) ?? assert.fail(`no status line: ${JSON.stringify(first)}`);
  const headers = {};
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line) ?? assert.fail(`no header: ${JSON.stringify(line)}`);
    headers[name.toLowerCase()] = value;
  }
  const bare = head || status < 200 || status == 204 || status == 304;
  if (!bare) assert(headers["content-length"] !== undefined, `no Content-Length in ${first}`);
  const body = bare ? "" : (await raw.exactly(Number(headers["content-length"]), "the body")).toString("utf8");
  return { status: Number(status), reason, headers, body };
}

/** A poll of `polling` that the server is holding: it was read together with a POST before it, whose answer has come.
 *  The POST is one of the same session (a noop, which is ignored), since a connection moves to the thread of the session
 *  first: what is answered before that says nothing about the poll. response() is then the poll's. */
export async function parkedPoll(server, polling) {
  const path = polling.url.slice(server.url.length);
  const raw = await Raw.connect(server);
  await raw.send(http(`POST ${path} HTTP/1.1`, ["Content-Length: 1"]) + "6" + http(`GET ${path} HTTP/1.1`));
  assert.equal((await response(raw)).body, "ok");
  return raw;
}

/** A POST of `polling` whose body the server waits for. */
export async function begunPost(server, polling, length = 100) {
  const raw = await Raw.connect(server);
  await raw.send(http(`POST ${polling.url.slice(server.url.length)} HTTP/1.1`, [`Content-Length: ${length}`, "Expect: 100-continue"]));
  assert.equal((await response(raw)).status, 100);
  return raw;
}

/** How section 3 of the tables writes it: status, "c" for Connection: close, body. */
export const summary = ({ status, headers, body }) =>
  `${status}${headers.connection?.toLowerCase() === "close" ? "c" : ""}${body ? ` ${body}` : ""}`;

// --- WebSocket -----------------------------------------------------------------------------------------------------

export const kSocketPath = "/socket.io/?EIO=4&transport=websocket";
export const upgradeRequest = (path = kSocketPath, lines = kUpgradeLines) => http(`GET ${path} HTTP/1.1`, lines);
const kTail = Buffer.from([0, 0, 0xff, 0xff]);
const inflated = (data) => zlib.inflateRawSync(Buffer.concat([data, kTail]), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
/** A message as permessage-deflate sends it, without context. */
export const deflated = (data) => zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** A WebSocket after its handshake; frames of the server are checked and handed out one by one. */
export class RawSocket {
  static async open(server, path = kSocketPath, { pong = true, early = kEmpty, lines = [] } = {}) {
    const raw = await Raw.connect(server);
    await raw.send(Buffer.concat([bytes(upgradeRequest(path, [...kUpgradeLines, ...lines])), early]));
    const { status, headers } = await response(raw);
    assert.equal(status, 101);
    assert.equal(headers["sec-websocket-accept"], accepts(kKey));
    return new RawSocket(raw, pong, headers["sec-websocket-extensions"]);
  }

  constructor(raw, pong, extensions) {
    this.raw = raw;
    this.extensions = extensions;  // what the server agreed to; messages may then be compressed (see `frame`)
    this.pong = pong;  // answer Engine.IO pings, and do not show them
  }

  send(...data) { return this.raw.send(...data); }

  /** The next frame as {opcode, data}; for a close frame also {code, reason}. With permessage-deflate also `compressed`,
   *  how many bytes were sent, or 0; data are inflated, without context. */
  async frame(what = "a frame") {
    const [first, second] = await this.raw.exactly(2, what);
    assert.equal(second & 0x80, 0, "a server does not mask");
    assert.equal(first & (this.extensions ? 0x30 : 0x70), 0, "no reserved bits");
    assert(first & 0x80, "this server does not fragment");
    let length = second;
    if (second === 126) length = (await this.raw.exactly(2, what)).readUInt16BE();
    if (second === 127) length = Number((await this.raw.exactly(8, what)).readBigUInt64BE());
    assert((second < 126) === (length < 126) && (second === 127) === (length > 65535), "the shortest form of the length");
    const sent = await this.raw.exactly(length, what);
    const data = first & 0x40 ? inflated(sent) : sent;
    const out = { opcode: first & 15, data };
    if (this.extensions) out.compressed = first & 0x40 ? length : 0;
    if (out.opcode === kClose && length > 0) Object.assign(out, { code: data.readUInt16BE(), reason: data.subarray(2).toString("utf8") });
    if (this.pong && out.opcode === kText && data.toString() === "2") {
      this.raw.push(frame(kText, "3"));
      return this.frame(what);
    }
    return out;
  }

  /** The next frame in one string: `text…`, `bin:hex`, `ping:hex`, `pong:hex`, `close:code:reason`. */
  async next(what) {
    const { opcode, data, code, reason } = await this.frame(what);
    switch (opcode) {
      case kText: return data.toString("utf8");
      case kBinary: return `bin:${data.toString("hex")}`;
      case kPing: return `ping:${data.toString("hex")}`;
      case kPong: return `pong:${data.toString("hex")}`;
      case kClose: return `close:${code ?? ""}${reason ? `:${reason}` : ""}`;
      default: return assert.fail(`opcode ${opcode}`);
    }
  }

  /** The server's FIN, with nothing before it. */
  async fin() {
    await this.raw.ended();
    assert.equal(this.raw.end, "FIN");
    assert.equal(this.raw.peek().toString("hex"), "");
    this.raw.finish();
  }

  close() { this.raw.close(); }
}

/** A WebSocket on which the main namespace is joined. */
export async function joinedRaw(server, options) {
  const socket = await RawSocket.open(server, kSocketPath, options);
  assert.match(await socket.next(), /^0\{/);
  await socket.send(frame(kText, "40"));
  assert.match(await socket.next(), /^40\{/);
  return socket;
}

// --- the probe server after a hostile input ---------------------------------------------------------------------------

/** Bytes that may be held beyond an idle server's: each further thread that has connections keeps one buffer. */
const threads = Number(/--threads (\d+)/.exec(process.env.SIO_SERVER_ARGS ?? "")?.[1] ?? 1);
export const kSlack = 65_536 * (threads - 1);

/** What must hold after each input: the log shows what is expected, and everything held has been given back. */
export class Aftermath {
  constructor(server) { this.server = server; }

  async #state() { return JSON.parse((await request(`${this.server.url}/__log`)).body); }

  /** Call once the server has done something, and before the first input. */
  async begin() {
    if (this.idle === undefined) {
      await this.#state();
      this.idle = (await this.#state()).ext;  // this request and the answer's memory
    }
    const { clients } = await this.#state();
    assert.equal(clients, 0);
  }

  #log = [];  // not yet asked for

  /** Bytes held now beyond those of an idle server. */
  async held() { return (await this.until(() => true)).held; }

  /** The state, {clients, held} and the end of the log, once `ready` says so of it. */
  until(ready) {
    return until(async () => {
      const { clients, ext, log } = await this.#state();
      this.#log.push(...log);
      return { clients, held: ext - this.idle, log: this.#log.slice(-50) };
    }, ready, "what is held to be given back");
  }

  /** Resolves with the log when no client is left and no byte is held. */
  async settled() {
    await this.until(({ clients, held }) => clients === 0 && held <= kSlack);
    const log = this.#log;
    this.#log = [];
    return log;
  }
}

/** The entries that matter, in one string each: `disconnect:reason`, `error:code`, `event:name`. */
export const told = (log) => log.flatMap((entry) => {
  if ("disconnect" in entry) return [`disconnect:${entry.disconnect}`];
  if ("connection_error" in entry) return [`error:${entry.connection_error}`];
  if ("event" in entry) return [`event:${entry.event}`];
  return [];
});
