// The ways in which a hostile input reaches the server, for the runner: as an HTTP request, as a WebSocket handshake, as the
// body of a POST of a session, as bytes on a WebSocket. Each turns the rows of a table into rows of the runner; `play` writes
// the pieces one after the other, each only when the one before has left, and tells what came back without session ids.
//
// `script` is the same as data, for the simulator (tests/sim/split_test.cpp), which needs no more than bytes:
//   aside, asideAfter  requests on a connection beside, each when the one before has been answered; {sid} is the session's id
//   before, after      what is sent on the connection of the hostile bytes, in front of them and behind
//   sent               the hostile bytes, unless they are the row's; {sid} as above
//   statuses           those of the answers, each a list of what may come
//   reasons            why the socket may have been disconnected
import assert from "node:assert/strict";
import { Raw, RawSocket, accepts, bytes, closing, frame, http, joinedRaw, kBinary, kClose, kKey, kText, response, summary, upgradeRequest } from "../e2e/support/raw.mjs";
import { Polling } from "../e2e/support/wire.mjs";
import { fits, get, kNotFound, kPolling } from "./http.mjs";
import { kForced, kLeft } from "./engineio.mjs";
import { kReply, packed } from "./msgpack.mjs";
import { expectedCount, isClosing, matches } from "./socketio.mjs";

