// @ts-check
/** New table: a name and the columns people will type into. */
import { api } from "../api.js";
import { openForm } from "../ui/form.js";

export async function openNewTable() {
  const table = await openForm({
    title: "New table",
    yes: "Create table",
    fields: [
      { name: "name", label: "Name", maxlength: 200 },
      { name: "columns", label: "Columns, one a line", lines: 4, value: "Name", required: false },
    ],
    act: ({ name, columns }) => {
      const names = columns
        .split("\n")
        .map((each) => each.trim())
        .filter(Boolean);
      return api("POST", "tables/", { body: { name, columns: names.map((each) => ({ name: each, type: "text" })) } });
    },
  });
  if (table) location.assign(`/tables/${table.id}/`);
}
