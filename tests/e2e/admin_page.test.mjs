// The Admin UI itself, the page of npm's @socket.io/admin-ui, in a real browser. The page comes from another origin; our
// server is the one it looks at.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { launch } from "./support/browser.mjs";
import { lab } from "./support/lab.mjs";

const kTimeout = { timeout: 180_000 };
const kDist = fileURLToPath(new URL("./node_modules/@socket.io/admin-ui/ui/dist/", import.meta.url));
const kTypes = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml", png: "image/png" };

let browser;
let pages;  // a server of its own for the page, of another origin

before(async () => {
  pages = createServer(async (request, response) => {
    const name = new URL(request.url, "http://x").pathname.replace(/^\/$/, "/index.html");
    try {
      const bytes = await readFile(kDist + name.slice(1));
      response.writeHead(200, { "Content-Type": kTypes[name.split(".").pop()] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
  browser = await launch();
}, kTimeout);
after(async () => {
  await browser?.close();
  pages?.closeAllConnections();
  await new Promise((resolve) => pages?.close(resolve));
}, kTimeout);

describe("the page", kTimeout, () => {
  test("login, dashboard, sockets", async (t) => {
    const origin = `http://127.0.0.1:${pages.address().port}`;
    const server = await lab({
      // The page draws itself anew with every statistics: on a busy machine it never came to anything else when they came ten
      // times a second, not even to hiding its dialog.
      admin: { username: "admin", password: "changeit", server_id: "our-server", stats_interval: 1000 },
      cors: { origin, credentials: true },
    }, t);
    const client = io(server.url, { forceNew: true, transports: ["websocket"] });
    t.after(() => client.close());
    await new Promise((resolve) => client.once("connect", resolve));

    const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } });
    t.after(() => context.close());
    context.setDefaultTimeout(60_000);
    // Fonts and icons of elsewhere are not needed.
    await context.route((url) => !["127.0.0.1", "localhost"].includes(url.hostname), (route) => route.abort());
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${origin}/`, { waitUntil: "domcontentloaded" });
    const login = async (password) => {
      await page.getByLabel("Server URL").fill(server.url);
      await page.getByLabel("Username").fill("admin");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Connect" }).click();
    };
    await login("wrong");
    await page.getByText("Invalid credentials").waitFor();
    await login("changeit");
    await page.getByText("Invalid credentials").waitFor({ state: "hidden" });

    await page.goto(`${origin}/#/servers/`);
    await page.getByText("our-server").first().waitFor();
    await page.goto(`${origin}/#/sockets/`);
    await page.getByText(client.id).first().waitFor();

    // It comes back with its session: the password is not kept.
    await page.reload({ waitUntil: "domcontentloaded" });
    await page.getByText(client.id).first().waitFor();
    assert.deepEqual(complaints, []);
  });
});
