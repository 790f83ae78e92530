// @ts-check
/** Tables pinned to the navigation: kept in this browser, per workspace. */

const key = `runsheet-pins-${document.documentElement.dataset.workspace}`;

/** @returns {{id: string, name: string}[]} */
function pins() {
  try {
    const kept = JSON.parse(localStorage.getItem(key) || "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // storage is closed to us, or holds something else: nothing is pinned then
  }
}

export const isPinned = (id) => pins().some((pin) => pin.id === id);

/** Pin a table, rename its pin, or (without a name) take it away. @param {string} id @param {string|null} name */
export function pin(id, name) {
  const known = pins();
  const at = known.findIndex((each) => each.id === id);
  if (name === null) known.splice(at, at < 0 ? 0 : 1);
  else if (at < 0) known.push({ id, name });
  else known[at].name = name;
  try {
    localStorage.setItem(key, JSON.stringify(known));
  } catch {
    /* it holds for this page then */
  }
  drawPins(known);
}

/** Show them, those of `known` or those that are kept. */
export function drawPins(known = pins()) {
  const box = document.getElementById("pinned");
  const list = box?.querySelector("ul");
  if (!box || !list) return;
  const sign = document.querySelector(".nav-links svg");
  box.hidden = !known.length;
  list.replaceChildren(
    ...known.map(({ id, name }) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const words = document.createElement("span");
      link.href = `/tables/${encodeURIComponent(id)}/`;
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
      words.textContent = link.title = name;
      link.append(...(sign ? [sign.cloneNode(true)] : []), words);
      item.append(link);
      return item;
    }),
  );
}
