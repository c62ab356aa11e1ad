// The months of a list in the order of its dates. This module uses neither the page nor the network.

const DAY = 86_400_000;

/** The number of a month: twelve times the year, plus the month from 0. Days count from 1970. */
function monthOf(day) {
  const date = new Date(day * DAY);
  return 12 * date.getUTCFullYear() + date.getUTCMonth();
}

/** The first day of a month as a date. */
export const dateOf = (month) => new Date(Date.UTC(Math.floor(month / 12), month % 12));

/** The year of a month, or null for the pictures without a date. */
export const yearOf = (month) => (month === null ? null : Math.floor(month / 12));

/**
 * The months of a list, each with its first index: [{month, first}]. `day(index)` is null for a picture without a date,
 * and so is the month of such pictures.
 */
export function monthsOf(count, day) {
  const months = [];
  let known;
  for (let index = 0; index < count; index++) {
    const one = day(index);
    // Many pictures follow each other with the same day, and one division less for each of them is felt.
    if (one === known) continue;
    known = one;
    const month = one === null ? null : monthOf(one);
    if (!months.length || months.at(-1).month !== month) months.push({ month, first: index });
  }
  return months;
}

/** The place in the months of the one that holds an index. */
export function placeOf(months, index) {
  let [low, high] = [0, months.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (months[middle].first <= index) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The place of the first month of the year before (direction −1) or after (1); the first or the last at the end. */
export function nextYear(months, place, direction) {
  const year = yearOf(months[place].month);
  let target = place;
  while (months[target] && yearOf(months[target].month) === year) target += direction;
  if (!months[target]) return direction < 0 ? 0 : months.length - 1;
  if (direction > 0) return target;
  const before = yearOf(months[target].month);
  while (target > 0 && yearOf(months[target - 1].month) === before) target--;
  return target;
}
