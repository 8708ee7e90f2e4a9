// The chat page in a real browser: two windows talk to each other through the `chat` server.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { launch } from "./support/browser.mjs";
import { chat, quietPort } from "./support/server.mjs";
import { closeClients, connected } from "./support/suites.mjs";

const kTimeout = { timeout: 180_000 };
const kWaitMs = 60_000;  // how long a page may take; sanitizer builds are slow

// A picture of 2x2 pixels; small enough to be sent unchanged, so its bytes can be compared.
const kPng = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8z8DAwMDAxMDAwMDAAAANHQEDasKb6QAAAABJRU5ErkJggg==", "base64");

let browser;
let server;

before(async () => {
  server = await chat();
  browser = await launch();
}, kTimeout);
after(async () => {
  closeClients();
  await browser?.close();
  await server?.stop();
}, kTimeout);

/** A window of its own user. What the page complains about fails the test in which it is closed. */
async function open(name, { url = server.url, query = "", room = "", init } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  context.setDefaultTimeout(kWaitMs);
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) page.complaints.push(message.text());
  });
  if (init) await page.addInitScript(init);
  await page.goto(`${url}/${query}${room && `#${room}`}`);
  if (name) {
    await page.fill("#nick-name", name);
    await page.press("#nick-name", "Enter");
    await page.waitForSelector("#banner", { state: "hidden" });
    await page.waitForSelector("#people-list .you");
  }
  return page;
}

