// The browser of the machine: SIO_CHROMIUM, or where Debian has it. It fetches nothing of its own.
import { chromium } from "playwright-core";

/** Starts a browser, which is closed when the test `t` is over; without `t` the caller closes it. */
export async function launch(t = undefined) {
  const browser = await chromium.launch({
    executablePath: process.env.SIO_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t?.after(() => browser.close());
  return browser;
}
