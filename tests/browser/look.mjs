// Opens pages in a browser, each in several windows, and says what axe-core finds in them and what was measured.
// Standard input: {"browser": PATH, "windows": [{"page": URL, "width": N, "height": N, "dark": BOOL, "measure": EXPRESSION}]}.
// Standard output: a list with what was seen in each window, in their order (tests/browser/windows.py).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const packages = createRequire(join(process.cwd(), "package.json"));
const puppeteer = packages("puppeteer-core");
const axeSource = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");
const asked = JSON.parse(readFileSync(0, "utf8"));

const layout = () => {
  const root = document.documentElement;
  const shown = [...document.body.querySelectorAll("*")].filter((one) => one.getClientRects().length);
  const path = (one) => `${one.tagName.toLowerCase()}${one.className && one.className.trim ? "." + one.className.trim().replace(/\s+/g, ".") : ""}`;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    outside: shown.filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1).map(path),
    scrolling: shown
      .filter((one) => one.scrollWidth > one.clientWidth + 1 && /auto|scroll|hidden|clip/.test(getComputedStyle(one).overflowX))
      .map(path),
    focusable: [...document.querySelectorAll("[tabindex]")].map(path),
    background: getComputedStyle(document.body).backgroundColor,
  };
};

const browser = await puppeteer.launch({
  executablePath: asked.browser,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"],
});
const answers = [];
try {
  for (const { page: url, width, height, dark, measure, picture } of asked.windows) {
    const page = await browser.newPage();
    const requests = [];
    page.on("request", (request) => requests.push(request.url()));
    // The page's own policy may forbid scripts, and axe is one.
    await page.setBypassCSP(true);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
    await page.goto(url, { waitUntil: "load" });
    const seen = await page.evaluate(layout);
    const measured = measure ? await page.evaluate(measure) : null;
    if (picture) await page.screenshot({ path: picture, fullPage: true });
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const found = violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      places: nodes.map((node) => `${node.target.join(" ")}: ${node.html.slice(0, 200)}`),
    }));
    answers.push({ ...seen, requests, measured, found });
    await page.close();
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(answers));