async function close(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

const hears = (page, text) => page.locator(".msg:not(.own) .bubble", { hasText: text }).first().waitFor();
const own = (page, text) => page.locator(".msg.own", { hasText: text }).last();
const reaches = (page, text, state) => page.waitForFunction(
  ([text, state]) => [...document.querySelectorAll(".msg.own")].some((node) => node.textContent.includes(text) && node.dataset.state === state),
  [text, state]);
const badge = (page, name) => page.waitForSelector(`#transport[data-state="${name}"]`);
const texts = (page, selector) => page.locator(selector).allTextContents();

test("the page is in nobody's frame, and tells nobody where it was", kTimeout, async () => {
  for (const path of ["/", "/app.js", "/none"]) {
    const { headers } = await fetch(server.url + path);
    assert.equal(headers.get("content-security-policy"), "frame-ancestors 'none'");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  }
  const framing = await browser.newPage();
  await framing.setContent(`<iframe src="${server.url}/"></iframe>`);
  await framing.waitForFunction(() => frames.length === 1);
  const [, frame] = framing.frames();
  await frame.waitForURL(/^chrome-error:/);
  await framing.close();
});

describe("the server, whoever asks", () => {
  const ask = (socket, ...event) => socket.timeout(kWaitMs).emitWithAck(...event);
  const visitor = () => connected(server, ["websocket"]);
  const accepted = async (socket, ...event) => (await ask(socket, ...event)).ok;

  test("a room with more pictures than a packet may have can be joined; it has the newest ten, and all that was said", kTimeout, async () => {
    const ann = await visitor();
    assert((await ask(ann, "join", { name: "Ann", room: "gallery" })).ok);
    for (let i = 0; i < 13; ++i) {
      assert((await ask(ann, "message", { text: `${i}` })).ok);
      assert((await ask(ann, "image", { name: `${i}`, type: "image/png", data: Buffer.alloc(1000, i) })).ok);
    }
    const { history } = await ask(await visitor(), "join", { name: "Bob", room: "gallery" });
    const pictures = history.filter(({ image }) => image);
    assert.deepEqual(pictures.map(({ image }) => image.name), Array.from({ length: 10 }, (_, i) => `${3 + i}`));
    for (const { image } of pictures) assert.deepEqual(image.data, Buffer.alloc(1000, Number(image.name)));
    assert.deepEqual(history.filter(({ text }) => text).map(({ text }) => text), Array.from({ length: 13 }, (_, i) => `${i}`));
  });

  test("names, rooms and texts are as long as they say, in characters", kTimeout, async () => {
    const ann = await visitor();
    for (const one of ["a", "ä", "名", "🚀"]) {
      assert(await accepted(ann, "join", { name: one.repeat(40), room: one.repeat(40) }), one);
      assert(!await accepted(ann, "join", { name: one.repeat(41), room: "r" }), one);
      assert(!await accepted(ann, "join", { name: "Ann", room: one.repeat(41) }), one);
      assert(await accepted(ann, "rename", { name: one.repeat(40) }), one);
      assert(!await accepted(ann, "rename", { name: one.repeat(41) }), one);
      assert(await accepted(ann, "message", { text: one.repeat(4000) }), one);
      assert(!await accepted(ann, "message", { text: one.repeat(4001) }), one);
    }
  });

  test("what comes with a picture is limited as well", kTimeout, async () => {
    const ann = await visitor();
    assert((await ask(ann, "join", { name: "Ann", room: "captions" })).ok);
    const image = (name, type) => accepted(ann, "image", { name, type, data: Buffer.alloc(1) });
    assert(await image("ä".repeat(100), `image/${"x".repeat(94)}`));
    assert(!await image("ä".repeat(101), "image/png"));
    assert(!await image("x", `image/${"x".repeat(95)}`));
    assert(!await image("x", "text/html"));
  });
});

describe("two windows", () => {
  test("name, message, ticks, who is here, transport", async () => {
    const [ann, bob] = [await open("Ann"), await open("Bob")];
    await badge(ann, "websocket");
    await badge(bob, "websocket");
    await ann.locator("#people-list .person", { hasText: "Bob" }).waitFor();
    await ann.locator(".note", { hasText: "Bob joined" }).waitFor();
    assert.equal(await bob.textContent("#room-sub"), "2 online");

    await say(ann, "Hello Bob");
    await hears(bob, "Hello Bob");
    await reaches(ann, "Hello Bob", "acked");
    assert.equal(await own(ann, "Hello Bob").locator(".tick").getAttribute("aria-label"), "acknowledged");
    await say(bob, "Hello Ann 🚀\nsecond line");
    await hears(ann, "second line");
    await ann.locator(".msg .by", { hasText: "Bob" }).waitFor();
    assert.equal(await ann.locator(".msg").count(), 2);

    await bob.context().close();
    await ann.locator(".note", { hasText: "Bob left" }).waitFor();
    assert.equal(await ann.textContent("#room-sub"), "only you here");
    await close(ann);
  });

  test("the name is remembered and can be changed", async () => {
    const [ann, bob] = [await open("Ann", { room: "names" }), await open("Bob", { room: "names" })];
    await ann.click("#rename");
    await ann.fill("#nick-name", "Anna");
    await ann.press("#nick-name", "Enter");
    await bob.locator(".note", { hasText: "Ann is now Anna" }).waitFor();
    await bob.locator("#people-list .person", { hasText: "Anna" }).waitFor();
    // Bob may hear of it before Ann's page has its acknowledgement, which is when it keeps the name.
    await ann.waitForFunction(() => document.querySelector("#my-name").textContent === "Anna");
    await ann.reload();
    await ann.waitForSelector("#people-list .you");
    assert.equal(await ann.textContent("#my-name"), "Anna");
    await close(ann, bob);
  });

  test("typing is shown and goes away", async () => {
    const [ann, bob] = [await open("Ann", { room: "typing" }), await open("Bob", { room: "typing" })];
    await bob.waitForSelector("#people-list li:nth-child(2)");
    const shown = ann.waitForFunction(() => document.querySelector("#typing").textContent.includes("Bob is typing"));
    await bob.locator("#text").pressSequentially("I am", { delay: 20 });
    await shown;
    await bob.press("#text", "Enter");
    await hears(ann, "I am");
    await ann.waitForFunction(() => document.querySelector("#typing").textContent === "");
    await close(ann, bob);
  });

  test("a picture arrives byte for byte; a large one is made smaller", async () => {
    const init = () => {
      const make = URL.createObjectURL;
      window.shown = [];
      URL.createObjectURL = (blob) => { window.shown.push(blob); return make.call(URL, blob); };
    };
    const [ann, bob] = [await open("Ann", { room: "pictures" }), await open("Bob", { room: "pictures", init })];
    await bob.waitForSelector("#people-list li:nth-child(2)");
    await ann.setInputFiles("#file", { name: "dot.png", mimeType: "image/png", buffer: kPng });
    await ann.waitForSelector('.msg.own[data-state="acked"] .picture');
    await bob.waitForSelector(".picture img");
    const seen = await bob.$eval(".picture img", async (img) => {
      await img.decode();
      return [img.naturalWidth, img.naturalHeight, img.alt];
    });
    assert.deepEqual(seen, [2, 2, "dot.png, sent by Ann"]);
    assert.deepEqual(Buffer.from(await bob.evaluate(async () => [...new Uint8Array(await window.shown[0].arrayBuffer())])), kPng);

    // Noise does not compress: about 8 MB as PNG.
    const noise = Buffer.from(await ann.evaluate(async () => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1600;
      const image = new ImageData(1600, 1600);
      for (let i = 0; i < image.data.length; i += 65_536) crypto.getRandomValues(image.data.subarray(i, i + 65_536));
      for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
      canvas.getContext("2d").putImageData(image, 0, 0);
      return canvas.toDataURL("image/png").split(",")[1];
    }), "base64");
    assert(noise.length > 1_000_000);
    await ann.setInputFiles("#file", { name: "noise.png", mimeType: "image/png", buffer: noise });
    await bob.waitForSelector('.picture img[alt^="noise.jpg"]');
    await ann.waitForFunction(() => document.querySelectorAll('.msg.own[data-state="acked"] .picture').length === 2);
    assert.equal(await ann.getAttribute("#transport", "data-state"), "websocket");

    await bob.click(".picture button");
    await bob.waitForSelector("#lightbox[open]");
    await close(ann, bob);
  });

  test("names are cut between characters, never inside of one", async () => {
    const room = `a${"🚀".repeat(39)}`;
    const ann = await open("Ann", { room: encodeURIComponent(`${room}🚀`) });
    assert.equal(await ann.textContent("#room-title"), `# ${room}`);
    await ann.setInputFiles("#file", { name: `a${"🚀".repeat(100)}.png`, mimeType: "image/png", buffer: kPng });
    await ann.waitForSelector('.msg.own[data-state="acked"] .picture');
    const bob = await open("Bob", { room: encodeURIComponent(room) });
    const shown = await bob.getAttribute(".picture img", "alt");
    assert.equal(shown, `a${"🚀".repeat(95)}, sent by Ann`);
    await close(ann, bob);
  });

  test("what is no picture is refused in the page", async () => {
    const ann = await open("Ann", { room: "pictures-2" });
    await ann.setInputFiles("#file", { name: "x.png", mimeType: "image/x-unknown", buffer: Buffer.from("not a picture") });
    await ann.waitForSelector("#toast:not([hidden])");
    assert.equal(await ann.locator(".msg").count(), 0);
    await close(ann);
  });

  test("rooms: create, list, switch, history", async () => {
    const [ann, bob] = [await open("Ann", { room: "one" }), await open("Bob", { room: "one" })];
    await say(ann, "said in one");
    await hears(bob, "said in one");
    await ann.setInputFiles("#file", { name: "dot.png", mimeType: "image/png", buffer: kPng });
    await bob.waitForSelector(".picture img");
    await ann.fill("#new-room-name", "two — zwei");
    await ann.press("#new-room-name", "Enter");
    await bob.locator(".note", { hasText: "Ann left" }).waitFor();
    await ann.waitForFunction(() => document.querySelector("#room-title").textContent === "# two — zwei");
    assert.equal(await ann.locator(".msg").count(), 0);
    await say(ann, "alone in two");
    await reaches(ann, "alone in two", "acked");
    await bob.locator('[data-room="two — zwei"]').waitFor();
    assert.deepEqual(await texts(bob, '[data-room="two — zwei"] .room-count'), ["1"]);

    await bob.click('[data-room="two — zwei"]');
    await hears(bob, "alone in two");
    assert.equal((await texts(bob, ".msg")).length, 1);
    await ann.locator(".note", { hasText: "Bob joined" }).waitFor();
    assert.equal(decodeURIComponent(new URL(ann.url()).hash), "#two — zwei");

    const eve = await open("Eve", { room: "two%20%E2%80%94%20zwei" });
    await hears(eve, "alone in two");
    await close(ann, bob, eve);
  });

  test("the history has pictures and ends with the newest fifty", async () => {
    const ann = await open("Ann", { room: "long" });
    for (let i = 0; i < 59; ++i) await say(ann, `number ${i}.`);
    await ann.setInputFiles("#file", { name: "dot.png", mimeType: "image/png", buffer: kPng });
    await ann.waitForFunction(() => document.querySelectorAll('.msg[data-state="acked"]').length === 60);
    const bob = await open("Bob", { room: "long" });
    await bob.waitForSelector(".picture img");
    const shown = await texts(bob, ".msg .text");
    assert.deepEqual(shown, Array.from({ length: 49 }, (_, i) => `number ${10 + i}.`));
    await close(ann, bob);
  });

  test("markup stays text", async () => {
    const [ann, bob] = [await open("Ann", { room: "xss" }), await open('<img src=x onerror="window.hacked=1">', { room: "xss" }).catch((e) => e)];
    if (bob instanceof Error) throw bob;
    await say(ann, '<script>window.hacked=1</script><img src=x onerror="window.hacked=1"> javascript:alert(1) https://example.com/?a="b">');
    await bob.locator(".msg:not(.own) .text", { hasText: "<script>" }).waitFor();
    for (const page of [ann, bob]) {
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      assert.equal(await page.locator(".msg script, .msg .text img, #people-list img").count(), 0);
      assert.deepEqual(await page.$$eval(".msg a", (links) => links.map((link) => link.href)), ["https://example.com/?a="]);
    }
    await close(ann, bob);
  });

  test("keyboard and themes", async () => {
    const ann = await open("Ann", { room: "keys" });
    const before = await ann.evaluate(() => document.documentElement.dataset.theme);
    await ann.keyboard.press("Alt+KeyT");
    assert.notEqual(await ann.evaluate(() => document.documentElement.dataset.theme), before);
    await ann.keyboard.press("Alt+KeyH");
    await ann.waitForSelector("#help[open]");
    await ann.keyboard.press("Escape");
    await ann.waitForSelector("#help:not([open])", { state: "attached" });
    await ann.keyboard.press("Alt+KeyN");
    await ann.keyboard.type("keys-2");
    await ann.keyboard.press("Enter");
    await ann.waitForFunction(() => document.querySelector("#room-title").textContent === "# keys-2");
    await ann.keyboard.type("typed at once");
    await ann.keyboard.press("Enter");
    await reaches(ann, "typed at once", "acked");
    await close(ann);
  });
});

