// Rows S and J: Socket.IO packets and the JSON in them, and what must come of them. One line each; socketio_protocol.test.mjs
// sends them whole, hostile_table.test.mjs in pieces, split_test.cpp cut at every byte.
//
// [id, what, frames sent after joining `/`, what must come of it]; outcomes:

/** Closed by the decoder, reason "forced close"; `error` is the text the socket's error hook sees. */
const closes = (error) => ({ kind: "closes", error });
/** Closed as a violation of the protocol; no decoder error. */
const violates = () => ({ kind: "violates" });
/** Exactly these frames come back; the connection lives. */
const answers = (...frames) => ({ kind: "answers", frames });
/** One of these single frames comes back; the connection lives. */
const answersOneOf = (...frames) => ({ kind: "one of", frames });
/** Nothing comes back, the event reaches the application; the connection lives. */
const delivers = (event, n) => ({ kind: "delivers", event, n });
/** Nothing comes back; the connection lives. */
const ignored = () => ({ kind: "answers", frames: [] });
/** Either of two. */
const either = (a, b) => ({ kind: "either", of: [a, b] });

const kPayload = "invalid payload";
const kIllegal = "Illegal attachments";
export const kBytes = Buffer.from([1, 2, 3]);
export const kHole = '{"_placeholder":true,"num":0}';
export const echo = (json) => `42["echo",${json}]`;

