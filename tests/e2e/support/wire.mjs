// Raw HTTP and WebSocket peers: they send what they are told and report what they see, without a client library.
import assert from "node:assert/strict";
import http from "node:http";
import { WebSocket } from "ws";

export const kPatienceMs = 60_000;  // never what a test asserts; only how long it waits before it gives up

export function within(promise, what, ms = kPatienceMs) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until `ready(answer)` holds, and resolves with that answer: for what is only told to whoever asks. */
export async function until(ask, ready, what) {
  const end = Date.now() + kPatienceMs;
  for (let pause = 1; ; pause = Math.min(2 * pause, 50)) {
    const answer = await ask();
    if (ready(answer)) return answer;
    assert(Date.now() < end, `waited in vain for ${what}; last: ${JSON.stringify(answer)?.slice(0, 2000)}`);
    await sleep(pause);
  }
}

// --- HTTP --------------------------------------------------------------------------------------------------------

const oneShot = new http.Agent({ keepAlive: false });

/** One request. Resolves with {status, headers, body}; `sent(request)` gives the test the request to tamper with. */
export function request(url, { method = "GET", headers = {}, body, sent, agent = oneShot } = {}) {
  const answer = new Promise((resolve, reject) => {
    const req = http.request(url, { method, headers, agent }, (res) => {
      const parts = [];
      res.on("data", (part) => parts.push(part));
      res.on("error", reject);
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts).toString("utf8") }));
    });
    req.on("error", reject);
    if (sent) sent(req);
    else req.end(body);
  });
  return within(answer, `an answer to ${method} ${url}`);
}

/** The packets of a text payload of Engine.IO 3. */
export function packetsOfVersion3(payload) {
  const all = [];
  for (let rest = payload; rest;) {
    const colon = rest.indexOf(":");
    const length = Number(rest.slice(0, colon));
    assert(colon > 0 && rest.length >= colon + 1 + length, `a payload: ${payload.slice(0, 100)}`);
    all.push(rest.slice(colon + 1, colon + 1 + length));
    rest = rest.slice(colon + 1 + length);
  }
  return all;
}

// --- WebSocket -----------------------------------------------------------------------------------------------------

/** A WebSocket whose frames are read one after the other. With `pong`, Engine.IO pings are answered and not shown. */
export class Frames {
  #queue = [];
  #waiting = [];
  constructor(url, { pong = false, headers, protocols } = {}) {
    this.pings = 0;
    this.socket = new WebSocket(url, protocols ?? [], { headers, perMessageDeflate: false });
    this.closed = new Promise((resolve) => {
      this.socket.on("unexpected-response", (req, res) => {
        let body = "";
        res.on("data", (part) => { body += part; });
        res.on("close", () => resolve({ status: res.statusCode, body }));
      });
      this.socket.on("close", (code) => resolve({ code }));
      this.socket.on("error", () => {});
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on("open", resolve);
      this.closed.then((how) => reject(new Error(`not opened: ${JSON.stringify(how)}`)));
    });
    this.opened.catch(() => {});
    this.socket.on("message", (data, binary) => {
      const frame = binary ? data : data.toString("utf8");
      if (pong && frame === "2") {
        ++this.pings;
        this.send("3");
        return;
      }
      const taker = this.#waiting.shift();
      if (taker) taker.resolve(frame);
      else this.#queue.push(frame);
    });
    this.closed.then((how) => {
      this.how = how;
      for (const taker of this.#waiting.splice(0)) taker.reject(new Error(`closed while a frame was expected: ${JSON.stringify(how)}`));
    });
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  next(what = "a frame") {
    if (this.#queue.length) return Promise.resolve(this.#queue.shift());
    if (this.how) return Promise.reject(new Error(`closed before ${what}: ${JSON.stringify(this.how)}`));
    return within(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })), what);
  }