describe("without WebSocket", () => {
  const kWays = [
    ["?transports=polling", { query: "?transports=polling" }],
    ["a WebSocket that always fails", { init: () => { window.WebSocket = class { constructor() { throw new Error("blocked"); } }; } }],
  ];
  for (const [what, options] of kWays) {
    test(`it works with ${what}`, async () => {
      const [ann, bob] = [await open("Ann", { room: "polling", ...options }), await open("Bob", { room: "polling" })];
      await bob.waitForSelector("#people-list li:nth-child(2)");
      await say(ann, "over polling");
      await hears(bob, "over polling");
      await reaches(ann, "over polling", "acked");
      await say(bob, "over WebSocket");
      await hears(ann, "over WebSocket");
      await ann.setInputFiles("#file", { name: "dot.png", mimeType: "image/png", buffer: kPng });
      await bob.waitForSelector(".picture img");
      assert.equal(await ann.getAttribute("#transport", "data-state"), "polling");
      await close(ann, bob);
    });
  }
});

describe("a server that goes away", () => {
  for (const [what, query] of [["WebSocket", ""], ["polling", "?transports=polling"]]) {
    test(`banner, pending messages, reconnection, delivery (${what})`, async () => {
      let own = await chat(await quietPort());
      const [ann, bob] = [await open("Ann", { url: own.url, query }), await open("Bob", { url: own.url, query })];
      await badge(ann, query ? "polling" : "websocket");
      await say(ann, "before");
      await hears(bob, "before");
      await own.kill();
      for (const page of [ann, bob]) {
        await page.waitForSelector("#banner:not([hidden])");
        await page.waitForFunction(() => /attempt \d+/.test(document.querySelector("#banner-text").textContent));
        await badge(page, "down");
      }
      for (const text of ["waiting 1", "waiting 2", "waiting 3"]) await say(ann, text);
      await reaches(ann, "waiting 3", "pending");
      await ann.waitForFunction(() => document.querySelector("#banner-text").textContent.includes("3 messages waiting"));

      own = await own.again();
      for (const page of [ann, bob]) {
        await page.click("#retry-now", { timeout: 2000 }).catch(() => {});  // it may be back already
        await page.waitForSelector("#banner", { state: "hidden" });
      }
      for (const text of ["waiting 1", "waiting 2", "waiting 3"]) await reaches(ann, text, "acked");
      await hears(bob, "waiting 3");
      assert.deepEqual((await texts(bob, ".msg .text")), ["before", "waiting 1", "waiting 2", "waiting 3"]);
      assert.deepEqual((await texts(ann, ".msg .text")), ["before", "waiting 1", "waiting 2", "waiting 3"]);
      await badge(ann, query ? "polling" : "websocket");
      await close(ann, bob);
      await own.stop();
    });
  }
});
