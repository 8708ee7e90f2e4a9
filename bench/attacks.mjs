// The attacks of bench/siege: each keeps its connections at what it does until it is told to stop. Whoever is closed comes
// again, as an attacker would.
import net from "node:net";
import zlib from "node:zlib";

const kPath = "/socket.io/?EIO=4&transport=";
const kKey = Buffer.from([1, 2, 3, 4]);
const kUpgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/** A masked frame; `length`: announced instead of the payload's. */
export function frame(opcode, payload = "", { fin = true, compressed = false, length } = {}) {
  const data = Buffer.from(payload);
  const announced = length ?? data.length;
  const head = Buffer.alloc(announced < 126 ? 2 : announced < 65536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode;
  head[1] = 0x80 | (announced < 126 ? announced : announced < 65536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(announced, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(announced), 2);
  for (let i = 0; i < data.length; ++i) data[i] ^= kKey[i & 3];
  return Buffer.concat([head, kKey, data]);
}
const text = (packet) => frame(1, packet);
const request = (line, lines = "", body = "") => `${line} HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`;

/** Keeps `count` connections open, opening `perTurn` at a time; `play(connection)` is called for each that connects. */
class Crowd {
  stats = { opened: 0, most: 0, closed: 0, failed: 0, bytes: 0 };  // most: connections at once
  #stopped = false;
  #all = new Set();

  constructor(port, count, play) {
    this.port = port;
    this.count = count;
    this.play = play;
    this.full = new Promise((resolve) => { this.#onFull = resolve; });  // all have been tried once
    this.#fill(count);
  }
  #onFull;

  #fill(count) {
    if (this.#stopped) return;
    const now = Math.min(count, 100);
    for (let i = 0; i < now; ++i) this.#open();
    if (count > now) setTimeout(() => this.#fill(count - now), 20);
  }

  #open() {
    if (this.#stopped) return;
    const socket = net.connect({ port: this.port, host: "127.0.0.1" });
    this.#all.add(socket);
    socket.setNoDelay(true);
    let connected = false;
    socket.on("connect", () => {
      connected = true;
      ++this.stats.opened;
      this.stats.most = Math.max(this.stats.most, this.stats.opened - this.stats.closed);
      this.#tried();
      this.play(new Connection(socket, this.stats));
    });
    socket.on("error", () => {
      if (connected) return;
      ++this.stats.failed;
      this.#tried();
    });
    socket.on("close", () => {
      this.#all.delete(socket);
      if (connected) ++this.stats.closed;
      setTimeout(() => this.#open(), 200 + Math.random() * 800);
    });
  }

  #tried() { if (this.stats.opened + this.stats.failed >= this.count) this.#onFull(); }

  stop() {
    this.#stopped = true;
    for (const socket of this.#all) socket.destroy();
  }
}

class Connection {
  constructor(socket, stats) {
    this.socket = socket;
    this.stats = stats;
  }
  get open() { return !this.socket.destroyed && this.socket.writable; }
  send(data) {
    this.stats.bytes += data.length;
    return this.socket.write(data);
  }
  /** As fast as the server takes it, in pieces of what `next()` gives; null: no more. */
  flood(next) {
    const go = () => {
      for (let i = 0; this.open && i < 64; ++i) {
        const piece = next();
        if (piece === null) return;
        if (!this.send(piece)) return void this.socket.once("drain", go);
      }
      if (this.open) setImmediate(go);
    };
    go();
  }
  drip(ms, data) {
    const timer = setInterval(() => { if (this.open) this.send(data); else clearInterval(timer); }, ms);
    this.socket.once("close", () => clearInterval(timer));
  }
  ignore() { this.socket.pause(); }
  read() { this.socket.resume(); }
  /** Resolves with what has come once it holds `mark`. */
  until(mark) {
    return new Promise((resolve) => {
      let got = "";
      const look = (data) => {
        got += data.toString("latin1");
        if (!got.includes(mark)) return;
        this.socket.off("data", look);
        resolve(got);
      };
      this.socket.on("data", look);
    });
  }
}

async function websocket(connection, { deflate = false, query = "" } = {}) {
  connection.send(request(`GET ${kPath}websocket${query}`, kUpgrade + (deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "")));
  await connection.until(query ? "\r\n\r\n" : "pingInterval");
  return connection;
}
async function joined(connection, options) {
  await websocket(connection, options);
  connection.send(text("40"));
  await connection.until("40{");
  return connection;
}
const polling = async (connection) => {
  connection.send(request(`GET ${kPath}polling`));
  return /"sid":"([\w-]+)"/.exec(await connection.until("\"sid\":\""))?.[1];
};

const kAttachments = 9;
const holes = (n) => Array.from({ length: n }, (_, i) => `{"_placeholder":true,"num":${i}}`).join();
const repeat = (piece, bytes) => Buffer.concat(Array(Math.ceil(bytes / piece.length)).fill(piece));
const kHalfMegabyte = Buffer.alloc(500_000, "x");

/** {name: {what, count: connections, play: (connection, number of the attack)}} */
export const kAttacks = {
  "slow-loris": {
    what: "connections that send a byte of a head a second", count: 10_000,
    play(c) { c.read(); c.send("GET / HTTP/1.1\r\nX: "); c.drip(1000, "y"); },
  },
  headers: {
    what: "heads without an end, as fast as they are taken", count: 200,
    play(c) { c.read(); c.send("GET / HTTP/1.1\r\nHost: x\r\n"); const lines = repeat(Buffer.from("X: yyyyyyyyyyyyyyyy\r\n"), 4096); c.flood(() => lines); },
  },
  connect: {
    what: "CONNECT and DISCONNECT, as fast as they are taken", count: 50,
    async play(c) { await joined(c); c.read(); const block = repeat(Buffer.concat([text("40/room-1,"), text("41/room-1,")]), 16_384); c.flood(() => block); },
  },
  namespaces: {
    what: "CONNECT to ever new namespaces", count: 50,
    async play(c) {
      await joined(c);
      c.read();
      let n = Math.floor(Math.random() * 1e9);
      c.flood(() => Buffer.concat(Array.from({ length: 100 }, () => text(`40/room-${n++},`))));
    },
  },
  acks: {
    what: "events that want acknowledgements, and acknowledgements nobody wants", count: 50,
    async play(c) { await joined(c); c.read(); let id = 0; c.flood(() => Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([text(`42${++id}["m",1]`), text(`43${id}[1]`)])))); },
  },
  gigabyte: {
    what: "a gigabyte, as messages of 1 MB and a byte in fragments", count: 16,
    async play(c) {
      await joined(c);
      c.read();
      const piece = frame(0, kHalfMegabyte.subarray(0, 100_000), { fin: false });
      let left = 1e9 / 16;
      c.send(frame(2, "", { fin: false }));
      c.flood(() => ((left -= piece.length) > 0 ? piece : null));
    },
  },
  "never-read": {
    what: "clients that join a room, ask for a megabyte and never read, while one talks to the room", count: 1_001,
    async play(c, n) {
      if (n % 2) {
        c.ignore();
        return void c.send(request("GET /big").repeat(20));
      }
      await joined(c);
      if (n === 0) {
        c.read();
        const said = Buffer.concat(Array(4).fill(text(`42["say","${"x".repeat(4000)}"]`)));
        return c.drip(10, said);
      }
      c.send(text('42["listen"]'));
      c.ignore();
    },
  },
  "handshakes (P52)": {
    what: "one connection that makes sessions with heads of 15 KB, as fast as they are answered", count: 1,
    play(c) {
      c.read();
      const lines = Array.from({ length: 90 }, (_, i) => `Z${100 + i}: ${"z".repeat(160)}\r\n`).join("");
      const block = repeat(Buffer.from(request(`GET ${kPath}polling`, lines)), 65_536);
      c.flood(() => block);
    },
  },
  upgrades: {
    what: "sessions that probe and never upgrade", count: 1_000,
    async play(c, n) {
      const sid = await polling(c);
      const probe = net.connect({ port: c.socket.remotePort, host: "127.0.0.1" });
      probe.on("error", () => {});
      c.socket.once("close", () => probe.destroy());
      probe.once("close", () => c.socket.destroy());
      const other = new Connection(probe, c.stats);
      await websocket(other, { query: `&sid=${sid}` });
      other.send(text("2probe"));
      other.read();
      c.read();
    },
  },
  posts: {
    what: "polling POSTs of 1 MB that stop at the half", count: 1_000,
    async play(c) {
      const sid = await polling(c);
      c.read();
      c.send(request(`POST ${kPath}polling&sid=${sid}`, "Content-Length: 1000000\r\n"));
      c.send(kHalfMegabyte);
      c.drip(1000, "x");
    },
  },
  attachments: {
    what: "packets of nine attachments of which one is never sent", count: 500,
    async play(c) {
      await joined(c);
      c.read();
      c.send(text(`45${kAttachments}-["m",${holes(kAttachments)}]`));
      for (let i = 1; i < kAttachments; ++i) c.send(frame(2, kHalfMegabyte));
    },
  },
  pings: {
    what: "pings of 125 bytes from clients that never read", count: 100,
    async play(c) { await joined(c); c.ignore(); const block = repeat(frame(9, "x".repeat(125)), 16_384); c.flood(() => block); },
  },
};

const kSingle = Object.values(kAttacks);
kAttacks.mix = {
  what: "all of these at once, each connection pushing on another limit", count: 3_000,
  play(c, n) { return kSingle[n % kSingle.length].play(c, Math.floor(n / kSingle.length)); },
};

const bomb = zlib.deflateRawSync(Buffer.from(`42["m","${"x".repeat(900_000)}"]`), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** Single clients at full speed, for fairness. */
export const kFloods = {
  "events (S76)": {
    what: "events of 20 bytes over a WebSocket", count: 1,
    async play(c) { await joined(c); c.read(); const block = repeat(text('42["nobody",1,2,3]'), 65_536); c.flood(() => block); },
  },
  "echoes": {
    what: "events that are answered, over a WebSocket", count: 1,
    async play(c) { await joined(c); c.read(); const block = repeat(text('42["m",1,2,3]'), 65_536); c.flood(() => block); },
  },
  "pipelining (H84)": {
    what: "pipelined HTTP requests", count: 1,
    play(c) { c.read(); const block = repeat(Buffer.from(request("GET /nothing")), 65_536); c.flood(() => block); },
  },
  "payloads": {
    what: "polling POSTs of 16,384 packets each", count: 1,
    async play(c) {
      const sid = await polling(c);
      c.send(request(`POST ${kPath}polling&sid=${sid}`, "Content-Length: 2\r\n", "40"));
      await c.until("ok");
      const body = Array(16_384).fill('42["nobody",1]').join("\x1e");
      const post = request(`POST ${kPath}polling&sid=${sid}`, `Content-Length: ${body.length}\r\n`, body);
      const again = () => { if (c.open) { const answered = c.until("ok"); c.send(post); answered.then(again); } };
      again();
    },
  },
  "pipelined polling": {
    what: "POSTs of an event and polls for its answer, pipelined", count: 1,
    async play(c) {
      const sid = await polling(c);
      const packet = '42["m",1]';
      const post = (body) => request(`POST ${kPath}polling&sid=${sid}`, `Content-Length: ${body.length}\r\n`, body);
      c.send(post("40"));
      await c.until("ok");
      c.send(request(`GET ${kPath}polling&sid=${sid}`));
      await c.until("40{");
      c.read();
      const block = repeat(Buffer.from(post(packet) + request(`GET ${kPath}polling&sid=${sid}`)), 65_536);
      c.flood(() => block);
    },
  },
  "deflate (D10)": {
    what: "messages of 900 kB in a kilobyte each", count: 1,
    async play(c) { await joined(c, { deflate: true }); c.read(); const block = repeat(frame(1, bomb, { compressed: true }), 16_384); c.flood(() => block); },
  },
};

/** Starts an attack; {stats, full, stop()}. `count`: connections, at most its own. */
export function attack(port, name, count = Infinity) {
  const { play, count: own } = kAttacks[name] ?? kFloods[name];
  let number = 0;
  return new Crowd(port, Math.min(count, own), (connection) => { Promise.resolve(play(connection, number++)).catch(() => {}); });
}
