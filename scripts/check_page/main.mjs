// Checks the page of a running server. Arguments: address, browser, folder for screenshots or "", pattern of the
// states or "". Exit status 1 means that the page has faults.

import fs from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";
import { measure } from "./lighthouse.mjs";
import { prepare } from "./pictures.mjs";
import { states } from "./states.mjs";

const [url, executablePath, folder, pattern] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DEVICES = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
let faults = 0;

/** Opens one state of the page, saves its picture, and prints what axe-core finds. */
async function check(browser, name, { device, language, scheme, go }) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => tell(name, `an error of a script: ${error.message}`));
  // axe-core runs in the page, which allows no foreign script.
  await page.setBypassCSP(true);
  await page.setViewport(DEVICES[device]);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.evaluateOnNewDocument((code) => Object.defineProperty(navigator, "languages", { get: () => [code] }), language);
  try {
    await go(page, url);
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations)
      tell(name, `${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `    ${target.join(" ")}: ${failureSummary}`).join("\n")}`);
  } catch (error) {
    tell(name, `the state could not be reached: ${error.message}`);
  }
  await context.close();
}

function tell(name, fault) {
  faults++;
  console.log(`${name}: ${fault}`);
}

await prepare(url);
const browser = await puppeteer.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
let checked = 0;
for (const [state, go] of Object.entries(states))
  for (const device of Object.keys(DEVICES))
    for (const language of ["en", "ja"])
      for (const scheme of ["light", "dark"]) {
        const name = `${state}-${device}-${language}-${scheme}`;
        if (pattern && !new RegExp(pattern).test(name)) continue;
        await check(browser, name, { device, language, scheme, go });
        checked++;
      }
console.log(`axe-core has looked at ${checked} states`);
if (!pattern) for (const slow of await measure(browser, url)) tell("lighthouse", slow);
await browser.close();
process.exit(faults || !checked ? 1 : 0);
