// The live page in a real browser, as an operator meets it.
"use strict";
const assert = require("node:assert/strict");
const { join } = require("node:path");
const { after, before, describe, it } = require("node:test");
const { chromium } = require("playwright-core");
const { Rig } = require("./rig.js");

const { CHROMIUM, SCREENSHOTS, WORK } = process.env;
const WARM = Number(process.env.WARM ?? 8) * 1000;
const DESK = { width: 1180, height: 880 };
const PHONE = { width: 390, height: 844 };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Waits until something holds on the page, or says what stood there instead. */
async function holds(page, what, condition, argument) {
  try {
    await page.waitForFunction(condition, argument, { timeout: 20_000 });
  } catch {
    assert.fail(`${what}; the page says:\n${await page.locator("body").innerText()}`);
  }
}

describe("the live page", { timeout: 900_000 }, () => {
  const rig = new Rig();
  let browser, loads;
  before(async () => {
    await rig.start();
    loads = rig.loadAll();
    // A container has no sandbox of its own for the browser, and a small /dev/shm.
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    await pause(WARM);
  });
  after(async () => {
    await browser?.close();
    await rig.stop();
  });

  /** A page that keeps all that should never happen on it. */
  async function open(options = {}, url = rig.url) {
    const context = await browser.newContext({ viewport: DESK, colorScheme: "light", ...options });
    const page = await context.newPage();
    const wrongs = [], requests = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrongs.push(message.text()));
    page.on("pageerror", (error) => wrongs.push(String(error)));
    page.on("request", (request) => requests.push(request.url()));
    await page.exposeFunction("violated", (text) => wrongs.push(`policy: ${text}`));
    await page.addInitScript(() => document.addEventListener("securitypolicyviolation",
      (event) => window.violated(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
    page.wrongs = wrongs;
    page.requests = requests;
    page.answer = await page.goto(url);
    await page.waitForSelector("section.app");
    return page;
  }
  const app = (page, name) => page.locator(`#app-${name}`);

  it("shows the rate in use, and who uses it", async () => {
    const page = await open();
    const prod = app(page, "prod");
    await holds(page, "no 180 calls a second are shown", () => Number(document.querySelector("#app-prod .used-now").textContent) >= 180);
    assert.match(await prod.locator(".of").innerText(), /of 200 calls a second/);
    await holds(page, "not every caller is listed", () => document.querySelectorAll("#app-prod .callers tr").length === 3);
    assert.deepEqual((await prod.locator(".callers .name").allInnerTexts()).sort(), ["billing", "migration", "signup"]);
    assert.deepEqual(await prod.locator(".lanes .name").allInnerTexts(), ["unary", "stream"]);
    assert.match(await prod.locator(".lanes tr:nth-child(2) .median").innerText(), /\d m?s/);
    assert.match(await prod.locator(".usersig").innerText(), /in 23 h 5\d min|in 24 h 00 min/);
    assert.match(await prod.locator(".breaker").innerText(), /Chat takes the credential/);
    assert.match(await prod.locator(".outcomes").innerText(), /OK/);
    await page.context().close();
  });

  it("shows which app is in trouble, and what failed lately", async () => {
    const page = await open();
    await holds(page, "the app trial is not shown as out of reach", () => /can't be reached; asked again in/.test(document.querySelector("#app-trial .breaker").textContent));
    await holds(page, "the app staging is not shown as slowed down", () => /^Lowered to \d+ a second$/.test(document.querySelector("#app-staging .slowed:not([hidden])")?.textContent));
    assert.match(await app(page, "staging").locator(".adapt").innerText(), /\d s ago/);
    assert.equal(await page.locator("#state").innerText(), "Serving, with trouble");
    await holds(page, "failures are missing", () => ["INVALID_REQUEST", "CALLER_UNKNOWN", "CHAT_UNREACHABLE", "APP_UNKNOWN"]
      .every((reason) => document.querySelector("#failures").textContent.includes(reason)));
    const markup = page.locator("#failures tr", { hasText: "APP_UNKNOWN" }).locator(".message");
    assert.match(await markup.innerText(), /<b>prod<\/b>/);
    assert.equal(await page.locator("#failures b").count(), 0, "a caller's text became markup");
    await page.context().close();
  });

  it("has the last minutes at once, and moves", async () => {
    const page = await open();
    const points = () => page.$eval("#app-prod svg .used", (path) => path.getAttribute("d").split(/[ML]/).length - 1);
    assert.ok(await points() >= Math.min(250, WARM / 1000 - 2), `${await points()} points of a new page`);
    const first = await page.$eval("#app-prod svg .used", (path) => path.getAttribute("d"));
    await holds(page, "the chart stands still", (d) => document.querySelector("#app-prod svg .used").getAttribute("d") !== d, first);
    assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation").length), 1);
    await page.context().close();
  });

  it("loads nothing but its own, and could not", async () => {
    const page = await open();
    await pause(2500);
    assert.deepEqual(page.wrongs, []);
    for (const url of page.requests) assert.ok(url.startsWith(rig.url) || url.startsWith("data:"), url);
    const policy = page.answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'.*script-src 'sha256-.*connect-src 'self'.*frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    const refused = await page.evaluate(() => { try { document.body.innerHTML = "<b>x</b>"; return false; } catch { return true; } });
    assert.ok(refused, "text can be made markup");
    await page.context().close();
  });

  it("works with the keyboard alone", async () => {
    const page = await open();
    const focused = () => page.evaluate(() => document.activeElement.className || document.activeElement.textContent.trim());
    const seen = [];
    for (let presses = 0; presses < 8; presses++) {
      await page.keyboard.press("Tab");
      seen.push(await focused());
      if (seen.at(-1) === "chart") break;
    }
    assert.equal(seen.at(-1), "chart", `the way by Tab was ${seen}`);
    const read = () => page.evaluate(() => document.activeElement.getAttribute("aria-valuetext"));
    assert.match(await read(), /^\d\d:\d\d:\d\d {2}\d+ of \d+ a second, \d+ waiting$/);
    const time = async () => (await read()).slice(0, 8);
    const now = await time();
    for (let presses = 0; presses < 3; presses++) await page.keyboard.press("ArrowLeft");
    assert.notEqual(await time(), now);
    assert.ok(await page.$eval(":focus .cursor", (cursor) => cursor.getAttribute("d").length > 0));
    await page.keyboard.press("Escape");
    assert.equal(await page.$eval(":focus .cursor", (cursor) => cursor.getAttribute("d")), "");
    await page.context().close();
  });

  it("fits a phone", async () => {
    const page = await open({ viewport: PHONE, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= PHONE.width, `${wide} px wide`);
    await page.context().close();
  });

  for (const [name, options] of Object.entries({
    light: {},
    dark: { colorScheme: "dark" },
    phone: { viewport: PHONE, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: "dark" },
  })) {
    it(`has its picture taken: ${name}`, async () => {
      const page = await open(options);
      await pause(1500);
      const path = join(SCREENSHOTS || WORK, `live-page-${name}.png`);
      await page.screenshot({ path });
      await page.context().close();
    });
  }

  it("shows how the rate is shared, and that Redis is away", async () => {
    const shared = new Rig();
    try {
      await shared.startShared();
      const page = await open({}, shared.url);
      await holds(page, "who shares is not shown", () => /^by 1 gateway, the share of 2 rests$/.test(document.querySelector("#app-prod dd.shared").textContent));
      assert.ok(await page.locator("#app-prod .ledger").isHidden());
      await shared.redis.stop("SIGKILL");
      await holds(page, "the share is not shown", () => /^Redis is away: 66 a second of our own$/.test(document.querySelector("#app-prod .ledger:not([hidden])")?.textContent));
      assert.equal(await page.locator("#state").innerText(), "Serving, with trouble");
      await page.context().close();
    } finally {
      await shared.stop();
    }
  });

  it("says that the gateway is gone, and goes on with the next one", async () => {
    const page = await open();
    await Promise.all(loads.map((load) => load.stop()));
    await rig.gateway.stop("SIGKILL");
    await holds(page, "it does not say that the gateway is gone", () => /has not answered since/.test(document.querySelector("#gone").innerText));
    assert.equal(await page.locator("#state").innerText(), "Gone");
    assert.ok(await page.locator("#retry").isVisible());
    await rig.startGateway();
    loads = [rig.load("billing", 20, "--app", "prod")];
    await page.locator("#retry").click();
    await holds(page, "it does not come back", () => document.querySelector("#gone").hidden);
    await holds(page, "the new gateway's rate is not shown", () => Number(document.querySelector("#app-prod .used-now").textContent) >= 15);
    const points = await page.$eval("#app-prod svg .used", (path) => path.getAttribute("d").split(/[ML]/).length - 1);
    assert.ok(points < 25, `${points} points, of the gateway before too`);
    await page.context().close();
  });
});
