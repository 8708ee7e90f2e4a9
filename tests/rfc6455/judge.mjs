// Plays one row on an open connection and judges what the peer makes of it.
//
//   OK             exactly what the RFC wants
//   NON-STRICT     tolerable, and less: another close code, no close frame, refused later than possible
//   INFORMATIONAL  the RFC leaves it open, or a limit of the peer's own
//   UNIMPLEMENTED  the peer does not speak the extension that the case is about
//   FAILED         wrong
//
// A row: { id, what, send(w), expect, then, or?, rest? }
//   send, rest   the pieces to send, each with a system call of its own; `w` makes frames for the peer's role. `rest` ends what
//                `send` began, for a peer that does not see at once that it is wrong: it answers the ping behind it, or, where
//                there can be none (`unseen`), does nothing for `haste` milliseconds
//   expect       the events that must come, in order
//   then         "open": the connection lives, and our close is answered; { refused: code }: the peer ends it; { closed: code,
//                reason }: the row has sent a close frame, and this is its answer
//   or           other outcomes: { refused: [codes] | "any", verdict, why } or { expect, then, verdict, why }; `expect: "any"` is
//                one message, whatever it says
import { Violation } from "./connection.mjs";
import { closeBody, fragments, frame, kBinary, kClose, kPing, kPong, kText, pieces } from "./frames.mjs";

/** What makes frames for a peer of that role. */
export function maker(role) {
  const own = role === "client" ? { key: null } : {};
  const make = (opcode, payload, options) => frame(opcode, payload, { ...own, ...options });
  return {
    role,
    frame: make,
    text: (payload, options) => make(kText, payload, options),
    binary: (payload, options) => make(kBinary, payload, options),
    more: (payload, options) => make(0, payload, options),
    ping: (payload, options) => make(kPing, payload, options),
    pong: (payload, options) => make(kPong, payload, options),
    closing: (code, reason, options) => make(kClose, closeBody(code, reason), options),
    fragments: (opcode, payload, size, options) => fragments(opcode, payload, size, { ...own, ...options }),
    bytewise: (...frames) => pieces(Buffer.concat(frames), 1),
  };
}

// --- events -------------------------------------------------------------------------------------------------------------

const buffer = (data) => (Buffer.isBuffer(data) ? data : Buffer.from(data, "utf8"));
export const text = (data) => ({ kind: "text", data: buffer(data) });
export const binary = (data) => ({ kind: "binary", data: buffer(data) });
export const pong = (data = "") => ({ kind: "pong", data: buffer(data) });

const same = (got, wanted) => got.kind === wanted.kind && got.data.equals(wanted.data);

export function show(event) {
  switch (event.kind) {
    case "silence": return "nothing";
    case "end": return `the end of the connection (${event.how})`;
    case "close": return event.code === undefined ? "an empty close" : `close ${event.code}${event.reason ? ` "${event.reason.slice(0, 60)}"` : ""}`;
    default: return `${event.kind} of ${event.data.length}: ${JSON.stringify(event.data.subarray(0, 40).toString(event.kind === "text" ? "utf8" : "latin1"))}`;
  }
}

export const verdict = (name, detail = "") => ({ verdict: name, detail });
const failed = (detail) => verdict("FAILED", detail);
const ok = verdict("OK");

// --- playing ------------------------------------------------------------------------------------------------------------

export async function play(connection, row) {
  try {
    const sending = connection.send(...row.send(maker(connection.role)));
    return await outcome(connection, row, sending);
  } catch (error) {
    if (error instanceof Violation) return failed(`the peer ${error.message}`);
    throw error;
  }
}

async function outcome(connection, row, sending) {
  const expect = typeof row.expect === "function" ? row.expect() : row.expect ?? [];
  for (const [i, wanted] of expect.entries()) {
    const got = await connection.next();
    if (!same(got, wanted)) return unexpected(connection, row, got, wanted, i);
  }
  if (row.then === "open") {
    await sending;
    return hangUp(connection);
  }
  const got = await connection.next(row.unseen && connection.haste);
  if (row.then.refused) return refusal(connection, row, got);
  return closed(connection, row, got);
}

