// permessage-deflate for one connection, both ways, without a stream: a context that is kept is given to zlib as the
// dictionary, which is the same bytes (RFC 7692 §7.2).
import zlib from "node:zlib";

const kTail = Buffer.from([0, 0, 0xff, 0xff]);
const kFlush = zlib.constants.Z_SYNC_FLUSH;
const kEmpty = Buffer.alloc(0);

class Window {
  #last = kEmpty;
  constructor(keeps, bits) {
    this.keeps = keeps;
    this.bits = bits;
  }
  get options() { return { windowBits: this.bits, ...(this.#last.length ? { dictionary: this.#last } : {}) }; }
  add(data) {
    if (!this.keeps) return;
    const size = 1 << this.bits;
    this.#last = data.length >= size ? data.subarray(-size) : Buffer.concat([this.#last, data]).subarray(-size);
  }
}

export class Codec {
  /** {keeps, bits} of this side and of the peer's. zlib makes no windows of 8 bits; we never ask for them. */
  constructor(ours, theirs) {
    this.out = new Window(ours.keeps, ours.bits);
    this.in = new Window(theirs.keeps, theirs.bits);
  }
  deflate(data) {
    const sent = zlib.deflateRawSync(data, { ...this.out.options, finishFlush: kFlush });
    this.out.add(data);
    return sent.subarray(0, -4);
  }
  inflate(data) {
    const whole = zlib.inflateRawSync(Buffer.concat([data, kTail]), { ...this.in.options, finishFlush: kFlush });
    this.in.add(whole);
    return whole;
  }
}

/** Sec-WebSocket-Extensions as a list of [name, {parameter: value or true}]. */
export function parseExtensions(value = "") {
  return value.split(",").map((one) => one.trim()).filter(Boolean).map((one) => {
    const [name, ...params] = one.split(";").map((part) => part.trim());
    return [name, Object.fromEntries(params.map((param) => {
      const [key, given] = param.split("=").map((part) => part.trim());
      return [key, given === undefined ? true : given.replace(/^"(.*)"$/, "$1")];
    }))];
  });
}

/** The codec of the side that is not `peer` ("server" or "client") after `params` were agreed on. */
export function codecFor(peer, params) {
  const server = { keeps: !params.server_no_context_takeover, bits: Number(params.server_max_window_bits ?? 15) };
  const client = { keeps: !params.client_no_context_takeover, bits: Number(params.client_max_window_bits === true ? 15 : params.client_max_window_bits ?? 15) };
  return peer === "server" ? new Codec(client, server) : new Codec(server, client);
}
