// Compressed answers to polls: the rules of `httpCompression`.
import test, { after } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import zlib from "node:zlib";
import { lab } from "./support/lab.mjs";
import { within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };

const agent = new http.Agent({ keepAlive: true });
after(() => agent.destroy());

/** A request whose answer is not inflated by the client: {status, headers, body}. */
const fetchRaw = (url, { method = "GET", headers = {}, body } = {}) => within(new Promise((resolve, reject) => {
  const req = http.request(url, { method, headers, agent }, (res) => {
    const parts = [];
    res.on("data", (part) => parts.push(part));
    res.on("error", reject);
    res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
  });
  req.on("error", reject);
  req.end(body);
}), `an answer to ${method} ${url}`);

/** A polling session that has joined "/". */
async function session(server) {
  const base = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await fetchRaw(base)).body.toString().slice(1));
  const url = `${base}&sid=${sid}`;
  const post = (body) => fetchRaw(url, { method: "POST", headers: { "Content-Type": "text/plain" }, body });
  await post("40");
  await fetchRaw(url);
  const leave = (accept) => {
    const req = http.get(url, { headers: { "Accept-Encoding": accept }, agent: false });
    req.on("error", () => {});
    req.on("socket", (socket) => socket.on("connect", () => setImmediate(() => req.destroy())));
  };
  return { post, leave, poll: (accept) => fetchRaw(url, { headers: accept === undefined ? {} : { "Accept-Encoding": accept } }) };
}

const event = (...args) => `42${JSON.stringify(args)}`;
const kText = "some words that compress well ".repeat(60);

/** What the poll answers after an echo of `payload`. */
async function echoed(server, accept, payload = kText, name = "echo") {
  const { post, poll } = await session(server);
  await post(name === "echo" ? event("echo", payload) : event(name, "echo", payload));
  const answer = await poll(accept);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(answer.headers["content-length"], String(answer.body.length));
  assert.equal(answer.headers["cache-control"], "no-store");
  const encoding = answer.headers["content-encoding"] ?? "none";
  const body = encoding === "gzip" ? zlib.gunzipSync(answer.body) : encoding === "deflate" ? zlib.inflateSync(answer.body) : answer.body;
  assert.equal(body.toString(), event("echo", payload));
  return { encoding, vary: answer.headers.vary, size: answer.body.length };
}

// covers eio/server: should compress by default
test("gzip by default, from 1024 bytes on", kTimeout, async (t) => {
  const server = await lab({}, t);
  const { encoding, vary, size } = await echoed(server, "gzip, deflate");
  assert.equal(encoding, "gzip");
  assert.equal(vary, "Accept-Encoding");
  assert(size < 150);
});

// covers eio/server: should compress using deflate
test("deflate, when that is what is accepted", kTimeout, async (t) => {
  const server = await lab({}, t);
  assert.equal((await echoed(server, "deflate")).encoding, "deflate");
});

test("preference, weights and refusals", kTimeout, async (t) => {
  const server = await lab({}, t);
  for (const [accept, encoding] of [
    ["deflate, gzip", "gzip"], ["gzip;q=0.5, deflate", "deflate"], ["gzip;q=0, deflate;q=0.1", "deflate"], ["*", "gzip"],
    ["gzip;q=0, *", "deflate"], ["br", "none"], ["identity", "none"], ["gzip;q=0", "none"], ["", "none"], [undefined, "none"],
    ["GZIP", "gzip"], ["gzip;q=nonsense", "none"], [`${"x,".repeat(3000)}gzip`, "gzip"],
  ]) assert.equal((await echoed(server, accept)).encoding, encoding, accept);
});

// covers eio/server: should set threshold
test("threshold 0 compresses everything", kTimeout, async (t) => {
  const server = await lab({ http_compression: { threshold: 0 } }, t);
  assert.equal((await echoed(server, "gzip", "x")).encoding, "gzip");
});

// covers eio/server: should disable compression
test("nothing is compressed when it is off", kTimeout, async (t) => {
  const server = await lab({ http_compression: false }, t);
  assert.deepEqual(await echoed(server, "gzip, deflate"), { encoding: "none", vary: undefined, size: event("echo", kText).length });
});

// covers eio/server: should disable compression per message
test("compress(false), to one and to many", kTimeout, async (t) => {
  const server = await lab({}, t);
  assert.equal((await echoed(server, "gzip, deflate", kText, "plain")).encoding, "none");
  assert.equal((await echoed(server, "gzip, deflate", kText, "all plain")).encoding, "none");
  assert.equal((await echoed(server, "gzip, deflate", kText, "all")).encoding, "gzip");
});

test("one packet that may be compressed is enough for the answer", kTimeout, async (t) => {
  const server = await lab({}, t);
  const { post, poll } = await session(server);
  await post(`${event("plain", "echo", kText)}\x1e${event("echo", 1)}`);
  const answer = await poll("gzip");
  assert.equal(answer.headers["content-encoding"], "gzip");
  assert.equal(zlib.gunzipSync(answer.body).toString(), `${event("echo", kText)}\x1e${event("echo", 1)}`);
});

// covers eio/server: should not compress when the byte size is below threshold
test("below the threshold", kTimeout, async (t) => {
  const server = await lab({}, t);
  const empty = event("echo", "").length;
  assert.equal((await echoed(server, "gzip, deflate", "a".repeat(1023 - empty))).encoding, "none");
  assert.equal((await echoed(server, "gzip, deflate", "a".repeat(1024 - empty))).encoding, "gzip");
});

test("a long answer comes from the worker, and the session goes on", kTimeout, async (t) => {
  const server = await lab({}, t);
  const { post, poll } = await session(server);
  for (const size of [65_000, 70_000, 900_000]) {
    const payload = Array.from({ length: size / 10 }, (_, i) => String(i).padStart(9, "x")).join(" ");
    await post(event("echo", payload));
    const answer = await poll("gzip");
    assert.equal(answer.headers["content-encoding"], "gzip");
    assert.equal(zlib.gunzipSync(answer.body).toString(), event("echo", payload));
    await post(event("echo", "next"));
    assert.equal((await poll("gzip")).body.toString(), event("echo", "next"));
  }
});

test("a client that leaves while its long answer is made", kTimeout, async (t) => {
  const server = await lab({}, t);
  const payload = "y".repeat(900_000);
  for (let i = 0; i < 5; ++i) {
    const leaver = await session(server);
    await leaver.post(event("echo", payload));
    const { post, poll } = await session(server);
    await post(event("echo", payload));
    leaver.leave("gzip");
    assert.equal(zlib.gunzipSync((await poll("gzip")).body).toString(), event("echo", payload));
  }
});
