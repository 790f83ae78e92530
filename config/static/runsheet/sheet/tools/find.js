// @ts-check
/** Find: jumps from one cell that shows a text to the next, and can list only the rows that have it. */
import { isAbort } from "../../api.js";
import { count } from "../../format.js";
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "../../ui/html.js";
import { crossButton } from "../../ui/parts.js";
import { report } from "../../ui/toast.js";
import { box } from "../controls.js";
import { make } from "../dom.js";
import { Hits } from "./hits.js";

const LOOK_AFTER_MS = 250;

/** @param {any} grid @param {HTMLElement|null} anchor gets the focus back */
export function openFind(grid, anchor) {
  const known = grid.parentElement.querySelector(".find");
  if (known) return known.querySelector("input").select();
  const box = make("div", { class: "find", role: "search" });
  const close = () => {
    render(null, box);
    box.remove();
    if (grid.viewing.q) anchor?.focus();
    else grid.takeFocus();
  };
  grid.parentElement.append(box);
  render(html`<${Find} grid=${grid} close=${close} />`, box);
}

function Find({ grid, close }) {
  const { viewing } = grid;
  const [text, setText] = useState(viewing.q);
  const [only, setOnly] = useState(Boolean(viewing.q));
  const [at, setAt] = useState(-1);
  const [busy, setBusy] = useState(false);
  const hits = useRef(/** @type {Hits|null} */ (null));
  const input = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => input.current.select(), []);
  const goTo = (place) => {
    setAt(place);
    const found = hits.current?.places[place];
    if (found) grid.activate(found);
  };
  const look = async (act) => {
    setBusy(true);
    try {
      await act();
    } catch (error) {
      if (isAbort(error)) return; // another search goes on
      report(error, "search");
    }
    setBusy(false);
  };
  useEffect(() => {
    hits.current?.stop();
    setAt(-1);
    hits.current = null;
    const timer = setTimeout(() => {
      const q = only ? text.trim() : "";
      if (viewing.q !== q) viewing.set({ q });
      if (!text.trim()) return;
      const from = grid.active;
      const mine = new Hits(grid, text.trim());
      hits.current = mine;
      look(async () => {
        await mine.more();
        const isAhead = ({ row, col }) => row > from.row || (row === from.row && col >= from.col);
        const ahead = from ? mine.places.findIndex(isAhead) : -1;
        goTo(Math.max(ahead, mine.places.length ? 0 : -1));
      });
    }, LOOK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text, only]);
  useEffect(() => () => hits.current?.stop(), []);
  const step = (by) =>
    look(async () => {
      const mine = hits.current;
      if (!mine || busy) return;
      if (by > 0 && at === mine.places.length - 1) await mine.more();
      const all = mine.places.length;
      if (all) goTo((at + by + all) % all);
    });
  const key = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  };
  return html`<input
      ref=${input}
      type="search"
      aria-label="Search"
      placeholder="Search"
      maxlength="500"
      value=${text}
      onInput=${(event) => setText(event.currentTarget.value)}
      onKeyDown=${key}
    />
    <span class="find-count" role="status">${wordsOf(text.trim(), hits.current, at, busy)}</span>
    <button type="button" class="icon-button up" aria-label="Previous" onClick=${() => step(-1)}></button>
    <button type="button" class="icon-button down" aria-label="Next" onClick=${() => step(1)}></button>
    <label>${box(only, setOnly)}Only matching rows</label>
    ${crossButton("Close the search", close)}`;
}

/** "3 of 42"; a plus while there is more to look at. */
function wordsOf(text, hits, at, busy) {
  if (!text || !hits) return "";
  const all = hits.places.length;
  const more = hits.next !== null;
  if (!all) return busy ? "Searching…" : more ? "" : "Not found";
  return `${count(at + 1)} of ${count(all)}${more ? "+" : ""}`;
}
