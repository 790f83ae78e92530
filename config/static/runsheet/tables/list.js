// @ts-check
/** The page of all tables: its buttons, and a CSV dropped anywhere on it. */
import { openImport } from "./import.js";
import { openNewTable } from "./create.js";

/** The buttons come disabled: before this module is here a click would do nothing. */
function arm(selector, act) {
  for (const button of document.querySelectorAll(selector)) {
    button.addEventListener("click", act);
    /** @type {HTMLButtonElement} */ (button).disabled = false;
  }
}

arm("[data-new-table]", () => openNewTable());
arm("[data-import-csv]", () => openImport(null));

const carriesFiles = (event) => Boolean(event.dataTransfer && event.dataTransfer.types.includes("Files"));

addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!carriesFiles(event) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  openImport(event.dataTransfer?.files[0] || null);
});
