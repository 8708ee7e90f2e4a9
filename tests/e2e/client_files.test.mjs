// The browser client's files below the path, and the port a server listens on.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import zlib from "node:zlib";
import { clientBundleDir } from "./support/server.mjs";
import { kTimeout } from "./support/suites.mjs";
import { lab } from "./support/lab.mjs";
import { Polling, request } from "./support/wire.mjs";

const kScript = "application/javascript; charset=utf-8";
const kMap = "application/json; charset=utf-8";

describe("files of the client", kTimeout, () => {
  // covers sio/server-attachment: should serve client
  // covers sio/server-attachment: should serve client with query string
  // covers sio/server-attachment: should serve client (min)
  // covers sio/server-attachment: should serve source map
  // covers sio/server-attachment: should serve source map (min)
  // covers sio/server-attachment: should serve bundle with msgpack parser
  // covers sio/server-attachment: should serve source map for bundle with msgpack parser
  // covers sio/server-attachment: should serve the ESM bundle
  // covers sio/server-attachment: should serve the source map for the ESM bundle
  // covers sio/server-attachment: should serve socket.io.js
  // covers sio/uws: should serve socket.io.js
  // covers sio/uws: should serve socket.io.js (with query params)
  // covers sio/uws: should serve socket.io.js.map
  // covers sio/uws: should serve socket.io.min.js
  // covers sio/uws: should serve socket.io.min.js.map
  // covers sio/uws: should serve socket.io.msgpack.min.js
  // covers sio/uws: should serve socket.io.msgpack.min.js.map
  // covers sio/server-attachment: should work with #attach
  test("all eight are served", async (t) => {
    const server = await lab({ client_dist: clientBundleDir }, t);
    for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js", "socket.io.esm.min.js"]) {
      for (const [file, type] of [[name, kScript], [`${name}?buster=${Date.now()}`, kScript], [`${name}.map`, kMap]]) {
        const answer = await request(`${server.url}/socket.io/${file}`);
        assert.equal(answer.status, 200, file);
        assert.equal(answer.headers["content-type"], type, file);
        assert.match(answer.headers.etag, /^(W\/)?".+"$/, file);
        assert.equal(answer.headers["cache-control"], "public, max-age=0");
        assert.equal(answer.headers["x-content-type-options"], "nosniff");
        assert.equal(answer.headers["x-sourcemap"], undefined);
        assert.equal(answer.body, fs.readFileSync(path.join(clientBundleDir, file.split("?")[0]), "utf8"), file);
      }
    }
  });

  // covers sio/server-attachment: should handle 304
  // covers sio/uws: should return 304 when If-None-Match matches ETag
  // covers sio/uws: should return 200 when If-None-Match does not match ETag
  test("not again to who has them", async (t) => {
    const server = await lab({ client_dist: clientBundleDir }, t);
    const url = `${server.url}/socket.io/socket.io.js`;
    const { etag } = (await request(url)).headers;
    const strong = etag.replace(/^W\//, "");
    for (const tag of [strong, `W/${strong}`]) {
      const answer = await request(url, { headers: { "if-none-match": tag } });
      assert.equal(answer.status, 304);
      assert.equal(answer.body, "");
    }
    assert.equal((await request(url, { headers: { "if-none-match": '"other"' } })).status, 200);
  });

  // covers sio/server-attachment: should serve client (gzip)
  // covers sio/server-attachment: should serve client (br)
  test("compressed as the client likes it best", async (t) => {
    const server = await lab({ client_dist: clientBundleDir }, t);
    const version = JSON.parse(fs.readFileSync(path.join(clientBundleDir, "../package.json"), "utf8")).version;
    const file = fs.readFileSync(path.join(clientBundleDir, "socket.io.js"));
    const unpack = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync, deflate: zlib.inflateSync };
    const brotli = process.env.SIO_WITHOUT_BROTLI !== "1";  // as the server was built
    for (const [accept, encoding] of [["gzip,br,deflate", "gzip"], ["gzip;q=0.5, br", brotli ? "br" : "gzip"],
      ["br", brotli ? "br" : undefined], ["deflate", "deflate"], ["identity", undefined]]) {
      const answer = await new Promise((resolve, reject) => {
        http.get(`${server.url}/socket.io/socket.io.js`, { headers: { "accept-encoding": accept }, agent: false }, (res) => {
          const parts = [];
          res.on("data", (part) => parts.push(part)).on("error", reject)
            .on("end", () => resolve({ headers: res.headers, body: Buffer.concat(parts) }));
        }).on("error", reject);
      });
      assert.equal(answer.headers["content-encoding"], encoding, accept);
      assert.equal(answer.headers.etag, `"${version}"`);
      assert.equal(answer.headers["x-sourcemap"], undefined);
      assert(encoding ? answer.body.length < file.length / 3 : answer.body.equals(file));
      if (encoding) assert(unpack[encoding](answer.body).equals(file));
    }
  });

  // covers sio/server-attachment: should not serve unknown files from the Socket.IO path
  // covers sio/server-attachment: should return 404 for mismatching path
  // covers sio/server-attachment: should not serve static files
  // covers sio/uws: should not serve unknown files from the Socket.IO path
  // covers sio/uws: should return 404 for mismatching path
  test("nothing else, and none when turned off", async (t) => {
    const server = await lab({ client_dist: clientBundleDir }, t);
    assert.equal((await request(`${server.url}/socket.io/socket.io.unknown.js`)).status, 400);
    assert.equal((await request(`${server.url}/socket.io/socket.io.esm.js`)).status, 400);
    assert.equal((await request(`${server.url}/socket.io.js`)).status, 404);
    const off = await lab({ client_dist: clientBundleDir, serve_client: false }, t);
    assert.equal((await request(`${off.url}/socket.io/socket.io.js`)).status, 400);
  });
});

// covers sio/server-attachment: should be bound
// covers sio/server-attachment: with listen
test("a port that the system chose is listened on", kTimeout, async (t) => {
  const server = await lab({}, t);
  assert.notEqual(server.port, 0);
  assert.match((await Polling.open(server)).sid, /^[\w-]{20}$/);
});
