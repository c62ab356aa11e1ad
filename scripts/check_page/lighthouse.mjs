// Measures the page with Lighthouse as a phone on a slow network.

import lighthouse from "lighthouse";

const LEAST = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };
const RUNS = 3;

/** Prints the median of each category, and returns what falls short. */
export async function measure(browser, url) {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const runs = [];
  for (let run = 0; run < RUNS; run++)
    runs.push((await lighthouse(`${url}/`, { port, output: "json", logLevel: "error", onlyCategories: Object.keys(LEAST) })).lhr);
  return Object.entries(LEAST).flatMap(([category, least]) => {
    const scores = runs.map(({ categories }) => Math.round(categories[category].score * 100)).sort((one, other) => one - other);
    console.log(`lighthouse ${category}: ${scores.join(", ")}`);
    return scores[(RUNS - 1) / 2] < least ? [`${category} is below ${least}\n${reasons(runs.at(-1), category)}`] : [];
  });
}

/** Names the audits of a category that cost points. */
function reasons({ categories, audits }, category) {
  const bad = categories[category].auditRefs.filter(({ id, weight }) => weight && audits[id].score !== null && audits[id].score < 1);
  return bad.map(({ id }) => `    ${audits[id].title}: ${audits[id].displayValue ?? ""}`).join("\n");
}
