// Pages of other origins: every row of the CORS table as headers, and a real browser on a page from elsewhere.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { launch } from "./support/browser.mjs";
import { clientBundleDir } from "./support/server.mjs";
import { kTimeout } from "./support/suites.mjs";
import { lab } from "./support/lab.mjs";
import { Frames, Polling, pollingUrl, request, socketUrl, within } from "./support/wire.mjs";

const kPage = "https://page.example";
const kOpen = "EIO=4&transport=polling";

/** The CORS headers of an answer, Vary among them. */
const corsOf = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => /^(access-control-|vary$)/.test(name)));
const ask = (server, { method = "GET", origin = kPage, headers = {} } = {}) =>
  request(pollingUrl(server, "/socket.io/", kOpen), { method, headers: { ...(origin && { origin }), ...headers } });

describe("headers", kTimeout, () => {
  test("none without the option", async (t) => {
    const server = await lab({}, t);
    const answer = await ask(server);
    assert.equal(answer.status, 200);
    assert.deepEqual(corsOf(answer.headers), {});
    assert.equal((await ask(server, { method: "OPTIONS" })).body, JSON.stringify({ code: 2, message: "Bad handshake method" }));
  });

  test("the origin in each form", async (t) => {
    const own = { "access-control-allow-origin": kPage, vary: "Origin" };
    for (const [origin, expected, foreign] of [
      ["*", { "access-control-allow-origin": "*" }, { "access-control-allow-origin": "*" }],
      [kPage, own, own],
      [true, own, { "access-control-allow-origin": "https://foreign.example", vary: "Origin" }],
      [[kPage, "https://other.example"], own, { vary: "Origin" }],
      [{ suffix: "//page.example" }, own, { vary: "Origin" }],
      [false, {}, {}],
    ]) {
      const server = await lab({ cors: { origin } }, t);
      assert.deepEqual(corsOf((await ask(server)).headers), expected, JSON.stringify(origin));
      const answer = await ask(server, { origin: "https://foreign.example" });
      assert.equal(answer.status, 200);  // refusing is not its business
      assert.deepEqual(corsOf(answer.headers), foreign, JSON.stringify(origin));
    }
  });

  // covers eio/server: cors › should allow CORS from the current origin (preflight request)
  // covers sio/handshake: should send the Access-Control-Allow-xxx headers on OPTIONS request
  test("a preflight", async (t) => {
    const server = await lab({ cors: { origin: true, methods: ["GET", "POST"], allowed_headers: ["content-type", "x-own"], credentials: true } }, t);
    const answer = await ask(server, { method: "OPTIONS" });
    assert.equal(answer.status, 204);
    assert.equal(answer.body, "");
    assert.deepEqual(corsOf(answer.headers), {
      "access-control-allow-origin": kPage, vary: "Origin", "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,POST", "access-control-allow-headers": "content-type,x-own",
    });
  });

  // covers eio/server: cors › should allow CORS from the current origin (actual request)
  // covers sio/handshake: should send the Access-Control-Allow-xxx headers on GET request
  test("an actual request", async (t) => {
    const server = await lab({ cors: { origin: [kPage], credentials: true } }, t);
    assert.deepEqual(corsOf((await ask(server)).headers),
      { "access-control-allow-origin": kPage, vary: "Origin", "access-control-allow-credentials": "true" });
  });

  // covers eio/server: cors › should disallow CORS from a bad origin
  test("a bad origin", async (t) => {
    const server = await lab({ cors: { origin: [kPage] } }, t);
    const answer = await ask(server, { method: "OPTIONS", origin: "http://bad-origin.example" });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });

  // covers eio/server: cors › should forward the configuration to the cors module
  test("a preflight shows every option", async (t) => {
    const server = await lab({ cors: {
      origin: "https://good-origin.example", methods: ["GET", "PUT", "POST"], allowed_headers: ["my-header"], exposed_headers: ["my-exposed-header"],
      credentials: true, max_age: 123, options_success_status: 200 } }, t);
    const answer = await ask(server, { method: "OPTIONS", headers: { "access-control-request-headers": "other" } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-length"], "0");
    assert.deepEqual(corsOf(answer.headers), {
      "access-control-allow-origin": "https://good-origin.example", vary: "Origin", "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,PUT,POST", "access-control-allow-headers": "my-header", "access-control-max-age": "123",
      "access-control-expose-headers": "my-exposed-header",
    });
  });

  test("headers that a preflight asks for", async (t) => {
    const server = await lab({ cors: {} }, t);
    const answer = await ask(server, { method: "OPTIONS", headers: { "access-control-request-headers": "x-a, x-b" } });
    assert.deepEqual(corsOf(answer.headers), {
      "access-control-allow-origin": "*", vary: "Access-Control-Request-Headers",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "access-control-allow-headers": "x-a, x-b",
    });
  });

  // covers eio/server: handshake › should disallow bad requests (handshake error)
  // covers sio/server-attachment: should serve client with necessary CORS headers
  test("refusals, uploads, the 101 and the client's files have them too", async (t) => {
    const server = await lab({ cors: { origin: true, credentials: true }, client_dist: clientBundleDir }, t);
    const headers = { origin: kPage };
    const expected = { "access-control-allow-origin": kPage, vary: "Origin", "access-control-allow-credentials": "true" };
    const bad = await request(`${server.url}/socket.io/?EIO=4&transport=websocket`, { headers });
    assert.equal(bad.body, JSON.stringify({ code: 3, message: "Bad request" }));
    assert.deepEqual(corsOf(bad.headers), expected);
    const polling = await Polling.open(server);
    assert.deepEqual(corsOf((await polling.post("40", headers)).headers), expected);
    assert.deepEqual(corsOf((await polling.get({ headers })).headers), expected);
    const bundle = await request(`${server.url}/socket.io/socket.io.js`, { headers });
    assert.equal(bundle.status, 200);
    assert.equal(bundle.headers["content-type"], "application/javascript; charset=utf-8");
    assert.equal(bundle.headers["x-content-type-options"], "nosniff");
    assert.equal(bundle.headers["access-control-allow-origin"], kPage);
    assert.equal((await request(`${server.url}/socket.io/socket.io.js`, { method: "OPTIONS", headers })).status, 204);
    const frames = new Frames(socketUrl(server), { headers });
    const response = await within(new Promise((resolve) => frames.socket.once("upgrade", resolve)), "the 101");
    assert.deepEqual(corsOf(response.headers), expected);
    frames.close();
  });
});

describe("a browser on a page from elsewhere", kTimeout, () => {
  let browser;
  let page;
  let elsewhere;
  let url;
  before(async () => {
    elsewhere = http.createServer((req, res) => res.setHeader("Content-Type", "text/html").end("<!doctype html><title>elsewhere</title>"));
    await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${elsewhere.address().port}`;
    browser = await launch();
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url);
  }, kTimeout);
  after(async () => {
    await browser?.close();
    elsewhere?.close();
  }, kTimeout);

  /** Connects from the page to `server`, sends an echo, and resolves with what came of it. */
  async function connect(server, transports, options = {}) {
    await page.goto(url);
    await page.addScriptTag({ url: `${server.url}/socket.io/socket.io.js` });
    return page.evaluate(([to, transports, options]) => new Promise((resolve) => {
      const socket = window.io(to, { transports, reconnection: false, ...options });
      const end = (outcome) => { socket.disconnect(); resolve(outcome); };
      socket.on("connect_error", () => end("refused"));
      socket.on("connect", () => socket.emit("echo", "hello", (answer) => end(`${answer} by ${transports}`)));
    }), [server.url, transports, options]);
  }

  // covers eio/server: cors › should work with CORS enabled
  test("polls where CORS lets it, preflights included", async (t) => {
    const server = await lab({ cors: { origin: [url], credentials: true }, client_dist: clientBundleDir }, t);
    assert.equal(await connect(server, ["polling"]), "hello by polling");
    assert.equal(await connect(server, ["polling"], { withCredentials: true, extraHeaders: { "x-own": "1" } }), "hello by polling");
    assert.equal(await connect(server, ["websocket"]), "hello by websocket");
  });

  test("does not where it does not", async (t) => {
    const silent = await lab({ client_dist: clientBundleDir }, t);
    assert.equal(await connect(silent, ["polling"]), "refused");
    const others = await lab({ cors: { origin: ["https://other.example"] }, client_dist: clientBundleDir }, t);
    assert.equal(await connect(others, ["polling"]), "refused");
  });

  // What CORS does not do: a WebSocket is not asked about.
  test("opens WebSockets unless its origin is refused", async (t) => {
    const open = await lab({ client_dist: clientBundleDir }, t);
    assert.equal(await connect(open, ["websocket"]), "hello by websocket");
    const closed = await lab({ allowed_origins: ["https://other.example"], client_dist: clientBundleDir }, t);
    assert.equal(await connect(closed, ["websocket"]), "refused");
    const listed = await lab({ allowed_origins: [url], client_dist: clientBundleDir }, t);
    assert.equal(await connect(listed, ["websocket"]), "hello by websocket");
  });
});
