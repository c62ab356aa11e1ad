// The states of the page that are checked. Each is a function that opens the page and acts as a reader does.

/** Opens the page with a query, and waits for the answer and the visible pictures. */
async function open(page, url, query = "") {
  await page.goto(`${url}/${query}`, { waitUntil: "networkidle0" });
  await page.waitForFunction(() => document.querySelector("#grid").ariaBusy === "false");
}

const click = (page, css) => page.$eval(css, (node) => node.click());

/** Waits until a selector finds something that is visible. */
const seen = (page, css) => page.waitForSelector(css, { visible: true, timeout: 20_000 });

const words = (text) => `?q=${encodeURIComponent(text)}`;

export const states = {
  list: open,
  search: (page, url) => open(page, url, words("海の夕焼け -人")),
  nonsense: (page, url) => open(page, url, words("qzxv wvkjq")),
  async facets(page, url) {
    await open(page, url, `${words("red")}&type=image%2Fwebp&type=image%2Fjpeg`);
    await click(page, "#filter-toggle");
    await page.$$eval("#filter details", (sections) => sections.forEach((section) => (section.open = true)));
    await page.waitForNetworkIdle();
  },
  async selection(page, url) {
    await open(page, url);
    for (const place of [1, 2, 4]) await click(page, `#grid li:nth-child(${place}) .mark`);
    await seen(page, "#selection");
  },
  async viewer(page, url) {
    await open(page, url, words("green dress girl"));
    await click(page, "#grid .card");
    await page.waitForFunction(() => document.querySelector("#large").naturalWidth > 0);
  },
  async duplicates(page, url) {
    await open(page, url);
    await click(page, "#duplicates-open");
    await page.$eval("#duplicates-form", (form) => (form.elements[0].value = 0.9));
    await click(page, "#duplicates-form button");
    await seen(page, "#duplicates-list li .shown");
    await page.waitForNetworkIdle();
  },
  async models(page, url) {
    await open(page, url);
    await click(page, "#model");
    await seen(page, "#models-list li");
  },
  /** On a phone, the menu; elsewhere the same tools are in the bar. */
  async menu(page, url) {
    await open(page, url);
    if (await page.$eval("#menu-open", (button) => button.checkVisibility())) await click(page, "#menu-open");
  },
};
