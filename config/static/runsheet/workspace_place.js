// @ts-check
/** Where a control of a live list is, so that it is found again in the list that takes its place. Pure. */

/** What the rows of such lists are known by. */
const ROWS = ["trigger", "invocation", "run", "table"];
/** What a control of a row is known by, with or without a value. */
const CONTROLS = ["act", "pick", "resume", "rerun"];

/** The row of an element: `{selector, place}`, its place among the rows of the list; or null. */
export function rowOf(list, element) {
  const name = ROWS.find((each) => element?.closest(`[data-${each}]`));
  const row = name && element.closest(`[data-${name}]`);
  if (!row || row === list || !list.contains(row)) return null;
  const selector = `[data-${name}="${row.dataset[name]}"]`;
  return { selector, place: [...list.querySelectorAll(`[data-${name}]`)].indexOf(row) };
}

/**
 * Selectors of a control, the best first: the same one of the same row, then what leads into that row; and of what
 * stands beside the rows. Empty when it is not in the list.
 * @returns {string[]}
 */
export function selectorsOf(list, element) {
  if (!element || element === list || !list.contains(element)) return [];
  const name = [...CONTROLS, "resumePicked"].find((each) => each in element.dataset);
  const attribute = name?.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
  const value = name && element.dataset[name] ? `="${element.dataset[name]}"` : "";
  const own = name && `[data-${attribute}${value}]`;
  const row = rowOf(list, element);
  if (!row) return own ? [own] : [];
  const links = [...list.querySelectorAll(`${row.selector} a[href]`)];
  const link = links.includes(element) && `a[href="${element.getAttribute("href")}"]`;
  return [own, link, "a"].filter(Boolean).map((each) => `${row.selector} ${each}`);
}

/** Whether the control under the pointer would be another row's in the fresh list. */
export function wouldSlip(list, fresh, control) {
  const before = control && rowOf(list, control);
  if (!before) return false;
  const there = fresh.querySelector(before.selector);
  return rowOf(fresh, there)?.place !== before.place;
}