const anonymous = (text) => text.replace(/"sid":"[\w-]{20}"/g, '"sid":"…"');
const sidOf = (text) => /^0\{"sid":"([\w-]{20})"/.exec(text)?.[1];

/** Ends the Engine.IO session `sid`, lest it lives until its ping timeout. */
async function endSession(server, sid) {
  const raw = await Raw.connect(server);
  await raw.send(http(`POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`, ["Content-Length: 1"], "1"));
  assert.equal((await response(raw)).body, "ok");
  raw.close();
}

// --- H -------------------------------------------------------------------------------------------------------------

/** The responses until the server closes or has answered `count`; then the connection must still be in step. */
async function playRequest(server, pieces, count, head) {
  const raw = await Raw.connect(server);
  await raw.send(...pieces);
  const said = [];
  const end = async () => {
    await raw.ended();
    said.push(raw.end, raw.peek().toString("latin1"));
    raw.finish();
    return said;
  };
  for (let i = 0; i < count; ++i) {
    const got = await response(raw, head);
    said.push(anonymous(summary(got)));
    const sid = sidOf(got.body);
    if (sid) await endSession(server, sid);
    if (got.headers.connection?.toLowerCase() === "close") return end();
  }
  await raw.send(get("Connection: close"));
  assert.equal(summary(await response(raw)), "404c nf 0", "out of step");
  return end();
}

/** The statuses that an answer of table H may have. */
const statusesOf = (answer) => [answer].flat().flatMap((one) => (one instanceof RegExp ? one.source : one.slice(0, 3)).match(/\d{3}/g).map(Number));

export const requests = (rows) => rows.map(([id, what, sent, answers, log = []]) => ({
  id, what,
  sent: Buffer.from(sent, "latin1"),
  script: { after: [get("Connection: close")], statuses: answers.map(statusesOf) },
  play: (server, pieces) => playRequest(server, pieces, answers.length, sent.startsWith("HEAD")),
  check(said) {
    const heard = said.slice(0, -2).map((one) => one.replace('"sid":"…"', '"sid":"abcdefghijklmnopqrst"'));
    assert(heard.length === answers.length && heard.every((one, i) => fits(one, answers[i])), `${JSON.stringify(heard)} instead of ${answers}`);
    assert.deepEqual(said.slice(-2), ["FIN", ""]);
  },
  checkLog: (told) => assert.deepEqual(told, log),
}));

// --- W -------------------------------------------------------------------------------------------------------------

async function playHandshake(server, pieces) {
  const raw = await Raw.connect(server);
  await raw.send(...pieces);
  const { status, headers, body } = await response(raw);
  const said = [`${status} ${body}`, headers["sec-websocket-extensions"] ?? "", headers["sec-websocket-version"] ?? ""];
  if (status === 101) {
    assert.equal(headers["sec-websocket-accept"], accepts(kKey));
    said.push(anonymous(await new RawSocket(raw, false).next()));
  } else if (headers.connection?.toLowerCase() === "close") {
    await raw.ended();
    said.push(raw.end);
  } else {
    await raw.send(get());
    said.push(summary(await response(raw)));
  }
  assert.equal(raw.size, 0);
  raw.close();
  return said;
}

export const handshakes = (rows) => rows.map(([id, what, sent, wanted, log = []]) => ({
  id, what,
  sent: Buffer.from(sent, "latin1"),
  script: { after: [wanted === 101 ? closing(1000) : get()], statuses: [[wanted].flat().slice(0, 1)] },
  play: playHandshake,
  check(said) {
    if (wanted === 101) {
      assert.deepEqual(said.slice(0, 3), ["101 ", "", ""]);
      assert.match(said[3], /^0\{"sid":"…","upgrades":\[\]/);
      return;
    }
    const [status, body, ends = ["FIN", kNotFound]] = wanted;
    assert(body === undefined ? said[0].startsWith(`${status} `) : said[0] === `${status} ${body}`, said[0]);
    assert(ends.includes(said[3]), said[3]);
  },
  checkLog: (told) => assert.deepEqual(told, log),
}));

// --- P -------------------------------------------------------------------------------------------------------------

function postHead(sid, length, headers) {
  const lines = Object.entries({ "content-type": "text/plain;charset=UTF-8", ...headers }).map(([name, value]) => `${name}: ${value}`);
  return http(`POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1`, [...lines, `Content-Length: ${length}`, "Connection: close"]);
}

async function playPost(server, pieces, headers, lives) {
  const polling = await Polling.open(server);
  await polling.post("40");
  assert.match(await polling.next(), /^40\{/);
  const raw = await Raw.connect(server);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const [first = "", ...more] = pieces;
  await raw.send(Buffer.concat([bytes(postHead(polling.sid, length, headers)), bytes(first)]), ...more);
  const said = [summary(await response(raw))];
  raw.close();
  if (lives) {
    await polling.post('42["echo","last"]');
    for (let packet; packet !== '42["echo","last"]';) said.push(packet = await polling.next());
    await polling.post("1");
  } else {
    await polling.get();  // a decoder's error may close with the next poll only
  }
  return said;
}

const kSession = "/socket.io/?EIO=4&transport=polling&sid={sid}";
const poll = http(`GET ${kSession} HTTP/1.1`);
const post = (body) => http(`POST ${kSession} HTTP/1.1`, [`Content-Length: ${body.length}`], body);
const scriptOfPost = (body, headers, status, reason) => ({
  aside: [http(`GET ${kPolling} HTTP/1.1`), post("40"), poll],
  sent: Buffer.concat([bytes(postHead("{sid}", body.length, headers)), body]),
  asideAfter: reason === null ? [post('42["echo","last"]'), poll, post("1")] : [poll],
  statuses: [[status]],
  reasons: [reason].flat().map((one) => one ?? kLeft),
});

export const posts = (rows) => rows.map(([id, what, body, headers, [status, text], reason]) => ({
  id, what,
  sent: Buffer.from(body),
  script: scriptOfPost(Buffer.from(body), headers, status, reason),
  play: (server, pieces) => playPost(server, pieces, headers, reason === null),
  check: (said) => assert.equal(said[0], `${status}c${text ? ` ${text}` : ""}`),
  unheard: ["error:1"],  // of the last poll
  checkLog: (told) => assert([reason ?? kLeft].flat().some((one) => told.join() === `disconnect:${one}`), told.join()),
}));

// --- F, U, S, J ----------------------------------------------------------------------------------------------------

const kMark = '42424242["echo","the end"]';
const kMarked = '43424242["the end"]';

/** What the server says until it closes, or until it has answered a last event and said `count` things before. */
async function playFrames(server, pieces, { joined, marked, count }) {
  const socket = joined ? await joinedRaw(server) : await RawSocket.open(server);
  if (!joined) assert.match(await socket.next(), /^0\{/);
  const sending = socket.send(...pieces).then(() => marked && socket.send(frame(kText, kMark)));
  const said = [];
  for (let ended = false; !(ended && said.length >= count);) {
    const got = anonymous(await socket.next());
    if (got === kMarked) {
      ended = true;
      continue;
    }
    said.push(got);
    if (!got.startsWith("close:")) continue;
    await sending;
    if (got === "close:") await socket.send(frame(kClose));  // the answer to the server's
    await socket.raw.ended();
    break;
  }
  await sending;
  socket.close();
  return said;
}

const bytesOf = (packet) => (Buffer.isBuffer(packet) ? frame(kBinary, packet) : frame(kText, packet));
const closed = (said) => said.at(-1)?.startsWith("close:") ?? false;
const reasons = (wanted) => (told) => {
  const all = told.filter((entry) => entry.startsWith("disconnect:"));
  assert(all.length === 1 && [wanted].flat().some((one) => all[0] === `disconnect:${one ?? kLeft}`), told.join());
};

/** Behind a closing handshake of the server's the mark is ignored, and our close its answer. */
const scriptOnWebSocket = (before, joined, wanted, mark = frame(kText, kMark)) => ({
  before: [upgradeRequest(), ...before],
  after: [mark, closing(1000)],
  reasons: joined ? [wanted].flat().map((one) => one ?? kLeft) : [],
});
const kJoining = [frame(kText, "40")];

export const frames = (rows) => rows.map(([id, what, sent, expected, reason]) => ({
  id, what,
  sent: Buffer.concat(sent),
  script: scriptOnWebSocket(kJoining, true, reason),
  play: (server, pieces) => playFrames(server, pieces, { joined: true, marked: !reason, count: expected.length }),
  check: (said) => assert.deepEqual(said, expected),
  checkLog: reasons(reason),
}));

export const packets = (rows) => rows.map(([id, what, sent, joined, reason]) => ({
  id, what,
  sent: Buffer.concat(sent),
  script: scriptOnWebSocket(joined ? kJoining : [], joined, reason),
  play: (server, pieces) => playFrames(server, pieces, { joined, marked: joined && [reason].flat().includes(null), count: 0 }),
  check: (said) => assert([reason].flat().some((one) => closed(said) === (one !== null)), said.join()),
  checkLog: joined ? reasons(reason) : (told) => assert.deepEqual(told, []),
}));

/** Does what was heard fit `outcome`? Binary frames are shown as `bin:hex`. */
function suits(said, outcome) {
  const list = (wanted) => said.length === wanted.length &&
    wanted.every((one, i) => matches(said[i], Buffer.isBuffer(one) ? `bin:${one.toString("hex")}` : one));
  switch (outcome.kind) {
    case "closes": case "violates": return said.join() === "close:";
    case "answers": return list(outcome.frames.map((one) => (one instanceof RegExp ? new RegExp(one.source.replace('"[\\w-]{20}"', '"…"')) : one)));
    case "one of": return outcome.frames.some((one) => list([one]));
    case "number": return said.length === 1 && JSON.parse(said[0].slice(2))[1] === outcome.value;
    case "delivers": return said.length === 0;
    default: return outcome.of.some((one) => suits(said, one));
  }
}

/** Why the socket of such a row is disconnected: one of these. */
function reasonsOf(outcome) {
  if (isClosing(outcome)) return [outcome.reason ?? kForced];
  return outcome.kind === "either" && outcome.of.some(isClosing) ? [kForced, kLeft] : [kLeft];
}

function logOf(outcome) {
  const wanted = reasonsOf(outcome);
  if (wanted.includes(kForced) || isClosing(outcome)) return reasons(wanted);
  const event = outcome.kind === "delivers" ? [`event:${outcome.event}`] : [];
  return (told) => assert.deepEqual([...new Set(told)], [`disconnect:${kLeft}`, ...event]);  // once for each namespace
}

export const events = (rows) => rows.map(([id, what, sent, outcome]) => ({
  id, what,
  sent: Buffer.concat(sent.map(bytesOf)),
  script: scriptOnWebSocket(kJoining, true, reasonsOf(outcome)),
  play: (server, pieces) => playFrames(server, pieces, { joined: true, marked: !isClosing(outcome), count: expectedCount(outcome) }),
  check: (said) => assert(suits(said, outcome), `it answered ${JSON.stringify(said).slice(0, 300)}`),
  checkLog: logOf(outcome),
}));

// --- M -------------------------------------------------------------------------------------------------------------

const messageOf = (message) => (typeof message === "string" ? frame(kText, `4${message}`) : frame(kBinary, message));

const kPackedMark = frame(kBinary, packed({ type: 2, data: ["echo", "the end"], nsp: "/" }));

/** One message of a client that speaks MessagePack: the echo, or the close. */
async function playMessage(server, pieces) {
  const socket = await RawSocket.open(server);
  assert.match(await socket.next(), /^0\{/);
  await socket.send(frame(kBinary, packed({ type: 0, nsp: "/" })));
  assert.match(await socket.next("the CONNECT reply"), /^bin:/);
  await socket.send(...pieces);
  const said = [await socket.next()];
  if (said[0] === "close:") {
    await socket.send(frame(kClose));
    await socket.raw.ended();
  }
  socket.close();
  return said;
}

export const messages = (rows) => rows.map(([id, what, message, result]) => ({
  id, what,
  sent: messageOf(message),
  script: scriptOnWebSocket([frame(kBinary, packed({ type: 0, nsp: "/" }))], true, result === kReply ? kLeft : kForced, kPackedMark),
  play: playMessage,
  check: ([said]) => assert(result === kReply ? said.startsWith("bin:") : said === "close:", said),
  checkLog: reasons(result === kReply ? kLeft : kForced),
}));
