// Groups 9 and 10 of the Autobahn numbering: size. Besides, both directions at once, and the peer's limit of a message when it
// is known. Without `all` the largest and the longest are left out.
import { kBinary, kText, pieces } from "./frames.mjs";
import { batches, lives, refused } from "./frame_cases.mjs";
import { binary, hangUp, maker, show, text, verdict } from "./judge.mjs";

const kKiB = 1024;
const kMiB = 1024 * 1024;
const kNoise = (() => { let s = 1; return Buffer.from(Uint8Array.from({ length: 64 * kKiB }, () => (s = (s * 16807) % 2147483647) & 0xff)); })();
export const noise = (n) => Buffer.alloc(n, kNoise);
export const ascii = (n) => Buffer.alloc(n, "The quick brown fox jumps over the lazy dog. ");

const kKinds = [["text", kText, ascii, text], ["binary", kBinary, noise, binary]];
const kTooBig = [{ refused: [1009], verdict: "INFORMATIONAL", why: "a limit of size" }];
const kTooMany = [{ refused: [1008, 1009], verdict: "INFORMATIONAL", why: "a limit of size or fragments" }];

function echoed(id, what, size, kind, send, or = kTooBig) {
  const [, opcode, make, event] = kind;
  return { id, what, send: (w) => send(w, opcode, make(size)), expect: () => [event(make(size))], then: "open", or };
}

/** `count` messages, one after the other, each echoed before the next. */
function dialogue(id, what, count, message, event) {
  return {
    id, what,
    async converse(connection) {
      const sent = message(maker(connection.role));
      const wanted = event();
      for (let n = 0; n < count; ++n) {
        connection.push(sent);
        const got = await connection.next();
        if (got.kind !== wanted.kind || !got.data.equals(wanted.data)) return verdict("FAILED", `echo ${n}: wanted ${show(wanted)}, got ${show(got)}`);
      }
      return hangUp(connection);
    },
  };
}

const atMost = (limit) => (size) => size <= limit;
const atLeast = (limit) => (size) => size >= limit;

export function sizeRows(role, { all = false, maxMessage } = {}) {
  const rows = [];
  for (const [i, kind] of kKinds.entries()) {
    const [name, opcode, make, event] = kind;
    const number = (list) => list.map((size, k) => [k + 1, size]);
    for (const [k, size] of number([64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB, 8 * kMiB, 16 * kMiB]).filter(([, n]) => all || atMost(4 * kMiB)(n)))
      rows.push(echoed(`9.${i + 1}.${k}`, `${name} of ${size / kKiB} KiB`, size, kind, (w, code, data) => [w.frame(code, data)]));
    for (const [k, size] of number([64, 256, kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB]).filter(([, n]) => all || (atLeast(kKiB)(n) && i === 0) || n === 64 * kKiB))
      rows.push(echoed(`9.${i + 3}.${k}`, `4 MiB of ${name} in fragments of ${size}`, 4 * kMiB, kind,
        (w, code, data) => batches(w.fragments(code, data, size), Math.max(1, (64 * kKiB) / size)), kTooMany));
    for (const [k, size] of number([64, 128, 256, 512, kKiB, 2 * kKiB]).filter(([, n]) => all || atLeast(kKiB)(n)))
      rows.push(echoed(`9.${i + 5}.${k}`, `1 MiB of ${name} in writes of ${size}`, kMiB, kind, (w, code, data) => pieces(w.frame(code, data), size)));
    const count = all ? 1000 : 100;
    for (const [k, size] of number([0, 16, 64, 256, kKiB, 4 * kKiB]))
      rows.push(dialogue(`9.${i + 7}.${k}`, `${count} echoes of ${size} bytes of ${name}, one at a time`, count, (w) => w.frame(opcode, make(size)), () => event(make(size))));
  }
  rows.push(
    echoed("10.1.1", "64 KiB in fragments of 1300", 64 * kKiB, kKinds[0], (w, code, data) => w.fragments(code, data, 1300)),
    {
      id: "G1", what: "both directions at once: 200 messages of 100,000 bytes",
      send: (w) => Array.from({ length: 200 }, () => w.binary(noise(100_000))), expect: () => Array(200).fill(binary(noise(100_000))), then: "open",
    },
    pingsUnread(),
  );
  if (maxMessage) {
    rows.push(
      refused("F42", `${maxMessage + 1} bytes announced, one more than the limit`, (w) => [w.binary("", { length: maxMessage + 1 })], 1009),
      refused("F42.b", "the limit exceeded by the second fragment", (w) => [w.binary("x", { fin: false }), w.more("", { length: maxMessage })], 1009),
      {
        // What is allowed is not refused: half of it, then a FIN, which is nobody's close frame.
        id: "F42.c", what: `${maxMessage} bytes announced, which is the limit, and the end of TCP inside`,
        async converse(connection) {
          await connection.send(maker(role).binary("", { length: maxMessage }), "never the end");
          connection.finish();
          const got = await connection.next();
          return got.kind === "end" ? verdict("OK") : verdict("FAILED", `wanted the end, got ${show(got)}`);
        },
      },
    );
    if (all) rows.push(lives("F41", "a message of the limit", (w) => [w.binary(noise(maxMessage))], binary(noise(maxMessage))));
  }
  return rows;
}

/** F45: pings from a peer that does not read until all are sent or the other has stopped reading; all are answered, in order. */
function pingsUnread() {
  const kCount = 20_000;
  const number = (i) => Buffer.from(String(i).padStart(125, "0"));
  return {
    id: "F45", what: `${kCount} pings from a peer that does not read`,
    async converse(connection) {
      const w = maker(connection.role);
      connection.socket.pause();
      // 2.6 MB are more than the buffers of a socket that nobody reads: a peer with a limit then waits for us, as we for it.
      const sent = new Promise((resolve) => connection.socket.write(Buffer.concat(Array.from({ length: kCount }, (_, i) => w.ping(number(i)))), resolve));
      await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 300))]);
      connection.socket.resume();
      for (let i = 0; i < kCount; ++i) {
        const got = await connection.next();
        if (got.kind === "close" || got.kind === "end") return verdict("INFORMATIONAL", `a limit of pings: pong ${i} was ${show(got)}`);
        if (got.kind !== "pong" || !got.data.equals(number(i))) return verdict("FAILED", `pong ${i}: got ${show(got)}`);
      }
      return hangUp(connection);
    },
  };
}