  /** Frames that came and were not read. */
  get unread() { return [...this.#queue]; }

  gone() { return within(this.closed, "the WebSocket to be closed"); }
  close() { this.socket.terminate(); }
}

// --- Engine.IO -------------------------------------------------------------------------------------------------------

const kRecord = "\x1e";
export const kEnginePath = "/engine.io/";  // of the suites that speak Engine.IO only

export const pollingUrl = (server, path = "/socket.io/", query = "EIO=4&transport=polling") => `${server.url}${path}?${query}`;
export const socketUrl = (server, path = "/socket.io/", query = "EIO=4&transport=websocket") => `${server.ws}${path}?${query}`;

/** An Engine.IO session on a WebSocket, whose handshake has been read; no CONNECT has been sent. */
export async function openedSocket(server, { path, pong = true } = {}) {
  const frames = new Frames(socketUrl(server, path), { pong });
  frames.handshake = JSON.parse((await frames.next("the handshake")).slice(1));
  return frames;
}

/** An Engine.IO session over long polling. */
export class Polling {
  static async open(server, path = "/socket.io/") {
    const answer = await request(pollingUrl(server, path));
    if (answer.status !== 200 || answer.body[0] !== "0") throw new Error(`no handshake: ${answer.status} ${answer.body}`);
    return new Polling(server, path, JSON.parse(answer.body.slice(1)));
  }

  constructor(server, path, handshake) {
    this.server = server;
    this.path = path;
    this.handshake = handshake;
    this.sid = handshake.sid;
    this.url = `${pollingUrl(server, path)}&sid=${this.sid}`;
    this.upgradeUrl = `${socketUrl(server, path)}&sid=${this.sid}`;
  }

  get(options) { return request(this.url, options); }
  post(body, headers = {}) { return request(this.url, { method: "POST", body, headers: { "content-type": "text/plain;charset=UTF-8", ...headers } }); }

  #ready = [];
  /** The next packet that is not a ping; pings are answered. */
  async next() {
    while (!this.#ready.length) {
      const { status, body } = await this.get();
      if (status !== 200) throw new Error(`the poll was answered with ${status} ${body}`);
      for (const packet of body.split(kRecord)) {
        if (packet === "2") await this.post("3");
        else this.#ready.push(packet);
      }
    }
    return this.#ready.shift();
  }

  /** Is the session gone? Resolves with the answer to a poll that must be refused. */
  async refused() {
    const { status, body } = await this.get();
    return { status, code: body.startsWith("{") ? JSON.parse(body).code : undefined };
  }
}

// --- Socket.IO on a raw WebSocket, and the log of the probe suite -----------------------------------------------------

/** The id of a socket in the reply to its CONNECT. */
export const idOf = (reply) => JSON.parse(reply.slice(reply.indexOf("{"))).sid;

/** A WebSocket session joined to `/` as `id`; what the server says in reply has been read. */
export async function joined(server, { pong = true, auth = "", greeting = 0 } = {}) {
  const frames = await openedSocket(server, { pong });
  frames.send(`40${auth}`);
  frames.id = idOf(await frames.next("the CONNECT reply"));
  for (let i = 0; i < greeting; ++i) await frames.next("the greeting");
  return frames;
}

/** The probe server's log, gathered over several reads since each read empties it. */
export class Log {
  entries = [];
  constructor(server) { this.server = server; }

  async read() {
    const { body } = await request(`${this.server.url}/__log`);
    const state = JSON.parse(body);
    this.entries.push(...state.log);
    return state;
  }

  /** Forgets what is there. The ends of earlier tests' clients may be noticed at any time: look for one by its id. */
  async clear() {
    await this.read();
    this.entries = [];
  }

  /** Reads until `wanted(entry)` holds for one; resolves with that entry. */
  async until(wanted, what) {
    const entries = await until(async () => { await this.read(); return this.entries; }, (all) => all.some(wanted), `${what} in the log`);
    return entries.find(wanted);
  }

  /** The end of the socket with this id. */
  disconnect(id) { return this.until((entry) => "disconnect" in entry && entry.id === id, `the end of ${id}`); }
}
