// RFC 6455 by hand: frames and handshakes as bytes, right or wrong, as told.
import crypto from "node:crypto";

const kEmpty = Buffer.alloc(0);

export const bytes = (data) => (Buffer.isBuffer(data) ? data : Buffer.from(data, "latin1"));

/** `data` cut into pieces of `size` bytes. */
export function pieces(data, size) {
  const out = [];
  for (let at = 0; at < data.length; at += size) out.push(data.subarray(at, at + size));
  return out;
}

export const kText = 1;
export const kBinary = 2;
export const kClose = 8;
export const kPing = 9;
export const kPong = 10;

export const kDefaultKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);  // RFC 6455 §5.7

/**
 * One frame. `form` forces the length's form (7, 16, 64), `length` the number announced, `key` null leaves it unmasked.
 */
export function frame(opcode, payload = kEmpty, { fin = true, rsv = 0, key = kDefaultKey, form, length } = {}) {
  const data = typeof payload === "string" ? Buffer.from(payload, "utf8") : payload;
  const announced = BigInt(length ?? data.length);
  const bits = form ?? (announced < 126n ? 7 : announced < 65536n ? 16 : 64);
  const head = Buffer.alloc(2 + (bits === 7 ? 0 : bits / 8));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (key ? 0x80 : 0) | (bits === 7 ? Number(announced) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(announced), 2);
  if (bits === 64) head.writeBigUInt64BE(announced, 2);
  if (!key) return Buffer.concat([head, data]);
  const masked = Buffer.from(data);
  unmask(masked, key);
  return Buffer.concat([head, key, masked]);
}

/** Turns `data` by `key`, in place. */
export function unmask(data, key) {
  for (let i = 0; i < data.length; ++i) data[i] ^= key[i & 3];
}

/** `payload` as a message in fragments of `size` bytes; `rsv` is the first frame's. */
export function fragments(opcode, payload, size, { rsv = 0, key = kDefaultKey } = {}) {
  const parts = pieces(typeof payload === "string" ? Buffer.from(payload, "utf8") : payload, size);
  if (!parts.length) parts.push(kEmpty);
  return parts.map((part, i) => frame(i === 0 ? opcode : 0, part, { fin: i === parts.length - 1, rsv: i === 0 ? rsv : 0, key }));
}

export function closeBody(code, reason = "") {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, typeof reason === "string" ? Buffer.from(reason, "utf8") : reason]);
}
export const closing = (code, reason, options) => frame(kClose, closeBody(code, reason), options);

/** A request: `line`, Host, further header lines, body. */
export const http = (line, headers = [], body = "") => `${[line, "Host: x", ...headers].join("\r\n")}\r\n\r\n${body}`;

export const kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3
export const kUpgradeLines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Key: ${kKey}`, "Sec-WebSocket-Version: 13"];
export const accepts = (key) => crypto.createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
