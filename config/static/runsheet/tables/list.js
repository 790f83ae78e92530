// @ts-check
/** The page of all tables: its buttons, the menu of each table, and a file dropped anywhere on it. */
import { api } from "../api.js";
import { plural } from "../format.js";
import { confirm } from "../ui/confirm.js";
import { openForm } from "../ui/form.js";
import { html } from "../ui/html.js";
import { item, openMenu } from "../ui/menu.js";
import { arm, once } from "../ui/once.js";
import { toast } from "../ui/toast.js";
import { openNewTable } from "./create.js";
import { takeDrops } from "./drops.js";
import { openImport } from "./import.js";
import { isPinned, pin } from "./pins.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-table-list]"));
const may = { edit: "mayEdit" in list.dataset, archive: "mayArchive" in list.dataset };
const stale = () => list.dispatchEvent(new CustomEvent("stale"));
const show = (table) => location.assign(`/tables/${table.id}/`);

/** The buttons come disabled: before this module is here a click would do nothing. */
for (const button of document.querySelectorAll("[data-new-table], [data-import]")) {
  button.addEventListener("click", () =>
    "newTable" in /** @type {HTMLElement} */ (button).dataset ? openNewTable() : openImport({}),
  );
  /** @type {HTMLButtonElement} */ (button).disabled = false;
}
if (may.edit && !("archived" in list.dataset)) takeDrops(document.documentElement, (file) => openImport({ file }));

arm(list, (button) => menu(button, tableOf(button)));
for (const row of list.querySelectorAll("[data-table]")) {
  const { id, name } = tableOf(row);
  if (isPinned(id)) pin(id, name);
}

function tableOf(element) {
  const { table: id, name, rows } = element.closest("[data-table]").dataset;
  return { id, name, rows: Number(rows) };
}

function menu(button, table) {
  const isArchived = "archived" in list.dataset;
  openMenu(
    button,
    () =>
      html`<h3>${table.name}</h3>
        ${isArchived ? itemsOfArchived(table) : itemsOf(table)}`,
    { label: table.name },
  );
}

const itemsOfArchived = (table) =>
  may.archive ? item("Restore", () => restore(table)) : html`<p class="note">An admin can restore it.</p>`;

function itemsOf(table) {
  const isOn = isPinned(table.id);
  return html`${item(isOn ? "Unpin" : "Pin to the side", () => pin(table.id, isOn ? null : table.name))}
  ${may.edit && item("Rename…", () => rename(table))}
  ${may.edit && table.rows > 0 && item(`Duplicate with ${plural(table.rows, "row")}`, () => duplicate(table, true))}
  ${may.edit && item("Duplicate without rows", () => duplicate(table, false))} ${may.archive && html`<hr />`}
  ${may.archive && item("Archive…", () => archive(table), true)}`;
}

async function rename(table) {
  const named = await openForm({
    title: "Rename table",
    yes: "Rename",
    fields: [{ name: "name", label: "Name", value: table.name, maxlength: 200 }],
    act: ({ name }) => api("PATCH", `tables/${table.id}/`, { body: { name } }),
  });
  if (!named) return;
  if (isPinned(table.id)) pin(table.id, named.name);
  stale();
}

async function duplicate(table, rows) {
  const copy = await once(null, `duplicate “${table.name}”`, () =>
    api("POST", `tables/${table.id}/duplicate/`, { body: { rows } }),
  );
  if (!copy) return;
  toast(`“${copy.name}” has been made.`, { action: { label: "Open", run: () => show(copy) } });
  stale();
}

async function archive(table) {
  const sure = await confirm({
    title: `Archive “${table.name}”?`,
    yes: "Archive table",
    text:
      `Its ${plural(table.rows, "row")} and what they hold are kept. ` +
      "What runs on it is stopped, and its triggers go. An admin can restore it.",
  });
  if (!sure || !(await once(null, `archive “${table.name}”`, () => api("DELETE", `tables/${table.id}/`)))) return;
  pin(table.id, null);
  toast(`“${table.name}” is archived.`, { action: { label: "Undo", run: () => restore(table) } });
  stale();
}

async function restore(table) {
  const back = await once(null, `restore “${table.name}”`, () => api("POST", `tables/${table.id}/restore/`));
  if (!back) return;
  toast(`“${table.name}” is back.`, { action: { label: "Open", run: () => show(table) } });
  stale();
}
