// The suite: all cases for a peer of one role, and how one is run.
//
// A case: { id, what } and a row of judge.mjs, or `converse(connection)` on an open connection, or `judge(session)` when it is
// about the handshake. `early`: bytes behind our handshake in its last segment, cut at `cutAt`; `offer`, `answer`: parameters of
// permessage-deflate.
import { deflateRows } from "./deflate_cases.mjs";
import { Violation } from "./connection.mjs";
import { frameRows } from "./frame_cases.mjs";
import { answerCases, requestCases } from "./handshake_cases.mjs";
import { maker, play, verdict } from "./judge.mjs";
import { sizeRows } from "./size_cases.mjs";
import { splitRows } from "./split_cases.mjs";
import { textRows } from "./text_cases.mjs";

export const kVerdicts = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"];

/** `role` is the peer's. options: all, deflate (default true), maxMessage, maxFragments, only (prefixes of ids). */
export function casesFor(role, options = {}) {
  const { deflate = true, only } = options;
  const cases = [
    ...(role === "server" ? requestCases(deflate) : answerCases()),
    ...frameRows(role, options), ...textRows(), ...sizeRows(role, options),
    ...(deflate ? deflateRows(options) : []), ...splitRows(role, options),
  ];
  if (!only?.length) return cases;
  // "5" is 5.1 and the rest of its group; "D" is D01 and the rest.
  return cases.filter(({ id }) => only.some((prefix) => id === prefix || id.startsWith(`${prefix}.`) || (/[A-Z]$/.test(prefix) && id.startsWith(prefix))));
}

/** A handshake that the peer did not go through with. */
export class Refused extends Error {}
export class Unimplemented extends Error {}

/** Runs one case; resolves with {id, what, verdict, detail}. `session`: see server_role.mjs and client_role.mjs. */
export async function run(one, session) {
  const { id, what } = one;
  let judged;
  try {
    judged = await judge(one, session);
  } catch (error) {
    if (error instanceof Unimplemented) judged = verdict("UNIMPLEMENTED", error.message);
    else if (error instanceof Violation) judged = verdict("FAILED", `the peer ${error.message}`);
    else if (error instanceof Refused) judged = verdict("FAILED", error.message);
    else throw error;
  } finally {
    session.destroy();
  }
  return { id, what, ...judged };
}

async function judge(one, session) {
  if (one.judge) return one.judge(session);
  const early = one.early?.(maker(session.role));
  const connection = await session.open({ offer: one.offer, answer: one.answer, early, cutAt: one.cutAt });
  if (one.needsContext !== undefined && connection.codec.out.keeps !== one.needsContext)
    throw new Unimplemented(one.needsContext ? "keeps no context" : "did not agree to do without context");
  return one.converse ? one.converse(connection) : play(connection, one);
}

/** How many of each verdict, and the ids that failed. */
export function count(results) {
  const counts = Object.fromEntries(kVerdicts.map((name) => [name, results.filter((one) => one.verdict === name).length]));
  return { total: results.length, passed: results.length - counts.FAILED, counts };
}

export function summary(results) {
  const { total, passed, counts } = count(results);
  return `${passed} of ${total}: ${kVerdicts.filter((name) => counts[name]).map((name) => `${counts[name]} ${name}`).join(", ")}`;
}
