// @ts-check
/** On a narrow screen rows are cards; the grid stands below them, unused, and comes back when there is room. */

/** Part of the grid. */
export function attachNarrow(grid) {
  const narrow = matchMedia("(max-width: 720px)");
  let cards = null;
  const fit = async () => {
    const { Cards } = narrow.matches ? await import("./cards.js") : { Cards: null };
    cards?.remove();
    cards = Cards && narrow.matches ? new Cards(grid) : null;
  };
  narrow.addEventListener("change", fit);
  if (narrow.matches) fit();
}