async function unexpected(connection, row, got, wanted, i) {
  const other = alternative(row, got);
  if (other) return other(connection);
  if (row.then.refused && (got.kind === "close" || got.kind === "end")) {
    const last = await refusal(connection, row, got);
    return last.verdict === "OK" ? verdict("NON-STRICT", `refused, but event ${i + 1} before it was lost`) : last;
  }
  return failed(`wanted ${show(wanted)}, got ${show(got)}`);
}

/** Another outcome that the row allows, as what is to be done about it. */
function alternative(row, got) {
  for (const { refused, expect, then, verdict: name, why } of row.or ?? []) {
    if (refused && got.kind === "close" && (refused === "any" || refused.includes(got.code)))
      return async (connection) => (await farewell(connection)) ?? verdict(name, why);
    if (refused && got.kind === "end") return async () => verdict(name, `${why}; no close frame`);
    if (expect && got.kind === "close" && then?.closed === got.code) return async (connection) => (await farewell(connection)) ?? verdict(name, why);
    if (expect?.length && got.data && (expect === "any" || same(got, expect[0]))) {
      return async (connection) => {
        for (const wanted of expect === "any" ? [] : expect.slice(1)) {
          const next = await connection.next();
          if (!same(next, wanted)) return failed(`wanted ${show(wanted)}, got ${show(next)}`);
        }
        const last = await hangUp(connection);
        return last.verdict === "OK" ? verdict(name, why) : last;
      };
    }
  }
  return null;
}

async function refusal(connection, row, got) {
  const { refused: code } = row.then;
  if (row.rest && (got.kind === "silence" || got.kind === "pong")) {
    await connection.send(...row.rest(maker(connection.role)));
    const late = await refusal(connection, { ...row, rest: undefined }, await connection.next());
    return late.verdict === "OK" ? verdict("NON-STRICT", "refused only when the message was complete") : late;
  }
  if (got.kind === "end") return verdict("NON-STRICT", `ended without a close frame (${got.how})`);
  if (got.kind === "close" && got.code === code) return (await farewell(connection)) ?? ok;
  const other = alternative(row, got);
  if (other) return other(connection);
  if (got.kind === "close") return (await farewell(connection)) ?? verdict("NON-STRICT", `wanted close ${code}, got ${show(got)}`);
  return failed(`wanted close ${code}, got ${show(got)}`);
}

async function closed(connection, row, got) {
  const { closed: code, reason = "" } = row.then;
  connection.closing = true;
  if (got.kind !== "close") return failed(`wanted the answer to our close, got ${show(got)}`);
  const gone = await farewell(connection);
  if (gone) return gone;
  if (got.code !== code) return verdict("NON-STRICT", `answered our close ${code ?? "(empty)"} with ${show(got)}`);
  return got.reason === reason ? ok : verdict("INFORMATIONAL", "the reason was not echoed");
}

/** Our close on a connection that lives, its answer, the end. */
export async function hangUp(connection) {
  await connection.send(maker(connection.role).closing(1000));
  return closed(connection, { then: { closed: 1000 } }, await connection.next());
}

/** The end of TCP after both have closed, or after the peer has failed the connection. Null when all is well. */
async function farewell(connection) {
  if (connection.role === "client") {
    if (!connection.closing) connection.push(maker("client").closing(1000));
    connection.finish();
    return (await connection.until(() => connection.end)) ? null : verdict("NON-STRICT", "keeps TCP open after the server has ended it");
  }
  if (!await connection.until(() => connection.end)) {
    connection.push(maker("server").closing(1000));
    connection.finish();
    if (!await connection.until(() => connection.end)) return failed("keeps TCP open after the closing handshake");
  }
  if (connection.end === "RST") return verdict("NON-STRICT", "resets the connection after its close frame");
  return connection.peek().length ? failed("sends after its close frame") : null;
}
