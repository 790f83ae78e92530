// @ts-check
/**
 * While a run changes what rows are sorted or filtered by, nothing moves on screen: it is counted, moves when asked.
 *
 * A cell that got a value, or a status that is filtered by, counts at once. Of rows changed in other ways it is known
 * only when their page is read again and has them in another order.
 */
import { plural } from "../../format.js";
import { Voice } from "../../ui/voice.js";
import { askedOf } from "./asked.js";

/** Some row moved, and nothing has said which. */
const SOMEBODY = "somebody";

/** Part of the grid; `grid.hasMoved`. */
export function attachMoved(grid) {
  const voice = new Voice();
  grid.append(voice.element);
  const note = document.getElementById("rows-moved");
  const words = note?.querySelector("span");
  /** @type {Set<string>} */
  const moved = new Set();
  const suspects = new Set();
  const show = () => {
    if (!note || !words) return;
    const text = moved.size ? `${plural(moved.size, "row")} may have moved` : "";
    note.hidden = !text;
    words.textContent = text;
    voice.say(text, text && "moved");
  };
  const later = () => {
    grid.hasMoved = moved.size > 0;
    grid.movedFrame ||= requestAnimationFrame(() => {
      grid.movedFrame = 0;
      show();
    });
  };
  const forget = () => {
    moved.clear();
    suspects.clear();
    later();
  };
  grid.session.addEventListener("cells", (event) => {
    if (!grid.store.keepsOrder) return;
    const { filter, sort, q } = grid.viewing;
    const asked = askedOf([filter, sort]);
    const keys = [...asked].map((id) => grid.schema.column.get(id)?.key).filter(Boolean);
    for (const cell of /** @type {CustomEvent} */ (event).detail) {
      const isMeant = asked.has(cell.group) || (cell.data && (q || keys.some((key) => key in cell.data)));
      if (isMeant) moved.add(cell.row);
    }
    if (moved.size > 1) moved.delete(SOMEBODY);
    if (moved.size) later();
  });
  grid.session.addEventListener("rows", (event) => {
    if (grid.store.keepsOrder)
      for (const id of /** @type {CustomEvent} */ (event).detail.changed || []) suspects.add(id);
  });
  grid.store.listener.moved = () => {
    for (const id of suspects) moved.add(id);
    if (!moved.size) moved.add(SOMEBODY);
    later();
  };
  grid.store.listener.anew = forget;
  grid.addEventListener("sheet:query", forget);
  note?.querySelector("button")?.addEventListener("click", () => {
    forget();
    grid.refetch();
    grid.takeFocus();
  });
}
