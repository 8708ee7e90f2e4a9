// One connection with the peer under test, which may be either side: what it sends is checked frame by frame and handed
// out as events.
//
//   { kind: "text" | "binary" | "pong", data, compressed }    compressed: bytes on the wire, or 0
//   { kind: "close", code, reason }                           code undefined: an empty close frame
//   { kind: "end", how: "FIN" | "RST" }    { kind: "silence" }: nothing came within the patience
//
// What no peer may do is thrown: a Violation.
import { bytes, frame, kBinary, kClose, kPing, kPong, kText, unmask } from "./frames.mjs";

export class Violation extends Error {}

const demand = (condition, what) => { if (!condition) throw new Violation(what); };
const isUtf8 = (data) => { try { new TextDecoder("utf-8", { fatal: true }).decode(data); return true; } catch { return false; } };

export class Connection {
  #parts = [];
  #size = 0;
  #wake = () => {};
  #message = null;  // { opcode, compressed, parts } while one comes in fragments
  #closed = false;

  /** `role` is the peer's: "server" or "client". `patience`: milliseconds that next() waits. `haste`: see judge.mjs. */
  constructor(socket, role, { patience = 5000, haste = 500 } = {}) {
    this.socket = socket;
    this.role = role;
    this.patience = patience;
    this.haste = haste;
    this.end = null;
    this.closing = false;  // this side has sent its close frame
    this.codec = null;  // of permessage-deflate, when that was agreed on
    this.keys = new Set();  // the peer's masks
    socket.on("data", (part) => { this.#parts.push(part); this.#size += part.length; this.#wake(); });
    socket.on("end", () => { this.end ??= "FIN"; this.#wake(); });
    socket.on("error", () => { this.end ??= "RST"; this.#wake(); });
    socket.on("close", () => { this.end ??= "RST"; this.#wake(); });
  }

  // --- out ----------------------------------------------------------------------------------------------------------

  /** Sends each piece with a system call of its own; ends early when the peer is gone. */
  async send(...data) {
    for (const piece of data) {
      if (this.socket.destroyed) return;
      await new Promise((resolve) => this.socket.write(bytes(piece), resolve));
    }
  }
  push(data) { if (!this.socket.destroyed) this.socket.write(bytes(data)); }

  /** A frame as this side has to send it. */
  frame(opcode, payload, options) { return frame(opcode, payload, this.role === "client" ? { key: null, ...options } : options); }

  finish() { if (!this.socket.destroyed) this.socket.end(); }
  destroy() { this.socket.destroy(); }

  // --- in -----------------------------------------------------------------------------------------------------------

  /** True once `ready()`; false when the connection ends or `patience` milliseconds pass before. */
  async until(ready, patience = this.patience) {
    if (ready()) return true;
    return new Promise((resolve) => {
      const over = (answer) => { clearTimeout(timer); this.#wake = () => {}; resolve(answer); };
      const timer = setTimeout(over, patience, false);
      // A socket that has ended may still owe what it has read.
      this.#wake = () => { if (ready()) over(true); else if (this.end) over(false); };
      this.#wake();
    });
  }

  peek() {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }
  take(n) {
    const all = this.peek();
    this.#parts = n < all.length ? [all.subarray(n)] : [];
    this.#size = all.length - n;
    return all.subarray(0, n);
  }
  async #exactly(n, patience) { return (await this.until(() => this.#size >= n, patience)) ? this.take(n) : null; }

  /** The head of a request or response, without the empty line; null when none came. */
  async head() {
    const found = () => this.peek().indexOf("\r\n\r\n");
    if (!await this.until(() => found() >= 0)) return null;
    const [first, ...lines] = this.take(found() + 4).toString("latin1").trimEnd().split("\r\n");
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    return { first, headers };
  }

  /** The next event. */
  async next(patience = this.patience) {
    for (;;) {
      const head = await this.#exactly(2, patience);
      if (!head) return this.#over();
      const event = await this.#frame(head[0], head[1]);
      if (event) return event;
    }
  }
  #over() {
    if (!this.end) return { kind: "silence" };
    if (this.#size && this.end === "FIN") throw new Violation("ends inside a frame");
    return { kind: "end", how: this.end };
  }

  async #frame(first, second) {
    const opcode = first & 15;
    const fin = (first & 0x80) !== 0;
    demand(!this.#closed, "sends frames after its close frame");
    demand((second & 0x80) !== 0 === (this.role === "client"), this.role === "client" ? "does not mask" : "masks");
    demand((first & 0x30) === 0, "sets reserved bits");
    let length = second & 0x7f;
    if (opcode >= kClose) demand(fin && length < 126, "sends a control frame that is long or fragmented");
    const bits = length === 126 ? 16 : length === 127 ? 64 : 7;
    if (bits > 7) {
      const field = await this.#exactly(bits / 8);
      if (!field) return this.#over();
      length = bits === 16 ? field.readUInt16BE() : Number(field.readBigUInt64BE());
      demand(length > (bits === 16 ? 125 : 65535), "sends a length that is not in its shortest form");
    }
    const key = this.role === "client" ? await this.#exactly(4) : Buffer.alloc(0);
    const sent = key && await this.#exactly(length);
    if (!sent) return this.#over();
    const data = this.role === "client" ? Buffer.from(sent) : sent;
    if (this.role === "client") {
      unmask(data, key);
      this.keys.add(key.toString("hex"));
    }
    return opcode >= kClose ? this.#control(opcode, first, data) : this.#data(opcode, first, fin, data);
  }

  #control(opcode, first, data) {
    demand((first & 0x40) === 0, "sets RSV1 on a control frame");
    demand(opcode <= kPong, `sends opcode ${opcode}`);
    if (opcode === kPong) return { kind: "pong", data };
    if (opcode === kPing) {
      this.push(this.frame(kPong, data));
      return null;
    }
    this.#closed = true;
    demand(data.length !== 1, "sends a close frame of one byte");
    if (!data.length) return { kind: "close", code: undefined, reason: "" };
    demand(isUtf8(data.subarray(2)), "sends a reason that is no UTF-8");
    return { kind: "close", code: data.readUInt16BE(), reason: data.subarray(2).toString("utf8") };
  }

  #data(opcode, first, fin, data) {
    demand(opcode <= kBinary, `sends opcode ${opcode}`);
    demand((opcode === 0) === (this.#message !== null), opcode === 0 ? "continues nothing" : "begins a message inside another");
    demand((first & 0x40) === 0 || (this.codec && opcode !== 0), "sets RSV1 where it may not");
    this.#message ??= { opcode, compressed: (first & 0x40) !== 0, parts: [] };
    this.#message.parts.push(data);
    if (!fin) return null;
    const { opcode: kind, compressed, parts } = this.#message;
    this.#message = null;
    const all = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    let whole = all;
    if (compressed) {
      try { whole = this.codec.inflate(all); } catch (error) { throw new Violation(`sends what does not inflate: ${error.message}`); }
    }
    if (kind === kText) demand(isUtf8(whole), "sends text that is no UTF-8");
    return { kind: kind === kText ? "text" : "binary", data: whole, compressed: compressed ? all.length : 0 };
  }
}
