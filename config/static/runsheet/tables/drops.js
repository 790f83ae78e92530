// @ts-check
/** Files dropped on a part of the page. */

const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/**
 * @param {HTMLElement} place
 * @param {(file: File) => void} take not asked while a dialog is open, which takes its own
 */
export function takeDrops(place, take) {
  place.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  place.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    take(file);
  });
}