export const kTable = [
  ["S01", "an empty packet", ["4"], closes()],
  ["S02", "type 7", ["47"], closes("unknown packet type 7")],
  ["S03", "type x", ["4x"], closes()],
  ["S04", "type 9", ["49"], closes("unknown packet type 9")],
  ["S05", "an event without payload", ["42"], closes()],
  ["S05b", "an event with an id and no payload", ["4212"], closes()],
  ["S06", "an event that is an object", ["42{}"], closes(kPayload)],
  ["S07", "an empty event", ["42[]"], closes(kPayload)],
  ["S08", "an unfinished event", ['42["a"'], closes(kPayload)],
  ["S09", "an event named null", ["42[null]"], closes(kPayload)],
  ["S10", "an event named {}", ["42[{}]"], closes(kPayload)],
  ["S11", "an event named true", ["42[true]"], closes(kPayload)],
  ["S12", "an event named 1", ["42[1,2]"], either(ignored(), closes())],
  ["S13", "event connect", ['42["connect"]'], closes(kPayload)],
  ["S14", "event disconnect", ['42["disconnect"]'], closes(kPayload)],
  ["S15", "event connect_error", ['42["connect_error"]'], closes(kPayload)],
  ["S16", "event disconnecting", ['42["disconnecting"]'], closes(kPayload)],
  ["S17", "event newListener", ['42["newListener"]'], closes(kPayload)],
  ["S18", "event removeListener", ['42["removeListener"]'], closes(kPayload)],
  ["S19", "event error", ['42["error","x"]'], delivers("error", 1)],
  ["S20", "event __proto__", ['42["__proto__"]'], delivers("__proto__", 0)],
  ["S21", "event toString", ['42["toString"]'], delivers("toString", 0)],
  ["S22", "a second CONNECT", ["40"], violates()],
  ["S23", "CONNECT to an unknown namespace", ["40/nope,"], answers('44/nope,{"message":"Invalid namespace"}')],
  ["S24", "CONNECT with broken JSON", ['40/admin,{"a'], closes(kPayload)],
  ["S25", "CONNECT with []", ["40/admin,[]"], closes(kPayload)],
  ["S26", "CONNECT with a string", ['40/admin,"str"'], closes(kPayload)],
  ["S27", "CONNECT with null", ["40/admin,null"], closes(kPayload)],
  ["S28", "CONNECT without a comma", ["40/admin"], answers(/^40\/admin,\{"sid":"[\w-]{20}"\}$/)],
  ["S29", "a namespace of 100 kB", [`40/${"n".repeat(100_000)},`], either(answers(/^44[^]{0,1100}$/), closes())],
  ["S30", "an event to a namespace not joined", ['42/admin,["echo",1]'], violates()],
  ["S32", "DISCONNECT with a payload", ["41{}"], closes(kPayload)],
  ["S33", "CONNECT_ERROR from a client", ['44{"message":"x"}'], violates()],
  ["S34", "an ack without id and payload", ["43"], either(ignored(), closes())],
  ["S35", "an ack without id", ["43[1]"], ignored()],
  ["S36", "an ack nobody waits for", ["4399[1]"], ignored()],
  ["S37", "an ack with id -1", ["43-1[1]"], closes()],
  ["S38", "id 99999999999999999999", ['4299999999999999999999["echo",1]'], closes()],
  ["S39", "id 1e5", ['421e5["echo",1]'], closes(kPayload)],
  ["S40", "an id that is a space", ['42 ["echo",1]'], closes()],
  ["S41", "id 07", ['4207["echo",1]'], either(answers("437[1]"), closes())],
  ["S42", "one attachment", [`451-["echo",${kHole}]`, kBytes], answers(`451-["echo",${kHole}]`, kBytes)],
  ["S43", "placeholder 1 of 1", ['451-["echo",{"_placeholder":true,"num":1}]', kBytes], closes("illegal attachments")],
  ["S44", "placeholder -1", ['451-["echo",{"_placeholder":true,"num":-1}]', kBytes], closes("illegal attachments")],
  ["S45", 'placeholder "splice"', ['451-["echo",{"_placeholder":true,"num":"splice"}]', kBytes], closes("illegal attachments")],
  ["S46", "placeholder 0.5", ['451-["echo",{"_placeholder":true,"num":0.5}]', kBytes], closes()],
  ["S47", "one placeholder twice", [`452-["echo",${kHole},${kHole}]`, kBytes, Buffer.from([9])],
    either(answers('452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', kBytes, kBytes),
      answers(`451-["echo",${kHole},${kHole}]`, kBytes))],
  ["S48", "an attachment without a placeholder", ['451-["echo","no placeholder"]', kBytes], answers('42["echo","no placeholder"]')],
  ["S49", "no attachments in a binary event", [`450-["echo",1]`], closes(kIllegal)],
  ["S50", "no attachments, then binaries", [`450-["echo",1]`, kBytes, kBytes], closes(kIllegal)],
  ["S51", "11 attachments", [`4511-["echo",${kHole}]`], closes("too many attachments")],
  ["S51b", "10 attachments", [`4510-["echo",${Array.from({ length: 10 }, (_, i) => `{"_placeholder":true,"num":${i}}`)}]`, ...Array(10).fill(kBytes)],
    answers(/^4510-\["echo",/, ...Array(10).fill(kBytes))],
  ["S52", "999999999 attachments", [`45999999999-["echo",${kHole}]`], closes("too many attachments")],
  ["S53", "-1 attachments", [`45-1-["echo",${kHole}]`], closes(kIllegal)],
  ["S54", "1.5 attachments", [`451.5-["echo",${kHole}]`], closes(kIllegal)],
  ["S55", "x attachments", [`45x-["echo",${kHole}]`], closes(kIllegal)],
  ["S56", "attachments without a dash", [`451["echo",${kHole}]`], closes(kIllegal)],
  ["S57", "a dash without attachments", [`45-["echo",${kHole}]`], closes(kIllegal)],
  ["S58", "text where an attachment is due", [`451-["echo",${kHole}]`, echo(1)], closes("got plaintext data when reconstructing a packet")],
  ["S59", "an attachment that is not due", [kBytes], closes("got binary data when not reconstructing a packet")],
  ["S60", "a ping where an attachment is due", [`451-["echo",${kHole}]`, "2"], { kind: "closes", reason: "transport error" }],
  ["S61", "a binary event named disconnect", [`451-["disconnect",${kHole}]`, kBytes], closes(kPayload)],
  ["S62", "a binary ack nobody waits for", [`461-99[${kHole}]`, kBytes], ignored()],
  ["S65", "1e1 attachments", [`451e1-["echo",${kHole}]`], closes()],
  ["S66", "a placeholder in a plain event", [echo(kHole)], answers(echo(kHole))],
  ["S67", "the main namespace by name", ['42/,["echo",1]'], answers(echo(1))],
  ["S68", "a namespace without its comma", ['42/admin["echo",1]'], closes()],
  ["S69", "one ack id twice", ['421["echo","a"]', '421["echo","b"]'], answers('431["a"]', '431["b"]')],

  ["J01", "10,000 open brackets", [echo("[".repeat(10_000))], closes(kPayload)],
  ["J02", "20,000 open objects", [echo('{"a":'.repeat(20_000))], closes(kPayload)],
  ["J03", "NaN", [echo("NaN")], closes(kPayload)],
  ["J04", "Infinity", [echo("Infinity")], closes(kPayload)],
  ["J05", "-", [echo("-")], closes(kPayload)],
  ["J06", "01", [echo("01")], closes(kPayload)],
  ["J07", "1.", [echo("1.")], closes(kPayload)],
  ["J08", ".5", [echo(".5")], closes(kPayload)],
  ["J09", "1e999", [echo("1e999")], either(answers(echo("null")), closes(kPayload))],
  ["J10", "a 30-digit integer", [echo("123456789012345678901234567890")], { kind: "number", value: 123456789012345678901234567890 }],
  ["J11", "2^53+1", [echo("9007199254740993")], answersOneOf(echo("9007199254740993"), echo("9007199254740992"))],
  ["J12", "-0", [echo("-0")], answersOneOf(echo("0"), echo("-0"), echo("-0.0"))],
  ["J13", "a lone surrogate", [echo('"\\ud800"')], answersOneOf(echo('"\\ud800"'), echo('"\ufffd"'))],
  ["J14", "\\u0000", [echo('"\\u0000"')], answers(echo('"\\u0000"'))],
  ["J15", "a raw TAB in a string", [echo('"\t"')], closes(kPayload)],
  ["J16", "single quotes", [echo("'a'")], closes(kPayload)],
  ["J17", "a doubled key", [echo('{"a":1,"a":2}')], answersOneOf(echo('{"a":2}'), echo('{"a":1,"a":2}'))],
  ["J18", "__proto__ as a key", [echo('{"__proto__":{"x":1}}')], answers(echo('{"__proto__":{"x":1}}'))],
  ["J19", "a trailing comma", [echo("[1,]")], closes(kPayload)],
  ["J20", "a comment", [echo("1/**/")], closes(kPayload)],
  ["J21", "\\x41", [echo('"\\x41"')], closes(kPayload)],
  ["J22", "trailing spaces", [`${echo(1)}   `], answers(echo(1))],
  ["J23", "a byte order mark", [echo("\ufeff1")], closes(kPayload)],
  ["J23b", "a byte order mark where an id may stand", ['42\ufeff["echo",1]'], closes()],
  ["J24", "two values", [`${echo(1)}[2]`], closes(kPayload)],
  ["J25", "fifty escaped letters", [echo(`"${"\\u00e9".repeat(50)}"`)], answers(echo(`"${"é".repeat(50)}"`))],
];

/** How many frames an outcome has at least. */
export function expectedCount(outcome) {
  switch (outcome.kind) {
    case "answers": return outcome.frames.length;
    case "one of": case "number": return 1;
    case "either": return Math.min(...outcome.of.filter((one) => !isClosing(one)).map(expectedCount));
    default: return 0;
  }
}

export function matches(frame, wanted) {
  if (wanted instanceof RegExp) return typeof frame === "string" && wanted.test(frame);
  if (Buffer.isBuffer(wanted)) return Buffer.isBuffer(frame) && wanted.equals(frame);
  return frame === wanted;
}

export const isClosing = (outcome) => outcome.kind === "closes" || outcome.kind === "violates";
